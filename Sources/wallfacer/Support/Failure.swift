import ArgumentParser
import Foundation

/// Something that the tool itself has to complain about.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

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
        // Foundation's own description is the sentence for people; its debugging text is not.
        case let error as CocoaError: place(error.filePath) + error.localizedDescription
        case let error as POSIXError: error.localizedDescription
        case let error as NSError where type(of: error) == NSError.self: error.localizedDescription
        default: "\(error)"
        }
    }

    private static func place(_ path: String?) -> String { path.map { "\($0): " } ?? "" }
}
