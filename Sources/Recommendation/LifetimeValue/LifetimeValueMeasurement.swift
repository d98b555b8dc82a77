import Evaluation
import Experiments
import Worlds

/// What one scale of the study uses.
struct LifetimeValueScale: Sendable {
    let seeds: Int
    let world: ItemLifeConfiguration
    let configuration: LifetimeValueConfiguration
    /// Markets that a ranking is measured on.
    let evaluationMarkets: Int

    init(_ scale: Scale) {
        var world = ItemLifeConfiguration()
        var configuration = LifetimeValueConfiguration()
        switch scale {
        case .smoke:
            world.horizonInDays = 35
            world.launchesPerDay = 1
            world.dailyImpressions = 4_000
            configuration.markets = 2
            configuration.updatesPerMarket = 3
            configuration.episodesPerBatch = 8
            (seeds, evaluationMarkets) = (2, 1)
        case .quick:
            world.launchesPerDay = 5
            world.dailyImpressions = 25_000
            (seeds, evaluationMarkets) = (10, 4)
        case .full:
            configuration.markets = 12
            configuration.updatesPerMarket = 200
            (seeds, evaluationMarkets) = (10, 4)
        }
        self.world = world
        self.configuration = configuration
    }

    /// The agent without memory, with the critic's rate that the search found best for it.
    var memoryless: LifetimeValueConfiguration {
        var memoryless = configuration
        memoryless.isRecurrent = false
        memoryless.criticLearningRate = 1e-3
        return memoryless
    }

    /// The supervised model, with the rate and the width that the search found best for it.
    var regression: LifetimeValueConfiguration {
        var regression = configuration
        regression.criticLearningRate = 3e-3
        regression.hiddenDimensions = 64
        return regression
    }

    var nullWorld: ItemLifeConfiguration {
        var null = ItemLifeConfiguration.null
        null.horizonInDays = world.horizonInDays
        null.launchesPerDay = world.launchesPerDay
        null.dailyImpressions = world.dailyImpressions
        return null
    }

    /// Updates of one seed: agent and memoryless agent in both worlds, and the supervised model.
    var updates: Int { 5 * configuration.markets * configuration.updatesPerMarket }

    var protocolFields: [String: JSONValue] {
        [
            "horizonInDays": .integer(world.horizonInDays), "dailyImpressions": .integer(world.dailyImpressions),
            "launchesPerDay": .number(world.launchesPerDay), "growth": .number(world.growth),
            "trainingMarkets": .integer(configuration.markets), "evaluationMarkets": .integer(evaluationMarkets),
            "maximumWeight": .number(configuration.maximumWeight), "discount": .number(configuration.discount),
            "coldDays": .integer(MarketOutcome.coldDays),
            "metrics": "expected clicks and revenue by the world's true rates, relative to ranking by click rate",
        ]
    }
}

/// Everything that one seed measures.
struct LifetimeValueMeasurement {
    typealias Variant = LifetimeValueStudy.Variant

    private let scale: LifetimeValueScale
    private let seed: UInt64
    private let note: (String) throws -> Void
    private var isInterrupted: () -> Bool { { [note] in (try? note("learning")) == nil } }
    private var values = SeedValues()

    init(_ scale: LifetimeValueScale, seed: Int, note: @escaping (String) throws -> Void) {
        self.scale = scale
        self.seed = UInt64(seed)
        self.note = note
    }

    /// - Parameter isAblated: leaves out of the growing world what only the methods themselves need.
    mutating func run(isAblated: Bool) throws -> SeedValues {
        try measure(scale.world, isAblated: isAblated)
        try measureNull()
        return values
    }

    /// A world with its trained models and the markets that rankings are measured on.
    private struct Setting {
        let learning: LifetimeLearning
        let agent: LifetimeValueAgent
        let markets: [ItemLifeWorld]
        /// The markets ranked by click rate.
        let reference: [MarketOutcome]

        func dual(_ judge: any ItemJudge, weight: Double) throws -> [MarketOutcome] {
            try markets.map { market in
                let ranker = LifetimeRanker(market, clickRates: learning.clickRates, judge: judge)
                return try market.run { ranker.scores($0, maximumWeight: weight) }
            }
        }
    }

