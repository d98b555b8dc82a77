import Experiments
import Foundation
import Layers
import Tensors
import Testing
import Training

@Suite("Training loop")
struct TrainingLoopTests {
    func expectIdentical(
        _ first: SmallLearner, _ second: SmallLearner, _ location: SourceLocation = #_sourceLocation
    ) {
        for (one, other) in zip(first.trainedParameters, second.trainedParameters) {
            #expect(one.tensor.isIdentical(to: other.tensor), "\(one.name)", sourceLocation: location)
        }
    }

    @Test("One batch of eight equals eight batches of one, and unequal batches count by their weight")
    func accumulation() throws {
        let whole = SmallLoop.make(steps: 12, dropout: 0, sizes: [8])
        _ = try whole.run()
        for (sizes, accumulation) in [([1], 8), ([3, 5], 2)] {
            let parts = SmallLoop.make(steps: 12, dropout: 0, sizes: sizes, accumulation: accumulation)
            let outcome = try parts.run()
            #expect(outcome.progress.tokens == 96)
            for (one, other) in zip(whole.learner.trainedParameters, parts.learner.trainedParameters) {
                #expect(one.tensor.isClose(to: other.tensor, absoluteTolerance: 2e-6), "\(one.name)")
            }
        }
        // Without the weights, batches of 3 and 5 would pull differently.
        let other = SmallLoop.make(steps: 12, dropout: 0, sizes: [7, 9])
        _ = try other.run()
        let (one, two) = (whole.learner.snapshot[0], other.learner.snapshot[0])
        #expect(!one.isClose(to: two, absoluteTolerance: 1e-4))
    }

    @Test("Training lowers the held-out loss")
    func learns() throws {
        let loop = SmallLoop.make(steps: 300)
        let before = loop.learner.evaluate()["loss"] ?? 0
        let outcome = try loop.run()
        #expect(outcome.reason == .steps)
        let after = try #require(outcome.progress.evaluation["loss"])
        #expect(after < before * 0.3)
        #expect(loop.learner.steps == Array(1...300))
    }

    @Test("A run that is resumed equals one that was not interrupted, to the bit")
    func resume() throws {
        try withTemporaryFolder { folder in
            let whole = SmallLoop.make(steps: 30) { $0.evaluationInterval = 4 }
            let expected = try whole.run()

            let checkpoint = folder.appending(path: "checkpoint")
            for stop in [1, 7, 29] {
                let first = SmallLoop.make(steps: 30, checkpoint: checkpoint) { $0.evaluationInterval = 4 }
                first.isInterrupted = { first.progress.step == stop }
                #expect(try first.run().reason == .interrupted)
                #expect(first.progress.step == stop)

                let second = SmallLoop.make(steps: 30, seed: 77, checkpoint: checkpoint) { $0.evaluationInterval = 4 }
                #expect(try second.resume() == nil)
                let outcome = try second.run()
                #expect(outcome.progress.step == 30)
                #expect(outcome.progress.tokens == expected.progress.tokens)
                #expect(outcome.progress.loss == expected.progress.loss)
                #expect(outcome.progress.bestMetric == expected.progress.bestMetric)
                #expect(outcome.progress.bestStep == expected.progress.bestStep)
                expectIdentical(whole.learner, second.learner)
            }
        }
    }

    private struct Killed: Error {}

    @Test(
        "Wherever a process dies, the run goes on from its last checkpoint to the very same end",
        arguments: 0..<44)
    func death(at place: Int) throws {
        try withTemporaryFolder { folder in
            let checkpoint = folder.appending(path: "checkpoint")
            func make() -> SmallLoop {
                SmallLoop.make(steps: 8, checkpoint: checkpoint) {
                    $0.checkpointInterval = 2
                    $0.evaluationInterval = 3
                    $0.keepsBest = true
                }
            }
            let whole = make()
            _ = try whole.run()
            try FileManager.default.removeItem(at: checkpoint)

            let doomed = make()
            var seen = 0
            doomed.reached = { _ in
                seen += 1
                if seen > place { throw Killed() }
            }
            do { _ = try doomed.run() } catch is Killed {}
            let resumed = make()
            if FileManager.default.fileExists(atPath: checkpoint.path) { try resumed.resume() }
            #expect(resumed.progress.step % 2 == 0)
            _ = try resumed.run()
            expectIdentical(whole.learner, resumed.learner)
        }
    }

