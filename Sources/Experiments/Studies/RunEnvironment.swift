import Foundation

/// What a number depends on besides the code: the machine, its threads and the precision of the arithmetic.
public struct RunEnvironment: Sendable, Equatable, Codable {
    /// The model name of the processor.
    public var processor: String
    /// Threads used for computing.
    public var threads: Int
    /// The type of the arithmetic: `f32` or `bf16`.
    public var precision: String
    /// Operating system and its version.
    public var system: String

    public init(processor: String, threads: Int, precision: String, system: String) {
        self.processor = processor
        self.threads = threads
        self.precision = precision
        self.system = system
    }

    /// This machine.
    public static func current(threads: Int, precision: String) -> RunEnvironment {
        RunEnvironment(
            processor: processorName(), threads: threads, precision: precision,
            system: ProcessInfo.processInfo.operatingSystemVersionString)
    }

    /// For example `AMD EPYC 9R14, 2 threads, f32`.
    public var text: String { "\(processor), \(threads) \(threads == 1 ? "thread" : "threads"), \(precision)" }

    private static func processorName() -> String {
        let information = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        for line in information.split(separator: "\n") where line.hasPrefix("model name") {
            if let colon = line.firstIndex(of: ":") {
                return line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            }
        }
        #if arch(x86_64)
            return "x86-64 processor"
        #elseif arch(arm64)
            return "arm64 processor"
        #else
            return "unknown processor"
        #endif
    }
}

/// The commit that a number belongs to.
public enum SourceCommit {
    /// The commit of the working tree that holds `folder`, with `-dirty` after it where tracked files were changed;
    /// `unknown` without git or outside a working tree.
    public static func current(folder: URL = sourceFolder) -> String {
        guard let commit = git(["rev-parse", "--short=12", "HEAD"], in: folder), !commit.isEmpty else {
            return "unknown"
        }
        let changes = git(["status", "--porcelain", "--untracked-files=no"], in: folder) ?? ""
        return changes.isEmpty ? commit : commit + "-dirty"
    }

    /// The folder this file was compiled from. An installed tool that was moved away from its sources has no commit to
    /// name.
    public static let sourceFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

    private static func git(_ arguments: [String], in folder: URL) -> String? {
        guard FileManager.default.fileExists(atPath: folder.path) else { return nil }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["git", "-C", folder.path] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { return nil }
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