    private func setting(_ world: ItemLifeConfiguration, _ suffix: String = "") throws -> Setting {
        try note("logged markets\(suffix)")
        let learning = try LifetimeLearning(world, markets: scale.configuration.markets, seed: seed)
        let markets = try (0..<UInt64(scale.evaluationMarkets)).map {
            try ItemLifeWorld(world, seed: 900_000_000 &+ seed &* 100 &+ $0)
        }
        let reference = try outcomes(markets) { market in learning.clickRates.rates(market.observations) }
        try note("learning\(suffix)")
        let agent = try learning.agent(scale.configuration, isInterrupted: isInterrupted)
        return Setting(learning: learning, agent: agent, markets: markets, reference: reference)
    }

    private mutating func measure(_ world: ItemLifeConfiguration, isAblated: Bool) throws {
        let setting = try setting(world)
        let weight = scale.configuration.maximumWeight
        let regression = try setting.learning.regression(scale.regression)
        let dealt = DealtJudge(setting.agent, seed: seed, dealsHistories: false)
        record(
            try setting.dual(dealt, weight: LifetimeValueStudy.highestWeight), in: setting,
            as: Variant.shuffled(LifetimeValueStudy.highestWeight))
        values[Variant.globalBound.rawValue, "clicks"] = LifetimeValueStudy.globalShare
        values[Variant.noStep.rawValue, "smallest-step"] = 0
        var judges: [(Variant, any ItemJudge)] = [
            (.regression, regression), (.shuffledScores, dealt),
            (.shuffledMemory, DealtJudge(setting.agent, seed: seed, dealsHistories: true)),
        ]
        if !isAblated {
            let memoryless = try measureAgents(world, setting) { $0.rawValue }
            judges += [(.agent, setting.agent), (.memoryless, memoryless)]
            record(try setting.dual(regression, weight: weight), in: setting, as: Variant.regression.rawValue)
            let policies: [(Variant, any ItemLifePolicy)] = [
                (.popularity, PopularityRanking()), (.myopicOracle, MyopicItemOracle()),
            ]
            for (variant, policy) in policies {
                record(try setting.markets.map { try $0.run(policy) }, in: setting, as: variant.rawValue)
            }
            try measureWeights(setting) { $0.rawValue }
        }
        try measureRecognition(setting, judges)
    }

    private mutating func measureNull() throws {
        let setting = try setting(scale.nullWorld, ", no growth")
        _ = try measureAgents(scale.nullWorld, setting) { $0.inNullWorld }
        try measureWeights(setting) { $0.inNullWorld }
    }

    /// The dual rank over α_max, and the smallest gain of cold clicks from one weight to the next.
    private mutating func measureWeights(_ setting: Setting, name: (Variant) -> String) throws {
        try note("weights")
        var cold: [Double] = []
        for weight in LifetimeValueStudy.weights {
            let variant = Variant.weighted(weight, name(.agent))
            record(try setting.dual(setting.agent, weight: weight), in: setting, as: variant)
            cold.append(values[variant, "cold-clicks"] ?? 0)
        }
        values[name(.agent), "smallest-step"] = zip(cold.dropFirst(), cold).map { $0 - $1 }.min()
    }

    /// The agent, the agent without memory, the exploration boosts and the oracle of one world.
    /// - Returns: the agent without memory.
    private mutating func measureAgents(
        _ world: ItemLifeConfiguration, _ setting: Setting, name: (Variant) -> String
    ) throws -> LifetimeValueAgent {
        let weight = scale.configuration.maximumWeight
        record(setting.reference, in: setting, as: name(.clickRate))
        record(try setting.dual(setting.agent, weight: weight), in: setting, as: name(.agent))
        try note("learning without recurrence")
        let memoryless = try setting.learning.agent(scale.memoryless, isInterrupted: isInterrupted)
        record(try setting.dual(memoryless, weight: weight), in: setting, as: name(.memoryless))
        try measureBoosts(world, setting, name: name)
        try measureOracles(setting, name: name)
        return memoryless
    }

