import CLibTorch

extension Tensor {
    /// Makes tensors at the same time, each on one thread, without gradients.
    ///
    /// Where many short operators follow one another, this is faster than sharing each of them among the threads, which
    /// then have to meet after every one.
    /// - Parameters:
    ///   - part: called once with each index below `count`, from several threads. It must change nothing that another
    ///     part reads.
    /// - Returns: the parts in order.
    package static func concurrently(_ count: Int, _ part: (Int) -> Tensor) -> [Tensor] {
        guard count > 1, Runtime.threadCount > 1 else {
            return withoutGradients { (0..<count).map(part) }
        }
        return withoutActuallyEscaping(part) { part in
            let parts = ConcurrentParts(count: count, part)
            wf_run_concurrently(
                Int32(count),
                { context, index in Unmanaged<ConcurrentParts>.fromOpaque(context!).takeUnretainedValue().make(index) },
                Unmanaged.passUnretained(parts).toOpaque())
            return withExtendedLifetime(parts) { parts.results }
        }
    }
}

/// Each place is written by one thread, and read after all have met.
private final class ConcurrentParts {
    private let found: UnsafeMutableBufferPointer<Tensor?>
    private let part: (Int) -> Tensor

    init(count: Int, _ part: @escaping (Int) -> Tensor) {
        found = .allocate(capacity: count)
        found.initialize(repeating: nil)
        self.part = part
    }

    deinit {
        found.deinitialize()
        found.deallocate()
    }

    func make(_ index: Int32) { found[Int(index)] = withoutGradients { part(Int(index)) } }

    var results: [Tensor] { found.compactMap(\.self) }
}
