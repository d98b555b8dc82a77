import Evaluation
import Foundation
import Testing

@Suite("Ranking metrics") struct RankingMetricsTests {
    @Test("Graded gain is (2^rel - 1) / log2(rank + 1) over the ideal order truncated at k")
    func gradedGain() throws {
        // DCG@3 = 7/1 + 0 + 1/2; the ideal from all candidates is 7/1 + 3/log2(3) + 1/2.
        let value = try #require(RankingMetrics.gradedDiscountedGain(ranked: [3, 0, 1], all: [1, 3, 0, 2], k: 3))
        #expect(abs(value - 7.5 / (7 + 3 / log2(3.0) + 0.5)) < 1e-12)
        #expect(RankingMetrics.gradedDiscountedGain(ranked: [0, 0], k: 2) == nil)
    }

    @Test("Two hits of three at ranks 2 and 4, by hand")
    func byHand() throws {
        let hits = [1, 3]
        #expect(RankingMetrics.recall(hits: hits, relevantCount: 3, k: 4) == 2.0 / 3)
        #expect(RankingMetrics.recall(hits: hits, relevantCount: 3, k: 3) == 1.0 / 3)
        #expect(RankingMetrics.precision(hits: hits, relevantCount: 3, k: 4) == 0.5)
        #expect(RankingMetrics.reciprocalRank(hits: hits, relevantCount: 3, k: 4) == 0.5)
        #expect(RankingMetrics.reciprocalRank(hits: hits, relevantCount: 3, k: 1) == 0)
        let average = try #require(RankingMetrics.averagePrecision(hits: hits, relevantCount: 3, k: 4))
        #expect(abs(average - (0.5 + 0.5) / 3) < 1e-12)
        let gain = try #require(RankingMetrics.discountedGain(hits: hits, relevantCount: 3, k: 4))
        #expect(abs(gain - (1 / log2(3.0) + 1 / log2(5.0)) / (1 + 1 / log2(3.0) + 0.5)) < 1e-12)
        #expect(RankingMetrics.discountedGain(hits: [], relevantCount: 0, k: 4) == nil)
    }

