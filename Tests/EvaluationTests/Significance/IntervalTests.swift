import Evaluation
import Testing

@Suite("Intervals and tests")
struct IntervalTests {
    let fixture: Fixture

    init() throws { fixture = try Fixture.load() }

    @Test("The paired t test: statistic, probability, interval and detectable effect equal scipy's")
    func paired() throws {
        for entry in fixture.paired {
            let test = try PairedTest(entry.first, entry.second)
            #expect(isClose(test.statistic, entry.statistic))
            #expect(isClose(test.probability, entry.probability, relative: 1e-8))
            #expect(isClose(test.interval.low, entry.low, relative: 1e-8))
            #expect(isClose(test.interval.high, entry.high, relative: 1e-8))
            let differences = zip(entry.first, entry.second).map { $0 - $1 }
            #expect(isClose(PairedTest.minimumDetectableEffect(differences: differences), entry.detectable))
        }
    }

    @Test("At the minimum detectable effect, about 80 % of simulated experiments find it")
    func powerAtTheDetectableEffect() throws {
        let effect = PairedTest.minimumDetectableEffect(standardDeviation: 1, count: 10)
        var found = 0
        let experiments = 4_000
        for experiment in 0..<UInt64(experiments) {
            var generator = SeededGenerator(seed: 5, experiment)
            let differences = (0..<10).map { _ in effect + generator.normal() }
            if try ConfidenceInterval.mean(differences).low > 0 { found += 1 }
        }
        #expect(abs(Double(found) / Double(experiments) - 0.8) < 0.03)
    }

    @Test("One pair decides nothing; no pairs and unequal lists are errors that say so")
    func tooFew() throws {
        let single = try ConfidenceInterval.pairedDifference([3], [1])
        #expect(single.estimate == 2)
        #expect(single.low == -.infinity && single.high == .infinity)
        #expect(PairedTest.minimumDetectableEffect(differences: [2]) == .infinity)
        #expect(throws: EvaluationError.empty(metric: "paired difference")) {
            try ConfidenceInterval.pairedDifference([], [])
        }
        #expect(throws: EvaluationError.unequalCounts(metric: "paired difference", first: 2, second: 1)) {
            try ConfidenceInterval.pairedDifference([1, 2], [1])
        }
    }

    @Test("Equal methods give a probability of 1; a constant gain a probability of 0")
    func degenerateDifferences() throws {
        let equal = try PairedTest([1, 2, 3], [1, 2, 3])
        let shifted = try PairedTest([2, 3, 4], [1, 2, 3])
        #expect(equal.probability == 1)
        #expect(shifted.probability == 0)
    }

    @Test("Wilson's interval equals scipy's, also without a success and without a failure")
    func wilson() throws {
        for entry in fixture.proportion {
            let interval = try ConfidenceInterval.proportion(successes: entry.successes, trials: entry.trials)
            #expect(isClose(interval.low, entry.low, relative: 1e-8))
            #expect(isClose(interval.high, entry.high, relative: 1e-8))
        }
        #expect(throws: EvaluationError.self) { try ConfidenceInterval.proportion(successes: 3, trials: 2) }
        #expect(throws: EvaluationError.self) { try ConfidenceInterval.proportion(successes: 0, trials: 0) }
    }

    @Test("The bootstrap repeats by seed and covers a mean about as often as it says")
    func bootstrap() throws {
        let values = (0..<40).map { Double($0 * $0 % 17) }
        let bootstrap = Bootstrap(resamples: 500, seed: 3)
        let first = try bootstrap.mean(values)
        let again = try bootstrap.mean(values)
        let otherSeed = try Bootstrap(resamples: 500, seed: 4).mean(values)
        #expect(first == again)
        #expect(first != otherSeed)
        var covered = 0
        for experiment in 0..<UInt64(300) {
            var generator = SeededGenerator(seed: 9, experiment)
            let interval = try Bootstrap(resamples: 300, seed: experiment).mean(
                (0..<60).map { _ in generator.normal() })
            if interval.low <= 0, interval.high >= 0 { covered += 1 }
        }
        #expect((0.90...0.985).contains(Double(covered) / 300))
    }

    @Test("Sample quantiles equal NumPy's")
    func quantiles() {
        for entry in fixture.quantile.quantiles {
            #expect(isClose(Quantile.of(fixture.quantile.values, entry.probability), entry.value))
        }
        #expect(Quantile.median([]).isNaN)
    }

    @Test("Pearson's and Spearman's correlations equal scipy's, ties included")
    func correlations() throws {
        for entry in fixture.correlation {
            let pearson = try #require(try Correlation.pearson(entry.first, entry.second))
            let spearman = try #require(try Correlation.spearman(entry.first, entry.second))
            #expect(isClose(pearson, entry.pearson))
            #expect(isClose(spearman, entry.spearman))
        }
        #expect(try Correlation.pearson([1, 1, 1], [1, 2, 3]) == nil)
        #expect(try Correlation.spearman([1], [2]) == nil)
    }
}
