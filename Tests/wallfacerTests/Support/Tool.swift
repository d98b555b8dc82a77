import Foundation
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
    ///   - executable: another program than the command, which the environment names `WALLFACER` then.
    ///   - input: what comes through standard input; nothing comes if absent.
    ///   - output: takes standard output in place of ``Outcome/output``.
    /// The current folder is ``home``.
    func run(
        _ arguments: [String], input: Data? = nil, output: FileHandle? = nil, environment: [String: String] = [:],
        executable: URL = executable
    ) throws -> Outcome {
        let process = process(arguments, environment: environment)
        process.executableURL = executable
        // Files take any amount, where a full pipe would stop the process.
        let folder = FileManager.default.temporaryDirectory.appending(path: "wallfacer-output-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = [folder.appending(path: "output"), folder.appending(path: "errors")]
        for file in files { try Data().write(to: file) }
        let standardInput = Pipe()
        process.standardInput = standardInput
        process.standardOutput = try output ?? FileHandle(forWritingTo: files[0])
        process.standardError = try FileHandle(forWritingTo: files[1])
        try process.run()
        if let input { try standardInput.fileHandleForWriting.write(contentsOf: input) }
        try standardInput.fileHandleForWriting.close()
        process.waitUntilExit()
        let texts = try files.map { String(decoding: try Data(contentsOf: $0), as: UTF8.self) }
        return Outcome(status: process.terminationStatus, output: texts[0], errors: texts[1])
    }

    /// A process that waits for its input: a pipe with a name, whose other end opens once the process reads it.
    func start(_ arguments: [String], environment: [String: String] = [:]) throws -> Process {
        let pipe = home.appending(path: "input-\(UUID().uuidString)").path
        try #require(mkfifo(pipe, 0o600) == 0)
        let process = process(arguments + ["--file", pipe], environment: environment)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        for _ in 0..<3_000 {
            // Fails until there is a reader.
            if open(pipe, O_WRONLY | O_NONBLOCK) >= 0 { return process }
            usleep(10_000)
        }
        process.terminate()
        throw ToolError.neverRead
    }

    /// A process without input, whose standard error goes to a file.
    func start(_ arguments: [String], errors: URL) throws -> Process {
        let process = process(arguments, environment: [:])
        try Data().write(to: errors)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
        return process
    }

    private func process(_ arguments: [String], environment: [String: String]) -> Process {
        let process = Process()
        process.currentDirectoryURL = home
        process.executableURL = Self.executable
        process.arguments = arguments
        var variables = ProcessInfo.processInfo.environment.merging(
            ["WALLFACER_HOME": home.path, "COLUMNS": "80", "WALLFACER": Self.executable.path], uniquingKeysWith: { $1 })
        for name in ["WALLFACER_DATA", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "WALLFACER_LAUNCHED"] {
            variables[name] = nil
        }
        process.environment = variables.merging(environment, uniquingKeysWith: { $1 })
        return process
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

    func run(
        _ arguments: [String], input: String, environment: [String: String] = [:]
    ) throws -> Outcome { try run(arguments, input: Data(input.utf8), environment: environment) }
}