    @Test("Lifetime values are ordered by prediction, ties pessimistically")
    func valueGain() throws {
        let value = try #require(
            RankingMetrics.valueDiscountedGain(predicted: [0.9, 0.1, 0.5], realised: [10, 30, 0], k: 2))
        #expect(abs(value - 10 / (30 + 10 / log2(3.0))) < 1e-12)
        let tied = try #require(RankingMetrics.valueDiscountedGain(predicted: [1, 1], realised: [5, 0], k: 1))
        #expect(tied == 0)
    }

    @Test("The grouped area equals counting all pairs, for each weight")
    func groupedArea() throws {
        let area = try RankingFixture.load().area
        for weight in [GroupedDiscrimination.Weight.impressions, .clicks, .equal] {
            let found = try #require(
                try GroupedDiscrimination(
                    scores: area.scores, positive: area.labels, groups: area.groups, weight: weight))
            #expect(abs(found.value - area.expected[weight.rawValue]!) < 1e-12)
            #expect(found.skippedGroups == area.skipped)
        }
        #expect(
            try GroupedDiscrimination(scores: [1, 2], positive: [true, true], groups: [0, 1], weight: .equal) == nil)
    }

    @Test("Knowing each group's base rate earns a pooled area but no grouped one")
    func baseRates() throws {
        let groups: [Int32] = (0..<40).map { $0 < 20 ? 0 : 1 }
        let labels = (0..<40).map { $0 < 20 ? $0 % 10 == 0 : $0 % 10 != 0 }
        let scores = groups.map { Double($0) }
        let pooled = try #require(try Discrimination.areaUnderCurve(scores: scores, positive: labels))
        let grouped = try #require(
            try GroupedDiscrimination(scores: scores, positive: labels, groups: groups, weight: .impressions))
        #expect(pooled > 0.85)
        #expect(grouped.value == 0.5)
    }

    @Test("Rand index and mutual information equal pair counting and entropies, whatever the labels are called")
    func groupings() throws {
        let fixture = try RankingFixture.load().grouping
        let renamed = fixture.second.map { 100 - 7 * $0 }
        let rand = try #require(GroupingMetrics.adjustedRandIndex(fixture.first, renamed))
        let mutual = try #require(GroupingMetrics.normalizedMutualInformation(fixture.first, renamed))
        #expect(abs(rand - fixture.rand) < 1e-12)
        #expect(abs(mutual - fixture.mutual) < 1e-12)
        #expect(GroupingMetrics.adjustedRandIndex([1, 1, 2], [5, 5, 9]) == 1)
        #expect(GroupingMetrics.adjustedRandIndex([], []) == nil)
    }

    @Test("Exposure: Gini by mean absolute differences, coverage by distinct items")
    func exposure() throws {
        let fixture = try RankingFixture.load().exposure
        let gini = try #require(ListMetrics.exposureGini(fixture.lists, catalogue: 50))
        #expect(abs(gini - fixture.gini) < 1e-12)
        #expect(ListMetrics.coverage(fixture.lists, catalogue: 50) == fixture.coverage)
        #expect(ListMetrics.gini([1, 1, 1, 1]) == 0)
        #expect(ListMetrics.gini([0, 0, 0, 8]) == 0.75)
    }

    @Test("List diversity: 1 - mean pairwise cosine")
    func diversity() throws {
        let vectors: [Float] = [1, 0, 0, 2, 3, 0]  // two parallel, one orthogonal
        let value = try #require(ListMetrics.intraListDiversity([0, 1, 2], vectors: vectors, dimensions: 2))
        #expect(abs(value - 2.0 / 3) < 1e-12)
        #expect(ListMetrics.intraListDiversity([0], vectors: vectors, dimensions: 2) == nil)
    }

    @Test("List rewards by hand")
    func rewards() throws {
        let reward = try #require(ListMetrics.listReward([[1, 0], [1, 1], [0, 0]]))
        #expect(reward.mean == 0.5 && reward.maximum == 1)
        #expect(ListMetrics.rewardReciprocalRank([0, 1]) == 0.25)
        let gain = try #require(ListMetrics.rewardDiscountedGain([0, 1]))
        #expect(abs(gain - 1 / log2(3.0)) < 1e-12)
        #expect(ListMetrics.discountedReward([1, 1, 1], discount: 0.5) == 1.75)
    }

    @Test("Sessions: means, median, survival and retention")
    func sessions() throws {
        let sessions = [(1, 0), (4, 2), (2, 1), (9, 3)].map {
            SessionMetrics.Session(views: $0.0, clicks: $0.1, reward: Double($0.1))
        }
        let summary = try #require(SessionMetrics.summary(sessions))
        #expect(summary.viewsPerSession == 4 && summary.medianViews == 3)
        #expect(summary.clickThroughRate == 6.0 / 16 && summary.totalReward == 1.5)
        #expect(SessionMetrics.survival(sessions, limit: 5) == [1, 0.75, 0.5, 0.5, 0.25])
        let retention = try #require(SessionMetrics.retention(gapsInDays: [1, 3, nil, 1]))
        #expect(retention.meanReturnDays == 5.0 / 3 && retention.nextDayRate == 0.5)
        #expect(SessionMetrics.summary([]) == nil)
    }

    @Test("Log loss, predicted against observed, and errors by hand")
    func likelihood() throws {
        let loss = try Likelihood.logLoss(probabilities: [0.8, 0.4], outcomes: [true, false])
        #expect(abs(loss + (log(0.8) + log(0.6)) / 2) < 1e-12)
        let ratio = try #require(
            try Likelihood.clicksOverPredicted(probabilities: [0.5, 0.3], outcomes: [true, true]))
        #expect(abs(ratio - 2.5) < 1e-12)
        #expect(try Likelihood.rootMeanSquaredError(predicted: [1, 2], realised: [1, 4]) == 2.0.squareRoot())
        #expect(try Likelihood.meanAbsoluteError(predicted: [1, 2], realised: [1, 4]) == 1)
        #expect(throws: EvaluationError.self) { try Likelihood.logLoss(probabilities: [], outcomes: []) }
    }
}