    /// What true rates and the best premium on youth of the very market earn: all items, and cold ones under the bound that
    /// boosts have.
    private mutating func measureOracles(_ setting: Setting, name: (Variant) -> String) throws {
        var best: [MarketOutcome] = []
        var cold: [MarketOutcome] = []
        for (market, reference) in zip(setting.markets, setting.reference) {
            let found = try InvestingItemOracle.premiums.map { try market.run(InvestingItemOracle(youth: $0)) }
            guard let most = found.max(by: { $0.clicks < $1.clicks }) else { continue }
            let least = min(most.clicks, LifetimeValueStudy.globalShare * reference.clicks)
            best.append(most)
            cold.append(
                found.filter { $0.clicks >= least }.max { $0.coldClicks < $1.coldClicks } ?? most)
        }
        record(best, in: setting, as: name(.investingOracle))
        record(cold, in: setting, as: name(.coldOracle))
    }

    private func outcomes(
        _ markets: [ItemLifeWorld], _ rank: (ItemLifeMarket) throws -> [Double]
    ) throws -> [MarketOutcome] {
        try markets.map { try $0.run(rank) }
    }

    private mutating func record(_ outcomes: [MarketOutcome], in setting: Setting, as name: String) {
        for (metric, value) in MarketOutcome.measures {
            let own = outcomes.reduce(0) { $0 + value($1) }
            values[name, metric] = own / max(1e-9, setting.reference.reduce(0) { $0 + value($1) })
        }
    }

    /// Exploration boosts of cold items, tuned on a market of their own: the most cold clicks among settings that lose at
    /// most 2 % of all clicks.
    private mutating func measureBoosts(
        _ world: ItemLifeConfiguration, _ setting: Setting, name: (Variant) -> String
    ) throws {
        try note("exploration boosts")
        let clickRates = setting.learning.clickRates
        let tuning = try ItemLifeWorld(world, seed: 800_000_000 &+ seed)
        let plain = try tuning.run { clickRates.rates($0.observations) }
        func tuned(_ settings: [Double], _ ranker: (Double) -> any MarketRanker) throws -> any MarketRanker {
            var best: (cold: Double, setting: Double)?
            for setting in settings {
                var own = ranker(setting)
                let outcome = try tuning.run { own.rank($0, clickRates) }
                guard outcome.clicks >= LifetimeValueStudy.globalShare * plain.clicks,
                    outcome.coldClicks > best?.cold ?? 0
                else { continue }
                best = (outcome.coldClicks, setting)
            }
            return ranker(best?.setting ?? 0)
        }
        let boost = try tuned(LifetimeValueStudy.boostShares) { [seed] in
            RandomBoost(share: $0, generator: SeededGenerator(seed: seed).split("boost"))
        }
        let confidence = try tuned(LifetimeValueStudy.confidenceBonuses) { ConfidenceBonus(bonus: $0) }
        var cold: [Double] = []
        for (variant, ranker) in [(Variant.boost, boost), (.confidence, confidence)] {
            let found = try setting.markets.map { market in
                var own = ranker
                return try market.run { own.rank($0, clickRates) }
            }
            record(found, in: setting, as: name(variant))
            cold.append(values[name(variant), "cold-clicks"] ?? 0)
        }
        values[name(.strongestBoost), "cold-clicks"] = cold.max()
    }

