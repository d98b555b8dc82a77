import Evaluation
import Foundation
import Layers
import Recommendation
import Tensors
import Testing
import Training

@Suite("Geographic groups: cells without rows, groups without cells", .serialized)
struct GroupFallbackTests {
    /// Rows in the cells 0 to 3 of six; 4 lies near 1 and 5 near 2.
    private func data(positions: [SIMD2<Double>]) throws -> CellData {
        let filled = try flippedRows(1_200, cells: 4, seed: 3) { $0 >= 2 }
        var schema = filled.schema
        schema.domainCount = 6
        var rows = FeatureRows(schema: schema)
        for row in 0..<filled.count {
            try rows.append(
                categories: [], numbers: Array(filled.numbers[(2 * row)..<(2 * row + 2)]),
                labels: [filled.labels[row]], domain: Int(filled.domains[row]))
        }
        return try CellData(
            rows, heldOutRows: Set(1_000..<1_200), regions: [Int](repeating: 0, count: 6), positions: positions, seed: 3
        )
    }

    private func learner(
        _ configuration: GeographicGroupsConfiguration, _ data: CellData
    ) throws -> (learner: GroupLearner, schedule: GroupSchedule) {
        let model = GroupNetwork(data.training.schema, configuration, from: RandomSource(seed: 2))
        model.train()
        let schedule = GroupSchedule(
            configuration, fittingRows: data.fitting.count, rows: data.training.count, rowsPerBatch: 64)
        return (try GroupLearner(model, data: data, schedule: schedule, seed: 2), schedule)
    }

    private func trained(_ configuration: GeographicGroupsConfiguration, _ data: CellData) throws -> GroupNetwork {
        let (learner, schedule) = try learner(configuration, data)
        let loop = TrainingLoop(
            learner: learner, source: try GroupRowSource(data, rowsPerBatch: 64, schedule: schedule, seed: 2),
            optimizer: AdamW([ParameterGroup(learner.model.trainableParameters)]),
            schedule: LearningRateSchedule(peak: 1e-2, totalSteps: schedule.steps),
            limits: TrainingLimits(steps: schedule.steps))
        loop.isInterrupted = { false }
        _ = try loop.run()
        return learner.model
    }

    @Test(
        "A cell without rows joins the nearest cell's group; where positions are unknown the common head answers",
        arguments: [0, 3])
    func unseenCells(rounds: Int) throws {
        var configuration = smallGroups()
        configuration.rounds = rounds
        let placed = try trained(
            configuration, data(positions: [[0, 0], [1, 0], [8, 0], [9, 0], [1.4, 0], [8.2, 1]])
        ).groups
        #expect(Set(placed[..<4]).count == 2)
        #expect(placed[4] == placed[1] && placed[5] == placed[2] && placed[1] != placed[2])

        let model = try trained(configuration, data(positions: []))
        #expect(model.groups[4...] == [-1, -1])
        var strangers = FeatureRows(schema: model.schema)
        for cell in [4, 5, 0] { try strangers.append(categories: [], numbers: [1, -0.5], domain: cell) }
        let batch = strangers.all
        let (served, common) = withoutGradients { (model.logits(batch).floats, model.allLogits(batch).common.floats) }
        #expect(served[0] == common[0] && served[1] == common[1])
        #expect(served[2] != common[2])
    }

    @Test("A group that loses its cells is given those that fit worst, and the largest group's tower")
    func reseeding() throws {
        var configuration = smallGroups()
        configuration.groups = 3
        configuration.warmUpEpochs = 1
        // Hard from the first round on, so that groups can be empty.
        configuration.firstTemperature = 0.1
        configuration.shrinkage = 0
        func dealt(smallestShare: Double) throws -> GroupNetwork {
            configuration.smallestShare = smallestShare
            let (learner, schedule) = try learner(configuration, data(positions: []))
            // Nobody is served worse than by the second and the third group.
            let biases = try #require(learner.model.parameters.first { $0.name == "groups.headBiases" }).tensor
            biases.assign(Tensor([0, -30, -30] as [Float], shape: [3, 1, 1]))
            learner.didStep(schedule.stepsPerHalf)
            return learner.model
        }
        #expect(Set(try dealt(smallestShare: 0).groups[..<4]) == [0])
        let model = try dealt(smallestShare: 0.01)
        #expect(Set(model.groups[..<4]) == [0, 1, 2])
        for name in ["headBiases", "headWeights", "firstWeights", "secondWeights"] {
            let stack = try #require(model.parameters.first { $0.name == "groups.\(name)" }).tensor
            for group in 1...2 {
                #expect(stack.select(group, along: 0).floats == stack.select(0, along: 0).floats)
            }
        }
    }

    @Test("Scales come from the rows that train, and another file than the trained one is refused")
    func otherFile() async throws {
        try await withTemporaryFolder { folder in
            let file = folder.appending(path: "rows.csv")
            func write(_ kinds: [String], _ shift: Double = 0) throws {
                var text = "cell,label,a,kind\n"
                let rows = try flippedRows(600, cells: 4, seed: 5) { $0 < 2 }
                for row in 0..<rows.count {
                    text +=
                        "c\(rows.domains[row]),\(Int(rows.labels[row])),\(Double(rows.numbers[2 * row]) + shift),"
                        + "\(kinds[row % 2])\n"
                }
                try Data(text.utf8).write(to: file)
            }
            try write(["x", "y"])
            var recipe = GeographicGroupsRecipe()
            recipe.data.source = file.path
            recipe.data.numberColumns = ["a"]
            recipe.data.categoryColumns = ["kind"]
            recipe.model = smallGroups()
            let settings = recipe
            var session = TrainingSession(output: folder.appending(path: "model"))
            session.showsProgress = false
            let quiet = session
            let trained = try await TensorActor.run { try GeographicGroups.train(settings, in: quiet) }
            func evaluate(_ settings: GeographicGroupsRecipe) async throws -> [String: Double] {
                try await TensorActor.run {
                    try GeographicGroups.evaluate(trained.folder, with: settings, in: quiet).metrics
                }
            }
            #expect(try #require(try await evaluate(settings)["logLoss"]) > 0)
            // The same names in another order, other numbers, or a training row among the held-out ones.
            var other = settings
            other.seed = 1
            let reseeded = other
            await #expect(throws: RecommendationError.self) { _ = try await evaluate(reseeded) }
            try write(["y", "x"])
            await #expect(throws: CellDataError.self) { _ = try await evaluate(settings) }
            try write(["x", "y"], 3)
            await #expect(throws: CellDataError.self) { _ = try await evaluate(settings) }
            try write(["x", "y"])
            #expect(try #require(try await evaluate(settings)["logLoss"]) > 0)
        }
    }
}
