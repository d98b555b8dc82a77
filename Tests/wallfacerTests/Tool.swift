import Foundation
import Synchronization
import Testing

/// The built command, run as a user runs it.
struct Tool {
    /// A home of its own, so that no test sees another's runs or the user's.
    let home: URL

    init() throws {
        home = FileManager.default.temporaryDirectory.appending(path: "wallfacer-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
    }

    /// Removes the home.
    func clean() { try? FileManager.default.removeItem(at: home) }

    struct Outcome {
        let status: Int32
        let output: String
        let errors: String
    }

    /// The executable beside the bundle of these tests.
    static let executable: URL = {
        let bundle = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let own = FileManager.default.fileExists(atPath: bundle.path) ? bundle : Bundle.main.bundleURL
        return own.deletingLastPathComponent().appending(path: "wallfacer")
    }()

    /// - Parameters:
    ///   - input: what comes through standard input; nothing comes if absent.
    ///   - signal: sent once the process waits for its input, which is then left open.
    func run(
        _ arguments: [String], input: String? = nil, environment: [String: String] = [:], signal: Int32? = nil
    ) throws -> Outcome {
        let process = process(arguments, environment: environment)
        let (standardInput, output, errors) = (Pipe(), Pipe(), Pipe())
        process.standardInput = standardInput
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        if let signal {
            try Self.waitUntilReading(process)
            kill(process.processIdentifier, signal)
        } else {
            if let input { try standardInput.fileHandleForWriting.write(contentsOf: Data(input.utf8)) }
            try standardInput.fileHandleForWriting.close()
        }
        // Both pipes are emptied at once: a full one would stop the process.
        let errorText = Mutex("")
        let reader = Thread {
            let data = errors.fileHandleForReading.readDataToEndOfFile()
            errorText.withLock { $0 = String(decoding: data, as: UTF8.self) }
        }
        let isRead = DispatchSemaphore(value: 0)
        let finishing = Thread {
            while !reader.isFinished { usleep(1_000) }
            isRead.signal()
        }
        reader.start()
        finishing.start()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        isRead.wait()
        return Outcome(status: process.terminationStatus, output: text, errors: errorText.withLock { $0 })
    }

    /// A process that waits for its input.
    func start(_ arguments: [String], environment: [String: String]) throws -> Process {
        let process = process(arguments, environment: environment)
        process.standardInput = Pipe()
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        try Self.waitUntilReading(process)
        return process
    }

    private func process(_ arguments: [String], environment: [String: String]) -> Process {
        let process = Process()
        process.executableURL = Self.executable
        process.arguments = arguments
        var variables = ProcessInfo.processInfo.environment.merging(
            ["WALLFACER_HOME": home.path, "COLUMNS": "80"], uniquingKeysWith: { $1 })
        for name in ["WALLFACER_DATA", "OMP_WAIT_POLICY", "WALLFACER_LAUNCHED"] { variables[name] = nil }
        process.environment = variables.merging(environment, uniquingKeysWith: { $1 })
        return process
    }

    /// Waits until the process sleeps in a read of its standard input.
    private static func waitUntilReading(_ process: Process) throws {
        for _ in 0..<2_000 {
            let call = try? String(contentsOfFile: "/proc/\(process.processIdentifier)/syscall", encoding: .utf8)
            // The number of `read` is 0 on x86-64 and 63 on arm64; its first argument is the descriptor.
            if let call, call.hasPrefix("0 0x0 ") || call.hasPrefix("63 0x0 ") { return }
            usleep(10_000)
        }
        throw ToolError.neverRead
    }

    enum ToolError: Error { case neverRead }
}

extension Tool.Outcome {
    /// The output as JSON.
    func json<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(type, from: Data(output.utf8))
    }
}

extension Tool {
    func run(_ arguments: String...) throws -> Outcome { try run(arguments) }
}
