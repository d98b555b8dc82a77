import Corpora
import Foundation
import Layers
import PostTraining
import Testing
import Training

@Suite("Continual pretraining", .serialized)
struct PretrainingTests {
    @Test("Pretraining from nothing gets below the unigram entropy of held-out text; the artefact says the same")
    func pretraining() async throws {
        try await withTemporaryFolder { folder in
            var settings = PretrainingRecipe()
            settings.characters = 30_000
            settings.shape.layers = 2
            settings.shape.hiddenDimensions = 64
            settings.shape.feedForwardDimensions = 128
            settings.budget.length = 128
            settings.budget.rows = 4
            settings.budget.epochs = 2
            settings.optimizer.learningRate = 6e-3
            settings.precision = .f32
            let recipe = settings
            let store = try RunStore(file: folder.appending(path: "runs.sqlite"))
            var session = TrainingSession(output: folder.appending(path: "model"), store: store)
            session.showsProgress = false
            let quiet = session
            let trained = try await TensorActor.run { try ContinualPretraining.train(recipe, in: quiet) }
            #expect(trained.outcome.reason == .steps)
            let loss = try #require(trained.metrics["loss"])

            let corpus = BuiltInText.corpus(characters: 30_000)
            #expect(loss < unigramEntropy(train: corpus.train, test: corpus.validation) - 0.1)

            let manifest = try ArtefactManifest.read(from: trained.folder)
            try manifest.verify(in: trained.folder)
            #expect(manifest.kind == "pretrain")
            #expect(manifest.base == nil)
            #expect(!FileManager.default.fileExists(atPath: session.checkpoint.path))
            let run = try store.run(try #require(trained.runID))
            #expect(run.status == .done)
            #expect(run.recipe == manifest.recipe)
            #expect(try store.metrics(run.id, name: "loss").count == trained.outcome.progress.step)

            let evaluation = try await TensorActor.run {
                try ContinualPretraining.evaluate(trained.folder, recipe: nil, in: quiet)
            }
            let measured = try #require(evaluation.metrics["loss"])
            #expect(abs(measured - loss) < 0.2)
            #expect(try #require(evaluation.intervals["perplexity"]).contains(exp(measured)))
        }
    }

    /// Cross-entropy in nats of bytes of `test` under the smoothed byte counts of `train`.
    private func unigramEntropy(train: [TextDocument], test: [TextDocument]) -> Double {
        var counts = [Double](repeating: 1, count: 257)
        for document in train {
            for byte in document.text.utf8 { counts[Int(byte)] += 1 }
            counts[256] += 1
        }
        let total = counts.reduce(0, +)
        var loss = 0.0
        var tokens = 0.0
        for document in test {
            for byte in document.text.utf8.dropFirst() { loss -= log(counts[Int(byte)] / total) }
            loss -= log(counts[256] / total)
            tokens += Double(document.text.utf8.count)
        }
        return loss / tokens
    }

    @Test("Any text file can be trained on: line ends of Windows, one long line, a few hundred characters")
    func plainTexts() async throws {
        try await withTemporaryFolder { folder in
            let file = folder.appending(path: "book.txt")
            let words = (0..<120).map { "word\($0)" }
            for text in [words.joined(separator: "\r\n\r\n"), words.joined(separator: " ")] {
                try Data(text.utf8).write(to: file)
                let corpus = try TextSource.corpus(file.path, PretrainingRecipe())
                let documents = corpus.train + corpus.validation + corpus.test
                #expect(!corpus.train.isEmpty && !corpus.validation.isEmpty && !corpus.test.isEmpty)
                let found = documents.flatMap { $0.text.split(whereSeparator: \.isWhitespace).map(String.init) }
                #expect(found.sorted() == words.sorted())
            }
            try Data("too short".utf8).write(to: file)
            #expect(throws: TrainingDataError.self) { try TextSource.corpus(file.path, PretrainingRecipe()) }
        }
    }
}
