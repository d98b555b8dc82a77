import Corpora
import Evaluation
import Experiments
import Foundation
import Layers
import Recommendation
import Tensors
import Testing
import Training
import Worlds

@Suite("Unified representation", .serialized)
struct UnifiedRepresentationTests {
    /// Two types over three users: user 0 likes item 1 of the first and item 0 of the second.
    private func tiny(samplesNegatives: Bool = false) -> HeterogeneousData {
        var first = LabelledPairs()
        first.append(user: 0, item: 1, liked: true)
        first.append(user: 0, item: 0, liked: false)
        first.append(user: 2, item: 1, liked: true)
        var second = LabelledPairs()
        second.append(user: 0, item: 0, liked: true)
        var test = LabelledPairs()
        test.append(user: 1, item: 1, liked: true)
        return HeterogeneousData(
            userCount: 3,
            types: [
                TypedItems(name: "a", count: 2, vocabularySizes: [3], fields: [0, 2]),
                TypedItems(name: "b", count: 1, numberCount: 2, numbers: [0.5, -0.5]),
            ], train: [first, second], validation: [.init(), .init()], test: [test, .init()],
            samplesNegatives: samplesNegatives)
    }

    @Test(
        "Inputs are liked training pairs without the scored one; the released ones hold every interaction of every split"
    )
    func inputs() {
        let batch = PairBatch(type: 0, users: [0, 0, 1], items: [1, 0, 1], labels: [1, 0, 1])
        var none: EdgeDropout?
        let ours = InteractionTable(tiny(), inputs: .train)
        let users = ours.userBags(batch, dropout: &none)
        // Items of all types in a row: a0, a1, b0. The liked a1 is hidden from its own pair only.
        #expect(users.columns == [2, 1, 2])
        #expect(users.starts == [0, 1, 3])
        let items = ours.itemBags(batch, dropout: &none)
        #expect(items.columns == [2, 0, 2])
        #expect(items.starts == [0, 1, 1])
        let released = InteractionTable(tiny(), inputs: .released)
        #expect(released.userBags(batch, dropout: &none).columns == [0, 1, 2, 0, 1, 2, 1])
        // The test pair of user 1 is among its own inputs.
        #expect(released.itemBags(batch, dropout: &none).columns.contains(1))
        // A negative that was drawn is no interaction: only a liked pair has its own edge among the inputs.
        let sampled = InteractionTable(tiny(samplesNegatives: true), inputs: .released)
        #expect(sampled.userBags(batch, dropout: &none).columns == [1, 2, 1, 2, 1])
    }

    @Test("Interactions are dropped at the stated share, the same for the same seed")
    func dropout() {
        var first = EdgeDropout(share: 0.3, seed: 4)
        var second = EdgeDropout(share: 0.3, seed: 4)
        let drops = (0..<20_000).map { _ in first.drops() }
        #expect(abs(Double(drops.count { $0 }) / 20_000 - 0.3) < 0.015)
        #expect(drops == (0..<20_000).map { _ in second.drops() })
    }

    @Test("Sums of bags are products with multi-hot vectors, gradients too")
    func bagSums() throws {
        let table = Tensor.normal([4, 3], from: RandomSource(seed: 1)).requiringGradient()
        let multiHot = Tensor([Float(0), 1, 0, 1, 0, 0, 0, 0, 1, 1, 1, 1], shape: [3, 4])
        let upstream = Tensor.normal([3, 3], from: RandomSource(seed: 2))
        let sums = table.bagSums((columns: [1, 3, 0, 1, 2, 3], starts: [0, 2, 2]))
        let product = multiHot.matmul(table)
        #expect(sums.isClose(to: product, absoluteTolerance: 1e-6))
        let slope = try #require(try sums.gradients(withRespectTo: [table], upstream: upstream)[0])
        let expected = try #require(try product.gradients(withRespectTo: [table], upstream: upstream)[0])
        #expect(slope.isClose(to: expected, absoluteTolerance: 1e-6))
    }

