import Recommendation
import Tensors
import Testing
import Training

@Suite("The feed's agent of one level", .serialized)
struct FlatAgentTests {
    @Test("Wolpertinger: of the nearest unshown items the critic's best, then the others by nearness; in targets too")
    func neighbours() async throws {
        try await TensorActor.run {
            let catalogue = try FeedAgentTests.ground().catalogue
            let count = catalogue.itemCount
            var (servedOtherwise, valuedOtherwise) = (0, 0)
            for seed in 1...6 as ClosedRange<UInt64> {
                var settings = FlatAgent.Settings()
                (settings.trace, settings.dailyDiscount) = (0, 1)
                func agent(_ neighbours: Int, _ algorithm: FlatAgent.Algorithm = .policyGradient) -> FlatAgent {
                    settings.neighbours = neighbours
                    return FlatAgent(algorithm, catalogue: catalogue, settings: settings, seed: seed)
                }
                let batch = FeedSessionBatch(
                    FeedAgentTests.replay(catalogue), rows: [0, 1], lag: 0, discounting: agent(1).discounting)
                let heads = agent(1).online.heads
                // The first view of the session after.
                let session = agent(1).online.session(batch.nextHistory, batch.nextContext)
                let (memory, slots) = (Tensor.zeros([2, settings.hidden]), Tensor.full([2, 1], 0.05))
                let state = heads.state(.concatenated([memory, session, slots], along: 1))
                let nearness = heads.proto(state).matmul(catalogue.columns).contiguous().floats
                let values = heads.values(0, state, columns: catalogue.columns).contiguous().floats
                func sorted(_ items: some Sequence<Int32>, by scores: [Float], _ row: Int) -> [Int32] {
                    items.sorted { scores[row * count + Int($0)] > scores[row * count + Int($1)] }
                }
                let all = 0..<Int32(count)
                let nearest = (0..<2).map { sorted(all, by: nearness, $0) }
                let shown = [[], Array(nearest[1].prefix(2)) + [nearest[1][4]]]
                func served(_ neighbours: Int, _ row: Int) -> [Int32] {
                    let scores = agent(neighbours).scores(
                        state: memory, session: session, slots: slots, shown: shown, noise: 0,
                        random: RandomSource(seed: 1))
                    return sorted(all, by: scores.contiguous().floats, row).filter { !shown[row].contains($0) }
                }
                for row in 0..<2 {
                    let open = nearest[row].filter { !shown[row].contains($0) }
                    #expect(served(1, row) == open)
                    #expect(served(8, row) == sorted(open.prefix(8), by: values, row) + open.dropFirst(8))
                    // More neighbours than items.
                    #expect(served(100, row) == sorted(open, by: values, row))
                    servedOtherwise += served(8, row)[0] == open[0] ? 0 : 1
                }
                // The first session ends without a click, and a day costs nothing: its target is the value of what follows.
                func target(_ neighbours: Int) -> Float { agent(neighbours).targets(batch).floats[1] }
                for neighbours in [1, 8, count] {
                    let chosen = Int(sorted(nearest[0].prefix(neighbours), by: values, 0)[0])
                    let worth = heads.lowerValue(state, items: catalogue.embeddings.rows(Tensor([chosen, chosen])))
                    #expect(abs(target(neighbours) - worth.floats[0]) < 1e-5)
                }
                valuedOtherwise += abs(target(1) - target(8)) > 1e-4 ? 1 : 0
                // With all items for neighbours it does not matter where the proto-item stands.
                #expect(agent(count).targets(batch).floats == agent(1, .qLearning).targets(batch).floats)
            }
            #expect(servedOtherwise > 3 && valuedOtherwise > 1)
        }
    }
}
