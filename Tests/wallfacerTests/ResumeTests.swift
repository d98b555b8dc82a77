import Evaluation
import Foundation
import Testing

/// Trainings that are interrupted, by their user and by nobody.
@Suite(.serialized) struct ResumeTests {
    /// Long enough to be met in the middle; every step is saved.
    private static let settings =
        TrainTests.tiny + ["budget.tokens=25600", "budget.checkpointInterval=1"].flatMap { ["--set", $0] }
    private static let training = ["train", "pretrain", "--precision", "f32", "--threads", "1", "--name"]

    private func weights(_ tool: Tool, _ name: String) throws -> Data {
        try Data(contentsOf: tool.home.appending(path: "artefacts/\(name)/model.safetensors"))
    }

    private func hasCheckpoint(_ tool: Tool, _ name: String) -> Bool {
        FileManager.default.fileExists(
            atPath: tool.home.appending(path: "artefacts/\(name).checkpoint/state.json").path)
    }

    /// Waits until a step is saved, or the process has ended.
    private func awaitCheckpoint(_ tool: Tool, _ name: String, _ process: Process) {
        for _ in 0..<6_000 where process.isRunning && !hasCheckpoint(tool, name) { usleep(5_000) }
    }

    @Test("Killed again and again at any moment, a training ends with the very weights of one that ran through")
    func killed() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let errors = tool.home.appending(path: "errors")
        #expect(try tool.run(Self.training + ["whole"] + Self.settings).status == 0)
        var random = SeededGenerator(seed: 3)
        var kills = 0
        for _ in 0..<4 {
            let more = hasCheckpoint(tool, "broken") ? ["--resume"] : Self.settings
            let process = try tool.start(Self.training + ["broken"] + more, errors: errors)
            // The first one falls into steps; the others into the start, into steps, between them, into saving.
            if kills == 0 {
                awaitCheckpoint(tool, "broken", process)
            } else {
                usleep(UInt32(random.integer(below: 1_200_000)))
            }
            if process.isRunning {
                kill(process.processIdentifier, SIGKILL)
                kills += 1
            }
            process.waitUntilExit()
            if !hasCheckpoint(tool, "broken") { break }
        }
        #expect(kills > 0)
        if hasCheckpoint(tool, "broken") {
            let last = try tool.run(Self.training + ["broken", "--resume"])
            #expect(last.status == 0, "\(last.errors)")
        }
        #expect(try weights(tool, "broken") == weights(tool, "whole"))
        #expect(!hasCheckpoint(tool, "broken"))
    }

    @Test("Ctrl-C saves and exits with 130; only the same training goes on, to the same weights")
    func interrupted() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let errors = tool.home.appending(path: "errors")
        let tiny = try TinyModel(in: tool.home)
        try tiny.addWeights()
        let settings = Self.settings + ["--model", tiny.folder.path]
        #expect(try tool.run(Self.training + ["whole"] + settings).status == 0)
        let process = try tool.start(Self.training + ["broken"] + settings, errors: errors)
        awaitCheckpoint(tool, "broken", process)
        kill(process.processIdentifier, SIGINT)
        process.waitUntilExit()
        #expect(process.terminationReason == .exit && process.terminationStatus == 130)
        #expect(try String(contentsOf: errors, encoding: .utf8).contains("--name broken --resume` goes on"))

        let taken = try tool.run(Self.training + ["broken"] + settings)
        #expect(taken.status == 1)
        #expect(taken.errors.contains("broken: was interrupted; --resume goes on"))
        let resuming = ["train", "pretrain", "--threads", "1", "--resume"]
        let other = try tool.run(resuming + ["--set", "optimizer.learningRate=0.5", "--set", "seed=7"])
        #expect(other.status == 1)
        #expect(other.errors.contains("optimizer.learningRate is 0.5, was 0.01; seed is 7, was 0"))
        // Another model under the same name.
        try tiny.addWeights(seed: 6)
        let changed = try tool.run(resuming)
        #expect(changed.status == 1)
        #expect(changed.errors.contains("was begun from \(tiny.folder.path) with fingerprint"))
        try tiny.addWeights()

        let last = try tool.run(resuming + ["--set", "budget.checkpointInterval=50"])
        #expect(last.status == 0, "\(last.errors)")
        #expect(try weights(tool, "broken") == weights(tool, "whole"))
    }

    @Test("While data are prepared there is nothing to save, and the first signal ends the process")
    func interruptedEarly() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let errors = tool.home.appending(path: "errors")
        let process = try tool.start(
            Self.training + ["tales"] + Self.settings + ["--set", "characters=100000000"], errors: errors)
        for _ in 0..<2_000 {
            guard try Data(contentsOf: errors).isEmpty, process.isRunning else { break }
            usleep(10_000)
        }
        usleep(300_000)
        let started = ContinuousClock.now
        kill(process.processIdentifier, SIGTERM)
        process.waitUntilExit()
        #expect(ContinuousClock.now - started < .seconds(2))
        #expect(process.terminationReason == .exit && process.terminationStatus == 130)
        #expect(try String(contentsOf: errors, encoding: .utf8).hasSuffix("wallfacer: interrupted\n"))
    }
}
