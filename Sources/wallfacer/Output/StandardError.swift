import Foundation

/// Everything that is not a result.
enum StandardError {
    static func write(_ line: String) { raw(line + "\n") }

    static func raw(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data(text.utf8)) }
}