    /// On five days of each market ranked by click rate: nDCG of what is expected of the live items against what they
    /// still earned, and its errors; and of the dual rank over α_max, with the area under the curve and the calibration of
    /// its scores for clicks.
    private mutating func measureRecognition(_ setting: Setting, _ judges: [(Variant, any ItemJudge)]) throws {
        try note("recognition of lifetime values")
        /// By variant and metric, the days; by variant, the markets.
        var days: [String: [String: [Double]]] = [:]
        var lifetimes: [String: [ExpectedLifetimes]] = [:]
        for (place, (world, reference)) in zip(setting.markets, setting.reference).enumerated() {
            let recognition = LifetimeRecognition(
                world: world, reference: reference, discount: scale.configuration.discount)
            func keepErrors(_ name: String, _ market: ItemLifeMarket, _ predicted: [Double]) {
                if lifetimes[name, default: []].count == place { lifetimes[name, default: []].append(.init()) }
                lifetimes[name]?[place].append(predicted, recognition.realised(market))
            }
            func keep(_ name: String, _ market: ItemLifeMarket, _ predicted: [Double]) {
                keepErrors(name, market, predicted)
                for k in [10, 20, 50] {
                    guard let gain = recognition.gain(predicted, market, k: k) else { continue }
                    days[name, default: [:]]["ndcg-\(k)", default: []].append(gain)
                }
            }
            for (variant, judge) in judges {
                let ranker = LifetimeRanker(world, clickRates: setting.learning.clickRates, judge: judge)
                _ = try world.run { market in
                    let scores = ranker.scores(market, maximumWeight: 0)
                    guard recognition.asks(market) else { return scores }
                    keep(variant.rawValue, market, ranker.values)
                    guard variant == .agent || variant == .shuffledScores else { return scores }
                    for weight in LifetimeValueStudy.weights {
                        let name = Variant.weighted(weight, variant.rawValue)
                        let mixed = ranker.lastScores(maximumWeight: weight)
                        keep(name, market, mixed)
                        let (error, share) = try market.clickCalibration(mixed)
                        for (metric, value) in [
                            ("click-auc", market.clickArea(mixed)), ("click-ece", error), ("click-copc", share),
                        ] { days[name, default: [:]][metric, default: []].append(value) }
                    }
                    return scores
                }
            }
            _ = try world.run { market in
                let rates = setting.learning.clickRates.rates(market.observations)
                if recognition.asks(market) {
                    keepErrors(Variant.unknowing.rawValue, market, rates.map { _ in 0 })
                    keep(Variant.clickRate.rawValue, market, rates)
                    keep(
                        Variant.empirical.rawValue, market,
                        market.live.map {
                            Double(market.clicks[Int($0)]) / Double(max(1, market.histories[Int($0)].count))
                        })
                }
                return rates
            }
        }
        for (name, metrics) in days {
            for (metric, found) in metrics { values[name, metric] = Summary(found).mean }
        }
        for (name, markets) in lifetimes {
            guard let errors = try ExpectedLifetimes.errors(markets) else { continue }
            (values[name, "rmse"], values[name, "mae"]) = (errors.rootMeanSquare, errors.meanAbsolute)
        }
    }
}

extension ItemLifeMarket {
    /// Of the live items today.
    private var trueRates: [Double] {
        live.map {
            world.clickRate(item: Int($0), day: day, clicks: Int(clicks[Int($0)]), views: Int(views[Int($0)]))
        }
    }

    /// Expected calibration error of stated click rates in bins of one per cent, and clicks over predicted clicks, every
    /// live item shown equally often: by true click rates.
    /// - Throws: `EvaluationError` for none or for rates that are none.
    package func clickCalibration(_ rates: [Double]) throws -> (expectedError: Double, clicksOverPredicted: Double) {
        let truth = trueRates
        return (
            try Calibration.expectedError(confidences: rates, truth: truth, bins: 100),
            truth.reduce(0, +) / max(1e-9, rates.reduce(0, +))
        )
    }

    /// The area under the curve of scores of today's live items for clicks, every item shown equally often: the
    /// probability that a clicked view has a higher score than one not clicked, by true click rates.
    package func clickArea(_ scores: [Double]) -> Double {
        let rates = trueRates
        let order = scores.indices.sorted { scores[$0] < scores[$1] }
        var below = 0.0
        var pairs = 0.0
        var place = 0
        while place < order.count {
            // Items of equal scores count half against each other.
            var end = place
            while end < order.count, scores[order[end]] == scores[order[place]] { end += 1 }
            let positive = order[place..<end].reduce(0) { $0 + rates[$1] }
            let negative = order[place..<end].reduce(0) { $0 + 1 - rates[$1] }
            pairs += positive * (below + negative / 2)
            below += negative
            place = end
        }
        let positives = rates.reduce(0, +)
        return positives > 0 && below > 0 ? pairs / (positives * below) : 0.5
    }
}
