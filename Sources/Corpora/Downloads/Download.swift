import Foundation

/// A file to fetch: where from, where to, and how to know that it is the right one.
public struct Download: Sendable, Equatable {
    /// Tried in order.
    public let origins: [String]
    public let target: URL
    /// 64 hexadecimal digits; without it only the size is checked.
    public let sha256: String?
    public let byteCount: Int?

    public init(origins: [String], target: URL, sha256: String? = nil, byteCount: Int? = nil) {
        self.origins = origins
        self.target = target
        self.sha256 = sha256?.lowercased()
        self.byteCount = byteCount
    }

    /// The file while it is not complete.
    var partial: URL { target.appendingPathExtension("partial") }
}

/// How far a download has come.
public struct DownloadProgress: Sendable, Equatable {
    public let file: String
    public let received: Int
    /// nil where the server does not say.
    public let total: Int?
}

/// Why a file could not be fetched.
public enum DownloadError: Error, Equatable, CustomStringConvertible {
    /// Every origin failed; one reason for each.
    case failed(file: String, reasons: [String], advice: String)
    /// What arrived is not the file that was wanted.
    case wrongContent(origin: String, detail: String)
    /// The server answered, but not with the file.
    case refused(origin: String, status: Int)
    /// The connection could not be made, or broke and could not be taken up again.
    case unreachable(origin: String, reason: String, received: Int)
    /// The file system does not take the file.
    case unwritable(file: String, reason: String)

    public var description: String {
        switch self {
        case .failed(let file, let reasons, let advice):
            return "\(file) could not be fetched:\n" + reasons.map { "  \($0)\n" }.joined() + advice
        case .wrongContent(let origin, let detail): return "\(origin): \(detail)"
        case .refused(let origin, let status): return "\(origin): the server answers with status \(status)"
        case .unreachable(let origin, let reason, let received):
            return "\(origin): \(reason)" + (received > 0 ? " (\(received) bytes are kept and taken up next time)" : "")
        case .unwritable(let file, let reason): return "\(file): cannot be written: \(reason)"
        }
    }
}