    @Test("Budgets of tokens and seconds and the end of the data stop a run, and it says so")
    func budgets() throws {
        let byTokens = try SmallLoop.make { $0.tokens = 60 }.run()
        #expect(byTokens.reason == .tokens)
        #expect(byTokens.progress.tokens == 64)

        // The number of steps is only expected then.
        let short = try SmallLoop.make(steps: 3) { $0.tokens = 60 }.run()
        #expect(short.reason == .tokens && short.progress.tokens == 64)

        let loop = SmallLoop.make { $0.seconds = 10 }
        var clock = 0.0
        loop.secondsSinceStart = {
            clock += 1
            return clock
        }
        let bySeconds = try loop.run()
        #expect(bySeconds.reason == .seconds)
        #expect(bySeconds.progress.step < 30)
        #expect(bySeconds.text.contains("stopped by the time limit after \(bySeconds.progress.step) steps"))

        let byData = try SmallLoop.make(accumulation: 2, mostBatches: 5).run()
        #expect(byData.reason == .dataEnded)
        #expect(byData.progress.step == 3)
        #expect(byData.progress.tokens == 40)
    }

    @Test("Early stopping waits for its patience and goes back to the best parameters")
    func earlyStopping() throws {
        let loop = SmallLoop.make(steps: 100) {
            $0.evaluationInterval = 2
            $0.patience = 3
            $0.keepsBest = true
        }
        loop.learner.evaluations = [5, 3, 4, 3, 9, 1]
        var atBest: [Tensor] = []
        loop.reached = { if $0 == .evaluated, loop.progress.step == 4 { atBest = loop.learner.snapshot } }
        let outcome = try loop.run()
        #expect(outcome.reason == .noImprovement)
        #expect(outcome.progress.step == 10)
        #expect(outcome.progress.bestStep == 4)
        #expect(outcome.progress.evaluation == ["loss": 3])
        for (parameter, best) in zip(loop.learner.snapshot, atBest) { #expect(parameter.isIdentical(to: best)) }
        #expect(atBest.count == 3)
    }

    @Test("Metrics of a resumed run stand in the store once")
    func metrics() throws {
        try withTemporaryFolder { folder in
            let store = try RunStore(file: folder.appending(path: "runs.sqlite"))
            let environment = RunEnvironment(processor: "test", threads: 1, precision: "f32", system: "test")
            let recorder = try store.start(method: "small", recipe: "", commit: "none", environment: environment)
            let checkpoint = folder.appending(path: "checkpoint")
            func make() -> SmallLoop {
                let loop = SmallLoop.make(steps: 10, checkpoint: checkpoint) {
                    $0.checkpointInterval = 4
                    $0.evaluationInterval = 5
                }
                loop.recorder = recorder
                return loop
            }
            let doomed = make()
            doomed.reached = { if $0 == .stepStarted, doomed.progress.step == 7 { throw Killed() } }
            #expect(throws: Killed.self) { try doomed.run() }
            let resumed = make()
            #expect(try resumed.resume() == recorder.id)
            #expect(resumed.progress.step == 4)
            _ = try resumed.run()
            try recorder.finish()
            #expect(try store.metrics(recorder.id, name: "loss").map(\.step) == Array(1...10))
            #expect(try store.metrics(recorder.id, name: "validation.loss").map(\.step) == [5, 10])
            let rates = try store.metrics(recorder.id, name: "learningRate").map(\.value)
            #expect(rates == (1...10).map(resumed.schedule.rate))
        }
    }

    @Test("A loss that is not finite ends the run with advice and keeps the last checkpoint")
    func divergence() throws {
        try withTemporaryFolder { folder in
            let loop = SmallLoop.make(checkpoint: folder.appending(path: "checkpoint")) { $0.checkpointInterval = 1 }
            loop.reached = {
                guard $0 == .stepStarted, loop.progress.step == 3 else { return }
                loop.learner.trainedParameters[2].tensor.detached().assign(Tensor([Float.nan]))
            }
            let error = #expect(throws: TrainingError.self) { try loop.run() }
            #expect(
                "\(try #require(error))".hasPrefix(
                    "step 4: the loss is not a number and the gradient norm not a number; a lower"))
            let resumed = SmallLoop.make(checkpoint: loop.checkpoint)
            try resumed.resume()
            #expect(resumed.progress.step == 3)
            #expect(resumed.learner.snapshot.allSatisfy { $0.isFinite().allTrue })
        }
    }

