import ArgumentParser
import Foundation

/// One call of the tool, from its arguments to its exit code.
enum Invocation {
    /// - Parameter arguments: those of the process where nothing is said.
    static func run(_ arguments: [String]? = nil) async -> Never {
        leaveWhenInterrupted()
        do {
            var command = try Wallfacer.parseAsRoot(arguments)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            leave(0)
        } catch {
            leave(with: error)
        }
    }

    /// Verbs that have something to save listen to signals themselves; the others stop at once.
    private static func leaveWhenInterrupted() {
        for number in [SIGINT, SIGTERM] { signal(number) { _ in _exit(ExitStatus.interrupted) } }
    }

    private static func leave(with error: any Error) -> Never {
        if error is CancellationError {
            StandardError.write("wallfacer: interrupted")
            leave(ExitStatus.interrupted)
        }
        let code = Wallfacer.exitCode(for: error)
        switch code {
        case .success:
            // Help and version are asked for, so they are results.
            print(Wallfacer.fullMessage(for: error))
            leave(0)
        case .validationFailure:
            StandardError.write(Failure.usage(Wallfacer.fullMessage(for: error)))
            leave(ExitStatus.badUsage)
        default:
            if let code = error as? ExitCode { leave(code.rawValue) }
            StandardError.write(Failure.line(for: error))
            leave(ExitStatus.failed)
        }
    }

    private static func leave(_ code: Int32) -> Never {
        fflush(nil)
        // Libraries' threads may still run; their destructors have nothing to save.
        _exit(code)
    }
}

/// The exit codes that scripts may rely on.
enum ExitStatus {
    static let failed: Int32 = 1
    static let badUsage: Int32 = 2
    static let interrupted: Int32 = 130
}
