import Corpora
import Evaluation
import Foundation
import Recommendation
import Tensors
import Testing
import Training

@Suite("Serving models of several domains", .serialized)
struct DomainServingTests {
    /// In one area even items are clicked, in the other odd ones; `i8` and `i9` are clicked in both.
    private func log() -> String {
        var csv = "user_id,item_id,timestamp,click,area\n"
        var generator = SeededGenerator(seed: 4)
        for step in 0..<1_200 {
            let item = generator.integer(below: 10)
            let area = generator.bernoulli(0.5) ? "north" : "south"
            let isLiked = item >= 8 || (item % 2 == 0) == (area == "north")
            let click = generator.bernoulli(isLiked ? 0.95 : 0.05) ? 1 : 0
            csv += "u\(step % 20),i\(item),\(step),\(click),\(area)\n"
        }
        return csv
    }

    @Test(
        "A user is answered for the domain they ask in; in an unknown one, or in none, for all together",
        .timeLimit(.minutes(2)))
    func domains() async throws {
        let text = log()
        try await withTemporaryFolder { folder in
            let file = folder.appending(path: "log.csv")
            try Data(text.utf8).write(to: file)
            for method in [MultiGateExpertsMethod.self, StarTopologyMethod.self] as [any RecommendationMethod.Type] {
                var document = try RecipeDocument(yaml: "method: \(method.name)", source: "test")
                for value in [
                    "data.interactions.source=\(file.path)", "data.interactions.tokens=[area]", "data.domain=area",
                    "fitting.learningRate=0.01", "fitting.rowsPerBatch=64", "fitting.epochs=12",
                ] { try document.set(value) }
                let recipe = document
                var session = TrainingSession(output: folder.appending(path: method.name))
                session.showsProgress = false
                let quiet = session
                try await TensorActor.run {
                    let trained = try method.train(recipe: recipe, in: quiet)
                    let saved = try SavedRecommender.open(trained.folder)
                    #expect(Set(saved.domains.tokens) == ["north", "south"])
                    func items(_ domain: String?) throws -> (best: Set<String>, isKnown: Bool) {
                        let answer = try saved.recommend(user: "u3", domain: domain, count: 6)
                        return (Set(answer.items.map(\.item)), answer.isDomainKnown)
                    }
                    let (north, south) = (try items("north"), try items("south"))
                    #expect(north.best == ["i0", "i2", "i4", "i6", "i8", "i9"], "\(method.name)")
                    #expect(south.best == ["i1", "i3", "i5", "i7", "i8", "i9"], "\(method.name)")
                    #expect(north.isKnown && south.isKnown)
                    for domain in ["east", nil] {
                        let found = try saved.recommend(user: "u3", domain: domain, count: 10)
                        #expect(!found.isDomainKnown)
                        guard method.name == StarTopologyMethod.name else { continue }
                        // What both areas like stands first.
                        #expect(Set(found.items.prefix(2).map(\.item)) == ["i8", "i9"])
                    }
                }
            }
        }
    }

    @Test("A domain is refused by a model that has none, and one outside of those trained by a model that has")
    func refusals() async throws {
        try await withTemporaryFolder { folder in
            var document = try RecipeDocument(yaml: "method: recommend-lr", source: "test")
            for value in ["fitting.epochs=1", "fitting.rowsPerBatch=512"] { try document.set(value) }
            let recipe = document
            var session = TrainingSession(output: folder.appending(path: "lr"))
            session.showsProgress = false
            let quiet = session
            try await TensorActor.run {
                let trained = try LogisticRegressionMethod.train(recipe: recipe, in: quiet)
                let saved = try SavedRecommender.open(trained.folder)
                #expect(saved.domains.count == 0)
                #expect(try saved.recommend(user: nil, count: 2).isDomainKnown)
                #expect(throws: RecommendationError.self) { try saved.recommend(user: nil, domain: "north", count: 2) }
                #expect(throws: RecommendationError.categoryOutOfRange(field: "domain", found: 0, count: 0)) {
                    try saved.recommender.score([UserContext(domain: 0)], candidates: [0])
                }
            }
        }
    }
}
