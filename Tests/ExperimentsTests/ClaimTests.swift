import Evaluation
import Experiments
import Foundation
import Testing

@Suite("Verdicts are computed from the values")
struct ClaimTests {
    @Test("The whole interval above the margin, five seeds and a passed control: holds")
    func holds() throws {
        let result = try claimResult(
            method: [5, 6, 7, 6, 6], baseline: [1, 1, 2, 1, 1], control: [1, 1.1, 1.9, 1, 1])
        #expect(result.effect.estimate == 4.8)
        // Differences 4, 5, 5, 5, 5: s = √0.2, t(0.975; 4) = 2.776445, half-width 0.555289.
        #expect(abs(result.effect.low - 4.244711) < 1e-6)
        #expect(abs(result.effect.high - 5.355289) < 1e-6)
        #expect(result.control.passed)
        #expect(result.verdict == .holds)
    }

    @Test("Lower is better: the effect is positive where the method's value is lower")
    func lowerIsBetter() throws {
        let result = try claimResult(
            direction: .lower, method: [1, 2, 1, 2, 1], baseline: [5, 5, 6, 5, 6], control: [5, 5, 6, 5, 6])
        #expect(result.effect.estimate == 4)
        #expect(result.verdict == .holds)
    }

    @Test("Four seeds can only say not shown, in either direction")
    func fewSeeds() throws {
        let better = try claimResult(method: [5, 6, 7, 6], baseline: [1, 1, 2, 1], control: [1, 1, 2, 1])
        #expect(better.effect.low > 0)
        #expect(better.verdict == .notShown)
        let worse = try claimResult(method: [1, 1, 2, 1], baseline: [5, 6, 7, 6], control: [5, 6, 7, 6])
        #expect(worse.effect.high < 0)
        #expect(worse.verdict == .notShown)
    }

    @Test("Reinforcement learning needs ten seeds")
    func reinforcementSeeds() throws {
        let nine = [5.0, 6, 7, 6, 6, 5, 6, 7, 6]
        let result = try claimResult(
            method: nine, baseline: nine.map { $0 - 4 + ($0 == 7 ? 0.1 : 0) }, control: nine.map { $0 - 4 },
            minimumSeeds: Claim.reinforcementSeeds)
        #expect(result.effect.low > 0)
        #expect(result.verdict == .notShown)
    }

    @Test("An interval that only touches the margin does not hold")
    func marginIsStrict() throws {
        let baseline = [1.0, 1, 1, 1, 1]
        let exactly = try claimResult(margin: 2, method: [3, 3, 3, 3, 3], baseline: baseline, control: baseline)
        #expect(exactly.effect.low == 2)
        #expect(exactly.verdict == .notShown)
        let above = try claimResult(margin: 1.99, method: [3, 3, 3, 3, 3], baseline: baseline, control: baseline)
        #expect(above.verdict == .holds)
    }

    @Test("A whole interval below zero contradicts, one around zero shows nothing")
    func contradictedOrNotShown() throws {
        let contradicted = try claimResult(
            method: [1, 1, 2, 1, 1], baseline: [5, 6, 7, 6, 6], control: [5, 6, 7, 6, 6])
        #expect(contradicted.verdict == .contradicted)
        let unclear = try claimResult(method: [1, 3, 1, 3, 1], baseline: [2, 2, 2, 2, 2], control: [2, 2, 2, 2, 2])
        #expect(unclear.verdict == .notShown)
    }

    @Test("A control that wins as well takes the claim away")
    func winningControl() throws {
        let result = try claimResult(method: [5, 6, 7, 6, 6], baseline: [1, 1, 2, 1, 1], control: [5, 6, 7, 6, 6.5])
        #expect(!result.control.passed)
        #expect(result.verdict == .notShown)
    }

    @Test("A null control counts only where it could have found the method's effect")
    func insensitiveNull() throws {
        let method = [3.0, 3.1, 2.9, 3.0, 3.0]
        let baseline = [2.0, 2, 2, 2, 2]
        let noisy = try claimResult(kind: .null, method: method, baseline: baseline, control: [0, 4, 1, 5, 0])
        #expect(noisy.control.minimumDetectableEffect > noisy.effect.estimate)
        #expect(!noisy.control.passed)
        #expect(noisy.verdict == .notShown)

        let sharp = try claimResult(kind: .null, method: method, baseline: baseline, control: [2, 2.1, 1.9, 2, 2])
        #expect(sharp.control.minimumDetectableEffect < sharp.effect.estimate)
        #expect(sharp.verdict == .holds)
        // The same noise is no objection to a control of another kind.
        let shuffled = try claimResult(kind: .shuffled, method: method, baseline: baseline, control: [0, 4, 1, 5, 0])
        #expect(shuffled.verdict == .holds)
    }

