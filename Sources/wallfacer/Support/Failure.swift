import ArgumentParser
import Corpora
import Experiments
import Foundation
import Studies
import Tensors

/// Something that the tool itself has to complain about.
struct Failure: Error, CustomStringConvertible {
    let description: String
    /// The call itself is wrong, whatever is on this machine.
    let isBadUsage: Bool

    init(_ description: String) {
        self.description = description
        isBadUsage = false
    }

    private init(badUsage description: String) {
        self.description = description
        isBadUsage = true
    }

    static func badUsage(_ description: String) -> Failure { Failure(badUsage: description) }

    /// `wallfacer: …` for any error; further lines are indented.
    static func line(for error: any Error) -> String {
        "wallfacer: " + text(of: error).split(separator: "\n").joined(separator: "\n  ")
    }

    /// What the argument parser says, with our name in front.
    static func usage(_ message: String) -> String {
        let prefix = "Error: "
        return "wallfacer: " + (message.hasPrefix(prefix) ? String(message.dropFirst(prefix.count)) : message)
    }

    private static func text(of error: any Error) -> String {
        switch error {
        // Their debugging text is not for people.
        case let error as CocoaError: place(error.filePath) + SystemReason.text(error)
        case let error as POSIXError: SystemReason.text(error)
        case let error as NSError where type(of: error) == NSError.self: SystemReason.text(error)
        default: "\(error)"
        }
    }

    private static func place(_ path: String?) -> String { path.map { "\($0): " } ?? "" }
}

/// The exit codes that scripts may rely on.
enum ExitStatus {
    static let failed: Int32 = 1
    static let badUsage: Int32 = 2
    static let interrupted: Int32 = 130

    /// Names from lists that the tool itself has are part of its usage; names of files and of what was trained are not.
    static func of(_ error: any Error) -> Int32 {
        switch error {
        case let failure as Failure: failure.isBadUsage ? badUsage : failed
        case is UnknownMethodError, StudyError.unknownStudy, StudyError.seeds, TensorError.unknownDevice: badUsage
        default: failed
        }
    }
}