    @Test("Token embeddings train, scores can be negative, and each type has a map of its own width")
    func network() throws {
        let model = UnifiedRepresentation(tiny(), .small, seed: 5)
        let names = model.parameters.map(\.name)
        #expect(names.contains("types.0.tokens.weight") && names.contains("types.1.map.layers.0.weight"))
        model.train()
        let batch = PairBatch(type: 0, users: [0, 1, 2, 2], items: [0, 1, 0, 1], labels: [0, 1, 0, 1])
        try model.loss([batch]).sum.backward()
        let tokens = try #require(model.parameters.first { $0.name == "types.0.tokens.weight" })
        #expect(try #require(tokens.tensor.gradient).norm().item > 0)
        let scores = (0..<20).flatMap { seed in
            UnifiedRepresentation(tiny(), .small, seed: UInt64(seed)).logits(batch).floats
        }
        #expect(scores.contains { $0 < 0 } && scores.contains { $0 > 0 })
    }

    @Test("A step has a minibatch of each type; short types begin again; a position restores the order")
    func source() throws {
        var long = LabelledPairs()
        for index in 0..<10 { long.append(user: Int32(index), item: 0, liked: true) }
        var short = LabelledPairs()
        for index in 0..<3 { short.append(user: Int32(index), item: 0, liked: false) }
        let source = try PairSource([long, short], batchSize: 4, seed: 1)
        #expect(source.stepsPerEpoch == 3)
        let first = try #require(source.next())
        #expect(first.map(\.count) == [4, 3])
        let position = source.position
        let next = try #require(source.next())
        try source.restore(position)
        #expect(source.next() == next)
        #expect(Set(next[1].users).count == 3)
        let other = try PairSource([long], batchSize: 4, seed: 1)
        #expect(throws: BatchSourceError.self) { try source.restore(other.position) }
        let longer = try PairSource([short, long], batchSize: 4, seed: 1)
        #expect(throws: BatchSourceError.self) { try source.restore(longer.position) }
        #expect(throws: BatchSourceError.self) { _ = try PairSource([LabelledPairs()], batchSize: 4, seed: 1) }
    }

    @Test(
        "It learns who likes what on every type, which the same inputs with shuffled labels do not teach",
        .timeLimit(.minutes(3)))
    func learns() throws {
        var world = ItemTypeConfiguration()
        world.userCount = 120
        world.itemCounts = [60, 40, 30]
        world.richOnlyShare = 0
        let data = HeterogeneousData(try ItemTypeWorld(world, seed: 1), trainPairs: 12_000, testPairsPerType: 800)
        var configuration = UnifiedRepresentationConfiguration.small
        configuration.epochs = 12
        configuration.patience = 12
        func meanArea(_ data: HeterogeneousData) throws -> Double {
            let model = UnifiedRepresentation(data, configuration, seed: 1)
            try model.fit(data, configuration, seed: 1)
            let areas = try model.areas(data.test).compactMap(\.self)
            return areas.reduce(0, +) / Double(areas.count)
        }
        #expect(try meanArea(data) > 0.6)
        var shuffled = data
        var generator = SeededGenerator(seed: 2)
        shuffled.train = data.train.map { pairs in
            let labels = generator.shuffled(pairs.labels)
            var result = LabelledPairs()
            for index in 0..<pairs.count {
                result.append(user: pairs.users[index], item: pairs.items[index], liked: labels[index] > 0)
            }
            return result
        }
        #expect(try meanArea(shuffled) < 0.55)
    }

