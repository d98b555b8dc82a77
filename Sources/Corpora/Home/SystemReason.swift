import Foundation

/// Why the system refused, in its own few words: `permission denied`.
package enum SystemReason {
    /// The words for a code of `errno`.
    package static func text(code: Int32) -> String {
        let words = String(cString: strerror(code))
        return words.prefix(1).lowercased() + words.dropFirst()
    }

    /// The words for an error of Foundation's, which carries the system's own underneath.
    package static func text(_ error: any Error) -> String {
        let error = error as NSError
        if let code = code(of: error) { return text(code: code) }
        return error.localizedDescription
    }

    private static func code(of error: NSError) -> Int32? {
        if error.domain == NSPOSIXErrorDomain { return Int32(truncatingIfNeeded: error.code) }
        return (error.userInfo[NSUnderlyingErrorKey] as? any Error).flatMap { code(of: $0 as NSError) }
    }
}
