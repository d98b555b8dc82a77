import Foundation
import Testing

/// Disks without room, each a small one in memory that only the test's own processes see.
@Suite struct FullDiskTests {
    private static let unshare = URL(fileURLWithPath: "/usr/bin/unshare")
    private static let flags = geteuid() == 0 ? ["--mount"] : ["--mount", "--map-root-user"]

    /// Whether this system lets a process of its own mount a disk.
    private static let canMount: Bool = {
        guard FileManager.default.isExecutableFile(atPath: unshare.path) else { return false }
        let process = Process()
        process.executableURL = unshare
        process.arguments = flags + ["mount", "-t", "tmpfs", "tmpfs", NSTemporaryDirectory()]
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }()

    /// Runs a script of the shell with a disk of `size` as the tool's home.
    private func run(_ tool: Tool, size: String, _ script: String) throws -> Tool.Outcome {
        let whole = "mount -t tmpfs -o size=\(size) tmpfs \"$WALLFACER_HOME\" && cd \"$WALLFACER_HOME\"\n\(script)"
        return try tool.run(Self.flags + ["/bin/sh", "-c", whole], executable: Self.unshare)
    }

    private static let training =
        (["train", "pretrain", "--precision", "f32", "--threads", "1", "--name", "tales"] + TrainTests.tiny
        + ["--set", "budget.checkpointInterval=1", "--set", "budget.tokens=51200"]).joined(separator: " ")

    @Test(
        "A disk that fills up ends a training with one error; what was saved is kept, and goes on",
        .enabled(if: canMount))
    func training() throws {
        let tool = try Tool()
        defer { tool.clean() }
        // From the first checkpoint on, the disk takes nothing more than it holds.
        let outcome = try run(
            tool, size: "100m",
            """
            "$WALLFACER" \(Self.training) 2> errors & training=$!
            while kill -0 $training 2> kill && [ ! -e artefacts/tales.checkpoint/state.json ]; do sleep 0.01; done
            # Refused where more was written since it was counted.
            until mount -o remount,size=$(du --summarize --block-size=1024 . | cut -f 1)k "$WALLFACER_HOME"; do :; done 2> mount
            wait $training; echo "status $?"
            mount -o remount,size=100m "$WALLFACER_HOME"
            grep --count '^wallfacer: .*the disk is full' errors
            grep --only-matching 'the checkpoint of step [0-9]* is kept' errors | sed 's/[0-9][0-9]*/N/'
            ls artefacts
            "$WALLFACER" train pretrain --name tales --resume --threads 1 2> errors; echo "status $?"
            ls artefacts
            """)
        let lines = outcome.output.split(separator: "\n")
        #expect(
            lines == [
                "status 1", "1", "the checkpoint of step N is kept", "tales.checkpoint",
                "\(tool.home.path)/artefacts/tales", "status 0", "tales",
            ], "\(outcome)")
    }

    @Test("Results that find no room leave no half file", .enabled(if: canMount))
    func output() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let outcome = try run(
            tool, size: "4k",
            """
            "$WALLFACER" papers --json --output papers.json; echo "status $?"
            ls
            """)
        #expect(outcome.output == "status 1\n")
        #expect(outcome.errors.hasPrefix("wallfacer: ") && outcome.errors.contains("no space left on device"))
    }
}