    @Test("Files of a folder become types with aligned attributes; a folder without them is refused")
    func files() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect(throws: CorpusError.self) {
            try HeterogeneousData(folder: folder, label: "rating", threshold: 3, seed: 0)
        }
        func write(_ text: String, _ name: String) throws {
            try Data(text.utf8).write(to: folder.appending(path: name))
        }
        try write("user_id:token\titem_id:token\trating:float\nu\tx\t5\nv\ty\t1\n", "books.inter")
        try write("item_id:token\tauthor:token\tpages:float\ny\tann\t300\nx\tbob\t100\n", "books.item")
        try write("user_id:token\titem_id:token\trating:float\nv\tm\t4\n", "films.inter")
        let data = try HeterogeneousData(folder: folder, label: "rating", threshold: 3, seed: 0)
        #expect(data.userCount == 2)
        #expect(data.types.map(\.name) == ["books", "films"])
        #expect(data.types[0].vocabularySizes == [3])
        #expect(data.types[0].fields[0] != data.types[0].fields[1])
        #expect(data.types[0].numbers[0] < 0 && data.types[0].numbers[1] > 0)
        let all = [data.train, data.validation, data.test].map { $0[0] }
        #expect(all.reduce(0) { $0 + $1.count } == 2)
        #expect(all.flatMap(\.labels).sorted() == [0, 1])
        #expect(throws: (any Error).self) {
            try HeterogeneousData(folder: folder, label: "stars", threshold: 3, seed: 0)
        }
        // A row without a label is no dislike.
        try write("user_id:token\titem_id:token\trating:float\nv\tm\t4\nu\tm\t\n", "films.inter")
        #expect(throws: InteractionError.missingValue(file: "films.inter", line: 3, column: "rating")) {
            try HeterogeneousData(folder: folder, label: "rating", threshold: 3, seed: 0)
        }
    }

    @Test("Split by time, the latest tenth of a type's rows is its test; an attribute that is missing is the mean")
    func timeSplit() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func write(_ text: String, _ name: String) throws {
            try Data(text.utf8).write(to: folder.appending(path: name))
        }
        // Item n is met at time n, in another order in the file.
        let rows = (0..<20).map { $0 * 7 % 20 }.map { "u\tx\($0)\t5\t\($0)\n" }.joined()
        try write("user_id:token\titem_id:token\trating:float\twhen:float\n" + rows, "books.inter")
        try write("item_id:token\tpages:float\nx0\t100\nx7\t\nx14\t300\n", "books.item")
        let data = try HeterogeneousData(folder: folder, label: "rating", threshold: 3, time: "when", seed: 0)
        let order = (0..<20).map { $0 * 7 % 20 }
        func times(_ parts: [LabelledPairs]) -> [Int] { parts[0].items.map { order[Int($0)] }.sorted() }
        #expect(times(data.train) == Array(0..<14))
        #expect(times(data.validation) == Array(14..<18))
        #expect(times(data.test) == [18, 19])
        // Items are numbered as they come: x0, x7, x14, … with the pages 100, unknown and 300.
        let pages = data.types[0].numbers
        #expect(pages[0] == -pages[2] && pages[2] > 0.5)
        #expect(pages[1] == 0 && pages[3] == 0)
    }

    @Test("Train and evaluate by name: the artefact gives the areas of its types; other data are refused")
    func method() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: folder) }
        var settings = UnifiedRepresentationRecipe()
        settings.model = .small
        settings.model.epochs = 1
        settings.model.sampledItems = 16
        let recipe = settings
        var session = TrainingSession(output: folder.appending(path: "model"))
        session.showsProgress = false
        let quiet = session
        let trained = try await TensorActor.run { try UnifiedRepresentationMethod.train(recipe, in: quiet) }
        #expect(trained.outcome.progress.step > 50)
        let measured = try await TensorActor.run {
            try UnifiedRepresentationMethod.evaluate(trained.folder, recipe: nil, in: quiet)
        }
        #expect(Set(measured.metrics.keys) == ["auc", "auc.type 1", "auc.type 2", "auc.type 3"])
        #expect(measured.count == 12_000)
        var other = recipe
        other.seed = 1
        let reseeded = other
        await #expect(throws: RecommendationError.self) {
            _ = try await TensorActor.run {
                try UnifiedRepresentationMethod.evaluate(trained.folder, with: reseeded, in: quiet)
            }
        }
        other = recipe
        other.model.unifiedDimensions = 8
        let wrong = other
        await #expect(throws: RecommendationError.self) {
            _ = try await TensorActor.run {
                try UnifiedRepresentationMethod.evaluate(trained.folder, with: wrong, in: quiet)
            }
        }
    }
}

