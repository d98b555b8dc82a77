import ArgumentParser
import Foundation
import Training

/// One call of the tool, from its arguments to its exit code.
enum Invocation {
    /// - Parameter arguments: those of the process where nothing is said.
    static func run(_ arguments: [String]? = nil) async -> Never {
        // Verbs that have something to save listen to signals themselves, while they have it.
        Interruption.leaveAtOnce()
        do {
            try checkHelp(arguments ?? Array(CommandLine.arguments.dropFirst()))
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

    /// The argument parser answers `help NONSENSE` with the general help.
    private static func checkHelp(_ arguments: [String]) throws {
        guard arguments.first == "help" else { return }
        var command: any ParsableCommand.Type = Wallfacer.self
        for name in arguments.dropFirst() where !name.hasPrefix("-") && name != "help" {
            let verbs = command.configuration.subcommands
            guard let next = verbs.first(where: { $0._commandName == name }) else {
                let names = verbs.map { $0._commandName }
                throw Failure.badUsage(
                    "help \(name): no such command"
                        + (names.isEmpty ? "" : "; there are \(names.sorted().joined(separator: ", "))"))
            }
            command = next
        }
    }

    private static func leave(with error: any Error) -> Never {
        if error is CancellationError {
            StandardError.write("wallfacer: interrupted")
            leave(ExitStatus.interrupted)
        }
        switch Wallfacer.exitCode(for: error) {
        case .success:
            // Help and version are asked for, so they are results.
            do {
                try StandardOutput.line(Wallfacer.fullMessage(for: error))
                leave(0)
            } catch {
                StandardError.write(Failure.line(for: error))
                leave(ExitStatus.failed)
            }
        case .validationFailure:
            StandardError.write(Failure.usage(Wallfacer.fullMessage(for: error)))
            leave(ExitStatus.badUsage)
        default:
            if let code = error as? ExitCode { leave(code.rawValue) }
            StandardError.write(Failure.line(for: error))
            leave(ExitStatus.of(error))
        }
    }

    private static func leave(_ code: Int32) -> Never {
        // What was printed through the C library may still wait in its buffer.
        if fflush(nil) != 0, code == 0 {
            StandardError.write(Failure.line(for: StandardOutput.failure(code: errno)))
            _exit(ExitStatus.failed)
        }
        // Libraries' threads may still run; their destructors have nothing to save.
        _exit(code)
    }
}
