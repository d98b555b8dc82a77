import Corpora
import Evaluation
import Experiments
import Foundation
import Recommendation
import Testing

@Suite("The study unified-representation-amazon", .serialized)
struct UnifiedRepresentationPairStudyTests {
    /// A pair in the published layout: users of two halves who keep to the items of their half, in both kinds.
    private func withPair(_ body: (DataDirectory) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: folder) }
        var generator = SeededGenerator(seed: 1)
        for (name, items) in [("phone_sport", 30), ("sport_phone", 24)] {
            let place = folder.appending(path: "disencdr-cross-domain/\(name)")
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            var train = ""
            var test = ""
            for user in 0..<60 {
                let half = generator.shuffled((0..<items).filter { $0 % 2 == user % 2 })
                for item in half.prefix(items / 4) { train += "\(user)\t\(item)\t1\n" }
                for item in half.dropFirst(items / 4).prefix(2) { test += "\(user)\t\(item)\t1\n" }
            }
            try Data(train.utf8).write(to: place.appending(path: "train.txt"))
            try Data(test.utf8).write(to: place.appending(path: "test.txt"))
        }
        try await body(DataDirectory(folders: [folder]))
    }

    @Test("Positives are the published pairs, negatives are new to their user, validation is made as the test is")
    func data() async throws {
        try await withPair { directory in
            let pair = try CrossDomainPair(
                folder: try #require(directory.folder(dataSet: "disencdr-cross-domain")), pair: ("phone", "sport"))
            let data = try HeterogeneousData(pair, negatives: 1, testNegatives: 4, seed: 3)
            #expect(data.userCount == 60)
            #expect(data.sparseType == 1)
            for type in 0..<2 {
                let parts = [data.train[type], data.validation[type], data.test[type]]
                var liked = Set<Int64>()
                for part in parts {
                    var disliked = Set<Int64>()
                    for index in 0..<part.count {
                        let name = Int64(part.users[index]) << 32 | Int64(part.items[index])
                        if part.labels[index] > 0 { liked.insert(name) } else { disliked.insert(name) }
                    }
                    #expect(liked.isDisjoint(with: disliked))
                }
                #expect(liked.count == (type == 0 ? 60 * (7 + 2) : 60 * (6 + 2)))
                func likes(_ pairs: LabelledPairs) -> [(user: Int32, item: Int32)] {
                    pairs.labels.indices.filter { pairs.labels[$0] > 0 }.map { (pairs.users[$0], pairs.items[$0]) }
                }
                let validated = likes(data.validation[type])
                #expect(validated.count > 50 && Set(validated.map(\.user)).count == validated.count)
                let trained = likes(data.train[type])
                #expect(Set(validated.map(\.item)).isSubset(of: Set(trained.map(\.item))))
                #expect(Set(trained.map(\.user)).count == 60)
                #expect(data.test[type].labels.count { $0 > 0 } == 120)
                #expect(data.test[type].count == 600)
            }
        }
    }

    @Test("The smoke scale runs, and without the data the error says what to put where", .timeLimit(.minutes(2)))
    func smoke() async throws {
        let environment = RunEnvironment(processor: "test", threads: 1, precision: "f32", system: "test")
        let runner = StudyRunner(environment: environment, commit: "abc")
        try await withPair { directory in
            let result = try await runner.run(UnifiedRepresentationPairStudy(data: directory), scale: .smoke)
            #expect(result.claims.allSatisfy { $0.verdict == .notShown && $0.world == .public })
            #expect(result.tables[0].rows.contains { $0[0] == "released inputs" })
            #expect(result.tables[1].rows.count == 5 && result.tables[1].rows.allSatisfy { $0[2] == 8 })
        }
        await #expect(throws: CorpusError.self) {
            _ = try await runner.run(UnifiedRepresentationPairStudy(data: DataDirectory(folders: [])), scale: .smoke)
        }
    }
}