@Suite("Recipes of unified-representation and lifetime-value")
struct HeterogeneousRecipeTests {
    @Test("Every field is described, and the recipes of the folder are valid")
    func recipes() throws {
        let unified = try RecipeText.undocumentedFields(of: UnifiedRepresentationRecipe.self, optional: [])
        #expect(unified.missing == [] && unified.unknown == [])
        let lifetime = try RecipeText.undocumentedFields(of: LifetimeValueRecipe.self, optional: [])
        #expect(lifetime.missing == [] && lifetime.unknown == [])
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Recipes")
        let first = try RecipeDocument(file: folder.appending(path: "unified-representation.yaml"))
        #expect(try UnifiedRepresentationMethod.settings(first).model.bandwidth == .adaptive)
        let second = try RecipeDocument(file: folder.appending(path: "lifetime-value.yaml"))
        #expect(try LifetimeValueMethod.settings(second).dailyImpressions == 25_000)
        #expect(throws: RecipeError.self) {
            try LifetimeValueMethod.validate(RecipeDocument(yaml: "model: {maximumWeight: 2}"))
        }
    }
}

@Suite("The study unified-representation", .serialized)
struct UnifiedRepresentationStudyTests {
    static let environment = RunEnvironment(processor: "test", threads: 1, precision: "f32", system: "test")

    @Test("The smoke scale measures every variant and gives no verdict", .timeLimit(.minutes(3)))
    func smoke() async throws {
        let result = try await StudyRunner(environment: Self.environment, commit: "abc")
            .run(UnifiedRepresentationStudy(), scale: .smoke)
        #expect(
            result.claims.map(\.claim.id)
                == [
                    "sparse-type", "cross-type-baselines", "lift-grows", "alignment", "topology",
                ].map { "unified-representation-\($0)" })
        #expect(result.claims.allSatisfy { $0.verdict == .notShown && $0.values.method.count == 2 })
        #expect(result.claims.prefix(3).allSatisfy { $0.claim.control.kind == .null })
        let areas = result.claims.filter { $0.claim.metric != "lift" }.flatMap { $0.values.method + $0.values.baseline }
        #expect(areas.allSatisfy { (0.2...0.8).contains($0) })
        // The world's own probabilities are far ahead of two epochs of training.
        let oracle = try #require(result.tables[0].rows.first { $0[0] == "oracle" })
        #expect(oracle[1].text > "0.8")
        // Every model is measured at every share of the sparse type's data.
        for name in ["unified-representation", "per-type", "matrix factorisation", "dual transfer"] {
            let row = try #require(result.tables[0].rows.first { $0[0].text == name })
            #expect(row[3].text.contains("±") && row[5].text.contains("±"), "\(name)")
        }
        let search = try #require(result.tables.first { $0.title == "Search" })
        #expect(search.rows.count == 6 && search.rows.allSatisfy { $0[2] == 8 })
    }

    @Test("Ablated, the controls stand in the methods' place", .timeLimit(.minutes(3)))
    func ablated() async throws {
        let result = try await StudyRunner(environment: Self.environment, commit: "abc")
            .run(UnifiedRepresentationStudy(), scale: .smoke, seeds: 1, ablate: true)
        for claim in result.claims { #expect(claim.values.method.count == 1) }
        #expect(result.tables.last?.rows.contains { $0[0] == "unified-representation" } == false)
    }
}
