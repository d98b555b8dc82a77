import Corpora
import Foundation

/// Results.
enum StandardOutput {
    /// Writes at once.
    /// - Throws: `Failure` where nobody takes it, such as on a full disk.
    static func write(_ text: String) throws {
        if let code = SystemWrite.all(Data(text.utf8), to: STDOUT_FILENO) { throw failure(code: code) }
    }

    static func line(_ text: String) throws { try write(text + "\n") }

    static func failure(code: Int32) -> Failure {
        Failure("standard output: cannot be written: \(SystemReason.text(code: code))")
    }
}
