import Evaluation
import Foundation
import Layers
import Recommendation
import Tensors
import Testing
import Worlds

@Suite("Session context: lists")
struct ListSearchTests {
    private let scorer = TableScorer(
        clicks: [0.5, 0.45, 0.1, 0.2, 0.3], browses: [0.3, 0.6, 0.95, 0.9, 0.7])

    /// All ordered lists of `length` different items.
    private func lists(_ count: Int, length: Int) -> [[Int32]] {
        guard length > 0 else { return [[]] }
        return lists(count, length: length - 1).flatMap { list in
            (0..<Int32(count)).filter { !list.contains($0) }.map { list + [$0] }
        }
    }

    @Test("A beam that keeps every prefix finds the list of the highest expected value, by enumeration")
    func exactBeam() {
        for weight in [0.0, 0.3] {
            let search = ListSearch(length: 4, beamWidth: 500, viewWeight: weight, valueToGo: [0, 1, 1, 1, 0])
            let found = search.run(scorer, requests: 1)[0]
            let best = lists(5, length: 4).map { scorer.value($0, viewWeight: weight) }.max()!
            #expect(abs(scorer.value(found.items, viewWeight: weight) - best) < 1e-6)
            #expect(abs(found.expectedClicks + weight * found.expectedViews - best) < 1e-6)
        }
    }

    @Test("Fitted greedy lists beat the ranking by clicks, lose nothing to a beam, and never repeat an item")
    func greedy() {
        let byClicks = ListSearch.clicks(length: 4).run(scorer, requests: 1)[0]
        var search = ListSearch.fitted(to: scorer, requests: 1, length: 4, viewWeight: 0.2)
        let greedy = search.run(scorer, requests: 1)[0]
        search.beamWidth = 5
        let beam = search.run(scorer, requests: 1)[0]
        let values = [byClicks, greedy, beam].map { scorer.value($0.items, viewWeight: 0.2) }
        #expect(values[1] > values[0] + 0.05)
        #expect(values[2] >= values[1] - 1e-9)
        for list in [byClicks, greedy, beam] { #expect(Set(list.items).count == 4) }
    }

    @Test("Excluded items are in no list of their own request, and the rest is the best of what is left")
    func excluded() {
        let search = ListSearch(length: 3, beamWidth: 60, viewWeight: 0.3, valueToGo: [0, 1, 1, 0])
        let found = search.run(scorer, requests: 2, excluding: [[0, 2], []])
        #expect(Set(found[0].items) == [1, 3, 4])
        let best = lists(5, length: 3).filter { Set($0) == [1, 3, 4] }.map { scorer.value($0, viewWeight: 0.3) }.max()!
        #expect(abs(scorer.value(found[0].items, viewWeight: 0.3) - best) < 1e-6)
        #expect(found[1].items == search.run(scorer, requests: 1)[0].items)
    }

    @Test("Values to go are G_t = p^c + w + p^b G_{t+1}")
    func valuesToGo() {
        let constant = TableScorer(clicks: [0.2, 0.2], browses: [0.5, 0.5])
        // Item 1 follows item 0 and is of the other parity, so that nothing is halved.
        let lists = ListSearch(length: 2, viewWeight: 0.1, valueToGo: [0, 0, 0]).run(constant, requests: 3)
        let values = ListSearch.valuesToGo(of: lists, length: 2)
        #expect(abs(values[1] - 0.3) < 1e-6 && abs(values[0] - 0.45) < 1e-6 && values[2] == 0)
    }

    @Test("No view weight and a constant browse probability give the ranking by clicks")
    func equivalence() {
        let model = smallModel()
        for parameter in model.parameters where parameter.name.hasPrefix("browse.output") {
            parameter.tensor.assign(parameter.name.hasSuffix("bias") ? .full([1], 1.3) : .zeros(parameter.tensor.shape))
        }
        let requests = (0..<6).map { SessionRequest(profile: Int32($0 % 2), history: [Int32($0), Int32(11 - $0)]) }
        let scorer = SessionScorer(model, requests: requests)
        let search = ListSearch.fitted(to: scorer, requests: 6, length: 6, viewWeight: 0)
        #expect(search.valueToGo[1] > 0)
        let byValue = search.run(scorer, requests: 6)
        let byClicks = ListSearch.clicks(length: 6).run(scorer, requests: 6)
        #expect(byValue.map(\.items) == byClicks.map(\.items))
        #expect(Set(byClicks.map(\.items)).count > 1)
        // With browsing that depends on the items the two rules differ.
        let other = SessionScorer(smallModel(), requests: requests)
        let differing = ListSearch.fitted(to: other, requests: 6, length: 6, viewWeight: 1).run(other, requests: 6)
        #expect(differing.map(\.items) != ListSearch.clicks(length: 6).run(other, requests: 6).map(\.items))
    }

    @Test("The model recommends by the contract and gives whole lists; what it does not know is an error")
    func contract() throws {
        let model = smallModel()
        let users = [UserContext(history: [2, 8]), UserContext(user: 7)]
        let scores = try model.score(users, candidates: [4, 1])
        #expect(scores.shape == [2, 2])
        let all = try model.score(users, candidates: Array(0..<12)).floats
        #expect(scores.floats == [all[4], all[1], all[16], all[13]])
        let best = try model.recommend(users, count: 3)
        #expect(best.allSatisfy { $0.count == 3 } && !best[0].contains { [2, 8].contains($0.item) })
        let lists = try model.lists(for: [SessionRequest(profile: 1, history: [])], length: 5)
        #expect(Set(lists[0].items).count == 5 && lists[0].expectedViews > 1)
        #expect(throws: RecommendationError.self) { try model.score([UserContext(history: [12])], candidates: [0]) }
        #expect(throws: RecommendationError.self) { try model.lists(for: [SessionRequest(history: [])], length: 11) }
        #expect(throws: RecommendationError.userOutOfRange(2, count: 2)) {
            try model.lists(for: [SessionRequest(profile: 2, history: [])], length: 3)
        }
    }

