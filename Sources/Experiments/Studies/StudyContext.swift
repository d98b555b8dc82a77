import Evaluation
import Foundation

/// What a study is asked to do, and the helpers that turn its values into a result.
public struct StudyContext: Sendable {
    public let study: any Study
    public let scale: Scale
    /// What one seed may use.
    public let budget: Budget
    /// The seeds to measure, counted from 0.
    public let seeds: [Int]
    /// Whether the controls run in the method's place (`--ablate`).
    public let isAblated: Bool
    public let environment: RunEnvironment
    public let commit: String

    let cache: SeedCache?
    let isInterrupted: @Sendable () -> Bool
    let report: @Sendable (StudyProgress) -> Void

    /// Measures every seed in turn, except those that an interrupted run of the same build has measured already.
    ///
    /// - Parameters:
    ///   - isolation: the caller's actor.
    ///   - measureSeed: everything that one seed measures. It runs on the caller's actor.
    /// - Returns: the values of each seed, in the order of ``seeds``.
    /// - Throws: what `measureSeed` throws, `CancellationError` when interrupted between seeds,
    ///   ``StudyError/notFinite(study:seed:variant:metric:found:)``.
    public func measure(
        isolation: isolated (any Actor)? = #isolation, _ measureSeed: (_ seed: Int) async throws -> SeedValues
    ) async throws -> [SeedValues] {
        let known = cache?.entries() ?? [:]
        var measured: [SeedValues] = []
        for (position, seed) in seeds.enumerated() {
            if let entry = known[seed] {
                measured.append(entry.values)
                report(StudyProgress(seedsDone: position + 1, seeds: seeds.count, note: "seed \(seed): kept"))
                continue
            }
            try checkInterruption()
            report(StudyProgress(seedsDone: position, seeds: seeds.count, note: "seed \(seed)"))
            let start = ContinuousClock.now
            let values = try await measureSeed(seed)
            let elapsed = (ContinuousClock.now - start) / .seconds(1)
            try requireFinite(values, seed: seed)
            try cache?.append(SeedCache.Entry(seed: seed, seconds: elapsed, values: values))
            measured.append(values)
            report(StudyProgress(seedsDone: position + 1, seeds: seeds.count, note: "seed \(seed): measured"))
        }
        return measured
    }

    /// Whether a claim needs this variant now. Under `--ablate` the methods themselves are not needed, which saves
    /// their budget.
    public func needs(_ variant: String) -> Bool {
        study.claims.contains { claim in
            let controls = [claim.control.name, claim.control.baseline ?? claim.baseline]
            return controls.contains(variant) || !isAblated && [claim.method, claim.baseline].contains(variant)
        }
    }

    /// Says what is being done inside a seed, for example `training, step 40 of 200`.
    public func note(_ text: String, seed: Int) {
        let done = seeds.firstIndex(of: seed) ?? 0
        report(StudyProgress(seedsDone: done, seeds: seeds.count, note: "seed \(seed): \(text)"))
    }

    /// - Throws: `CancellationError` where the user asked to stop. Long seeds call it between steps.
    public func checkInterruption() throws {
        if isInterrupted() || Task.isCancelled { throw CancellationError() }
    }

    /// The result: effects, intervals, controls and verdicts computed from the values of each seed.
    ///
    /// - Parameters:
    ///   - measured: one entry for each of ``seeds``.
    ///   - world: where the values come from, if that was only known when running (public data were absent).
    ///   - protocol: data, split and everything else that a reader needs to repeat the numbers.
    ///   - tables: the study's own tables; a table of controls and one of all values follow them.
    /// - Throws: ``StudyError/missingValue(study:seed:variant:metric:)``.
    public func result(
        _ measured: [SeedValues], world: World? = nil, protocol: [String: JSONValue] = [:], tables: [Table] = []
    ) throws -> StudyResult {
        let world = world ?? study.world
        let role: ClaimResult.Role = scale == .smoke ? .plumbing : isAblated ? .ablated : .method
        let claims = try study.claims.map { claim in
            let control = try values(
                of: claim.control.name, against: claim.control.baseline ?? claim.baseline,
                metric: claim.control.metric ?? claim.metric, measured)
            let method =
                isAblated
                ? control : try values(of: claim.method, against: claim.baseline, metric: claim.metric, measured)
            return try ClaimResult(claim: claim, world: world, values: method, controlValues: control, role: role)
        }
        return StudyResult(
            study: study.id, paper: study.paper, commit: commit, scale: scale,
            protocol: protocolFields(world: world).merging(`protocol`, uniquingKeysWith: { _, stated in stated }),
            claims: claims, tables: tables + [Self.controlTable(claims), Self.valueTable(measured)])
    }

    private func values(
        of variant: String, against baseline: String, metric: String, _ measured: [SeedValues]
    ) throws -> ClaimResult.Values {
        func column(_ variant: String) throws -> [Double] {
            try zip(seeds, measured).map { seed, values in
                guard let value = values[variant, metric] else {
                    throw StudyError.missingValue(study: study.id, seed: seed, variant: variant, metric: metric)
                }
                return value
            }
        }
        return ClaimResult.Values(method: try column(variant), baseline: try column(baseline))
    }

    private func requireFinite(_ values: SeedValues, seed: Int) throws {
        for (variant, metrics) in values.variants {
            for (metric, value) in metrics where !value.isFinite {
                throw StudyError.notFinite(
                    study: study.id, seed: seed, variant: variant, metric: metric, found: value)
            }
        }
    }

    private func protocolFields(world: World) -> [String: JSONValue] {
        var fields: [String: JSONValue] = [
            "ablated": .boolean(isAblated), "world": .text(world.rawValue),
            "seeds": .array(seeds.map { .integer($0) }), "interval": "Student's t, 95 %, paired differences by seed",
            "processor": .text(environment.processor), "threads": .integer(environment.threads),
            "precision": .text(environment.precision), "system": .text(environment.system),
        ]
        if let tokens = budget.tokens { fields["tokensPerSeed"] = .integer(tokens) }
        if let steps = budget.steps { fields["stepsPerSeed"] = .integer(steps) }
        return fields
    }

    private static func controlTable(_ claims: [ClaimResult]) -> Table {
        var table = Table(
            "Controls", columns: ["claim", "control", "effect", "smallest detectable", "passed"],
            note:
                "A control passes where the claim does not hold for it; a null control must also have been able "
                + "to find the method's effect (power 80 %).")
        for result in claims {
            let control = result.control
            table.append([
                .text(result.claim.id), "\(control.name) (\(result.claim.control.kind.rawValue))",
                .interval(control.effect),
                .number(control.minimumDetectableEffect), control.passed ? "yes" : "no",
            ])
        }
        return table
    }

    private static func valueTable(_ measured: [SeedValues]) -> Table {
        var table = Table("Measured values", columns: ["variant", "metric", "mean", "standard deviation", "seeds"])
        let variants = Set(measured.flatMap(\.variants.keys)).sorted()
        for variant in variants {
            for metric in Set(measured.flatMap { $0.variants[variant, default: [:]].keys }).sorted() {
                let summary = Summary(measured.compactMap { $0[variant, metric] })
                table.append([
                    .text(variant), .text(metric), .number(summary.mean), .number(summary.standardDeviation),
                    .integer(summary.count),
                ])
            }
        }
        return table
    }
}

/// How far a study is.
public struct StudyProgress: Sendable, Equatable {
    public let seedsDone: Int
    public let seeds: Int
    /// What is being done.
    public let note: String
}
