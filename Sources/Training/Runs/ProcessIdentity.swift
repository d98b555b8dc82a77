import Foundation

/// Names one process for ever, so that another one can ask later whether it still runs.
///
/// A process number alone is used again; with the start time, the boot and the container it is not.
public struct ProcessIdentity: Sendable, Equatable, Codable {
    public let process: Int32
    /// Clock ticks between the boot and the start of the process; 0 where the system does not tell.
    public let startTicks: UInt64
    /// Changes with every boot; empty where the system does not tell.
    public let boot: String
    /// The machine's name and the container, outside of which process numbers mean nothing.
    public let machine: String

    public init(process: Int32, startTicks: UInt64, boot: String, machine: String) {
        self.process = process
        self.startTicks = startTicks
        self.boot = boot
        self.machine = machine
    }

    /// This process.
    public static let current: ProcessIdentity = {
        let process = ProcessInfo.processInfo.processIdentifier
        return ProcessIdentity(
            process: process, startTicks: startTicks(of: process) ?? 0, boot: currentBoot, machine: currentMachine)
    }()

    /// Whether the process is surely gone. A process of another machine or container may still run: then false.
    public var isGone: Bool {
        guard machine == Self.currentMachine else { return false }
        guard boot == Self.currentBoot else { return true }
        // Signal 0 asks whether the process exists; EPERM means that it does and belongs to someone else.
        if kill(process, 0) != 0 { return errno == ESRCH }
        guard startTicks != 0, let now = Self.startTicks(of: process) else { return false }
        return now != startTicks
    }

    private static let currentBoot = text(ofFile: "/proc/sys/kernel/random/boot_id")

    private static let currentMachine: String = {
        let container = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")) ?? ""
        return "\(ProcessInfo.processInfo.hostName) \(container)"
    }()

    /// Field 22 of `/proc/PID/stat`. The second field, the program's name, may hold blanks and brackets: count after
    /// its end.
    private static func startTicks(of process: Int32) -> UInt64? {
        let status = text(ofFile: "/proc/\(process)/stat")
        guard let nameEnd = status.lastIndex(of: ")") else { return nil }
        let fields = status[nameEnd...].split(separator: " ")
        return fields.count > 20 ? UInt64(fields[20]) : nil
    }

    private static func text(ofFile path: String) -> String {
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