    @Test("A control with fewer seeds than the claim passes nothing")
    func shortControl() throws {
        let claim = exampleClaim()
        let result = try ClaimResult(
            claim: claim, world: .synthetic, values: .init(method: [5, 6, 7, 6, 6], baseline: [1, 1, 2, 1, 1]),
            controlValues: .init(method: [1], baseline: [1]))
        #expect(!result.control.passed)
        #expect(result.verdict == .notShown)
    }

    @Test("The control in the method's place can fail by saying holds")
    func ablatedRole() throws {
        let winning = ClaimResult.Values(method: [5, 6, 7, 6, 6], baseline: [1, 1, 2, 1, 1])
        let broken = try ClaimResult(
            claim: exampleClaim(), world: .synthetic, values: winning, controlValues: winning, role: .ablated)
        #expect(broken.verdict == .holds)
        let plumbing = try ClaimResult(
            claim: exampleClaim(), world: .synthetic, values: winning, controlValues: winning, role: .plumbing)
        #expect(plumbing.verdict == .notShown)
    }

    @Test("Lists of different lengths are refused")
    func unpaired() {
        #expect(throws: EvaluationError.self) {
            try claimResult(method: [1, 2, 3], baseline: [1, 2], control: [1, 2])
        }
    }

    @Test("The JSON of a claim has exactly the agreed keys")
    func layout() throws {
        let result = try claimResult(
            method: [5, 6, 7, 6, 6], baseline: [1, 1, 2, 1, 1], control: [1, 1.1, 1.9, 1, 1])
        let object = try jsonObject(result)
        #expect(
            Set(object.keys) == [
                "id", "statement", "metric", "direction", "margin", "method", "baseline", "effect", "low", "high",
                "seeds",
                "values", "control", "world", "verdict",
            ])
        #expect(object["verdict"] == "holds")
        #expect(object["direction"] == "higher")
        #expect(object["world"] == "synthetic")
        #expect(object["seeds"] == 5)
        #expect(object["values"] == ["method": [5, 6, 7, 6, 6], "baseline": [1, 1, 2, 1, 1]])
        guard case .object(let control) = object["control"] else {
            Issue.record("the control is no object")
            return
        }
        #expect(Set(control.keys) == ["name", "effect", "low", "high", "passed"])
        #expect(control["passed"] == true)
    }

    @Test("Bounds of one seed are null, since JSON has no infinity")
    func infiniteBounds() throws {
        let object = try jsonObject(try claimResult(method: [2], baseline: [1], control: [1]))
        #expect(object["low"] == .null)
        #expect(object["high"] == .null)
        #expect(object["verdict"] == "not shown")
    }
}

func exampleClaim(
    direction: Claim.Direction = .higher, margin: Double = 0, kind: Claim.Control.Kind = .ablated, minimumSeeds: Int = 5
) -> Claim {
    Claim(
        id: "method-beats-baseline", statement: "The method beats the baseline.", metric: "score", direction: direction,
        margin: margin, method: "method", baseline: "baseline", control: .init("control", kind: kind),
        minimumSeeds: minimumSeeds)
}

func claimResult(
    direction: Claim.Direction = .higher, margin: Double = 0, kind: Claim.Control.Kind = .ablated, method: [Double],
    baseline: [Double], control: [Double], minimumSeeds: Int = 5
) throws -> ClaimResult {
    try ClaimResult(
        claim: exampleClaim(direction: direction, margin: margin, kind: kind, minimumSeeds: minimumSeeds),
        world: .synthetic, values: .init(method: method, baseline: baseline),
        controlValues: .init(method: control, baseline: baseline))
}

func jsonObject(_ value: some Encodable) throws -> [String: JSONValue] {
    try StableJSON.value([String: JSONValue].self, from: try StableJSON.data(value))
}
