import CLibTorch

/// Where a tensor lives.
public enum Device: Sendable, Hashable {
    case cpu
    case cuda(Int)
    case mps

    /// Reads `cpu`, `cuda`, `cuda:1` or `mps`.
    /// - Throws: ``TensorError/unknownDevice(_:)`` for another name, ``TensorError/absentDevice(_:)`` where this
    ///   machine or this build of LibTorch has no such device.
    public init(named name: String) throws(TensorError) {
        let parts = name.lowercased().split(separator: ":", omittingEmptySubsequences: false)
        switch (parts.first, parts.count) {
        case ("cpu", 1): self = .cpu
        case ("mps", 1): self = .mps
        case ("cuda", 1): self = .cuda(0)
        case ("cuda", 2):
            guard let index = Int(parts[1]), index >= 0, index < 128 else { throw .unknownDevice(name) }
            self = .cuda(index)
        default: throw .unknownDevice(name)
        }
        guard isAvailable else { throw .absentDevice(name) }
    }

    /// True when LibTorch can compute on this device here.
    public var isAvailable: Bool { wf_device_is_available(type, Int32(index)) }

    var type: Int32 {
        switch self {
        case .cpu: 0
        case .cuda: 1
        case .mps: 13
        }
    }

    var index: Int {
        if case .cuda(let index) = self { index } else { 0 }
    }

    init(type: Int32, index: Int32) {
        switch type {
        case 1: self = .cuda(Int(index))
        case 13: self = .mps
        default: self = .cpu
        }
    }
}

extension Device: CustomStringConvertible {
    public var description: String {
        switch self {
        case .cpu: "cpu"
        case .cuda(let index): "cuda:\(index)"
        case .mps: "mps"
        }
    }
}