    @Test("Expected views and clicks of a list agree with enumeration over click histories")
    func truth() throws {
        let world = try FeedWorld(.longTerm.fast, seed: 5)
        let starts = try SessionStart.sampled(
            world: world, users: 0..<20, served: RandomFeedPolicy(seed: 1), sessions: 1..<3, luckSeed: 3, most: 10)
        #expect(starts.count == 10)
        let list: [Int32] = [4, 24, 7, 101, 44, 8]
        for (place, start) in starts.enumerated() {
            let truth = SessionTruth(world: world, draws: 4_000, luckSeed: 8)
            let found = truth.expected(list: list, start: start, request: place)
            let exact = FeedTruth(
                world: world, user: start.user, intent: start.intent, satisfaction: start.satisfaction
            ).expected(list: list.map(Int.init))
            #expect(abs(found.views - exact.views) < 0.02)
            #expect(abs(found.clicks - exact.clicks) < 0.02)
        }
    }

    @Test(
        "Lists by the true expected value beat lists by the true clicks where satisfaction keeps users, and only there")
    func oracle() throws {
        for (kept, isBetter) in [(Float(3), true), (0, false)] {
            var configuration = FeedConfiguration.longTerm.fast
            configuration.browseSatisfaction = kept
            if !isBetter {
                configuration.browseMatch = 0
                configuration.browseRepetition = 0
            }
            let world = try FeedWorld(configuration, seed: 6)
            let starts = try SessionStart.sampled(
                world: world, users: 0..<30, served: RandomFeedPolicy(seed: 1), sessions: 1..<3, luckSeed: 3, most: 20)
            let scorer = TrueScorer(world: world, starts: starts)
            let truth = SessionTruth(world: world, draws: 32, luckSeed: 8)
            func views(_ search: ListSearch) -> Double {
                let lists = search.run(scorer, requests: starts.count)
                let all = lists.map { truth.expected(list: $0.items, start: starts[$0.request], request: $0.request) }
                return all.reduce(0) { $0 + $1.views } / Double(lists.count)
            }
            let byClicks = views(.clicks(length: 10))
            let byValue = views(.fitted(to: scorer, requests: starts.count, length: 10, viewWeight: 0.2))
            if isBetter {
                #expect(byValue > 1.1 * byClicks)
            } else {
                #expect(abs(byValue - byClicks) < 1e-4)
            }
        }
    }
}