    @Test("Checkpoints are written by the clock too, each so long after the last")
    func clock() throws {
        try withTemporaryFolder { folder in
            let loop = SmallLoop.make(steps: 14, checkpoint: folder.appending(path: "checkpoint")) {
                $0.checkpointSeconds = 10
            }
            // A step takes three seconds.
            loop.secondsSinceStart = { 3 * Double(loop.progress.step) }
            var saved: [Int] = []
            loop.reached = { if $0 == .saving(.written) { saved.append(loop.progress.step) } }
            _ = try loop.run()
            #expect(saved == [4, 8, 12])
        }
    }

    @Test("A checkpoint of another model, a damaged one and none at all are refused")
    func refusal() throws {
        try withTemporaryFolder { folder in
            let checkpoint = folder.appending(path: "checkpoint")
            let loop = SmallLoop.make(steps: 2, checkpoint: checkpoint)
            #expect(throws: TrainingError.noCheckpoint(folder: checkpoint.path)) { try loop.resume() }
            _ = try loop.run()
            try loop.save()
            let parameters = checkpoint.appending(path: "parameters.safetensors").path
            try TensorArchive.write([("first.weight", Tensor.zeros([2, 2]))], to: parameters)
            #expect(throws: TrainingError.self) { try SmallLoop.make(checkpoint: checkpoint).resume() }
            try FileManager.default.removeItem(at: checkpoint)
            func saved() throws -> SmallLoop {
                let loop = SmallLoop.make(steps: 2, checkpoint: checkpoint) {
                    $0.evaluationInterval = 1
                    $0.keepsBest = true
                }
                _ = try loop.run()
                try loop.save()
                return loop
            }
            let random = try saved().learner.randomSources.map(\.name)
            for state in [Tensor.zeros([5]), Tensor.zeros([5_056], dtype: .uint8)] {
                let file = checkpoint.appending(path: "random.safetensors").path
                try TensorArchive.write(random.map { ($0, state) }, to: file)
                #expect(throws: TrainingError.self) { try SmallLoop.make(checkpoint: checkpoint).resume() }
            }
            try FileManager.default.removeItem(at: checkpoint)
            let best = try saved().learner.trainedParameters[0].name
            try TensorArchive.write(
                [(best, Tensor.zeros([7]))], to: checkpoint.appending(path: "best.safetensors").path)
            #expect(throws: TrainingError.self) { try SmallLoop.make(checkpoint: checkpoint).resume() }
            try FileManager.default.removeItem(at: checkpoint)
            _ = try saved()
            try Data("{".utf8).write(to: checkpoint.appending(path: "state.json"))
            #expect(throws: TrainingError.self) { try SmallLoop.make(checkpoint: checkpoint).resume() }
        }
    }

    @Test("A full disk while saving ends the run with a clear error and the older checkpoint")
    func fullDisk() throws {
        try withTemporaryFolder { folder in
            let checkpoint = folder.appending(path: "checkpoint")
            let loop = SmallLoop.make(steps: 9, checkpoint: checkpoint) { $0.checkpointInterval = 3 }
            loop.reached = {
                if $0 == .saving(.written), loop.progress.step == 6 {
                    throw WeightFileError.unwritable(file: "parameters.safetensors", reason: "No space left on device")
                }
            }
            #expect(throws: AtomicDirectoryError.diskFull(path: checkpoint.path)) { try loop.run() }
            let resumed = SmallLoop.make(steps: 9, checkpoint: checkpoint)
            try resumed.resume()
            #expect(resumed.progress.step == 3)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["checkpoint"])
        }
    }

    @Test("The tensor thread is one thread, with room for deep graphs, and gradient modes stay on it")
    func tensorThread() async throws {
        var threads: Set<ObjectIdentifier> = []
        for _ in 0..<20 {
            let thread = await TensorActor.run { currentThread() }
            threads.insert(thread)
        }
        #expect(threads.count == 1)
        let elsewhere = await Task.detached { currentThread() }.value
        #expect(!threads.contains(elsewhere))
        let depth = try await TensorActor.run {
            let start = Tensor(Float(1)).requiringGradient()
            var value = start
            for _ in 0..<2_000 { value = value + 1 }
            try value.backward()
            return start.gradient?.item
        }
        #expect(depth == 1)
    }
}

/// The identity of the calling thread. Foundation keeps the object as long as its thread lives; the optimiser may call
/// `pthread_self` before a change of threads, because it takes that for a constant.
private func currentThread() -> ObjectIdentifier { ObjectIdentifier(Thread.current) }
