import Foundation
import Tensors
import Testing

@Suite("Memory")
struct MemoryTests {
    @Test("Ten thousand training steps in a process of their own leave resident memory where it was")
    func leaks() async {
        await #expect(processExitsWith: .success) {
            let before = try TrainingSteps.run(500)
            let after = try TrainingSteps.run(10_000)
            // One tensor kept a step would be some 500 bytes or more: 5 MB.
            #expect(after - before < 2_048, "resident memory grew from \(before) to \(after) KiB")
        }
    }

    @Test("The measurement sees a leak of a small tensor a step")
    func seesLeaks() async {
        await #expect(processExitsWith: .success) {
            let before = try TrainingSteps.run(500)
            var kept: [Tensor] = []
            let after = try TrainingSteps.run(10_000) { kept.append($0) }
            #expect(after - before > 2_048, "resident memory grew from \(before) to \(after) KiB")
            #expect(kept.count == 10_000)
        }
    }

    @Test("A product with 100 MB of results is as fast on another thread as on the main one") @MainActor
    func heap() async {
        // Fresh pages would cost several times the product itself; the other thread has a pool of its own to start.
        _ = (Self.secondsOfProduct(), await Self.onAnotherThread())
        var (main, other) = (Double.infinity, Double.infinity)
        for round in 0..<8 {
            main = min(main, Self.secondsOfProduct())
            other = min(other, await Self.onAnotherThread())
            if round >= 2, other < 1.3 * main { break }
        }
        #expect(other < 1.5 * main, "\(other) s on another thread, \(main) s on the main one")
    }

    /// The best of three products on one thread: their results are let go, so the memory is that of the one before.
    private nonisolated static func secondsOfProduct() -> Double {
        let (left, right) = (Tensor.ones([5_000, 16]), Tensor.ones([16, 5_000]))
        return (0..<3).map { _ in
            let start = ContinuousClock.now
            let product = withExtendedLifetime(left.matmul(right)) { $0.count }
            let elapsed = ContinuousClock.now - start
            precondition(product == 25_000_000)
            return Double(elapsed.components.seconds) + 1e-18 * Double(elapsed.components.attoseconds)
        }.min()!
    }

    private nonisolated static func onAnotherThread() async -> Double {
        await withCheckedContinuation { continuation in
            Thread { continuation.resume(returning: secondsOfProduct()) }.start()
        }
    }
}

/// Training of a small model, counted in steps.
private enum TrainingSteps {
    /// - Returns: resident memory after the steps, in KiB.
    static func run(_ count: Int, watching: (Tensor) -> Void = { _ in }) throws -> Int {
        let source = RandomSource(seed: 1)
        let weights = [Tensor.normal([32, 16], from: source), Tensor.normal([1, 32], from: source)]
        weights.forEach { $0.requiringGradient() }
        let x = Tensor.normal([8, 16], from: source)
        for _ in 0..<count {
            let hidden = x.linear(weights[0]).relu()
            let loss = hidden.linear(weights[1]).squared().mean()
            let scaled = Tensor.custom(inputs: [loss]) {
                loss.detached() * 0.5
            } backward: {
                [$0 * 0.5]
            }
            try scaled.backward()
            watching(hidden.detached())
            for weight in weights {
                weight.accumulate(weight.gradient!, scale: -0.001)
                weight.gradient = nil
            }
        }
        let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        return (Int(text.split(separator: " ")[1]) ?? 0) * 4
    }
}
