import Evaluation
import Foundation
import LanguageModel
import Layers
import Training

extension TrainingSession {
    /// The model of a recipe; names are looked up by ``TrainingSession/locateModel``.
    @TensorActor
    func loadModel(_ name: String, precision: Precision) throws -> BaseModel {
        try BaseModel.load(try locateModel(name), name: name, precision: precision)
    }
}

extension BaseModel {
    /// Writes what was trained: the adapter alone, or the whole model.
    /// - Parameter template: how its conversations were written where that is not the model's own way; it is kept with the
    ///   artefact, so that the model is talked to as it was trained.
    func writeTrained(_ adapter: AdapterRecipe, template: ChatTemplate? = nil, to folder: URL) throws {
        if adapter.rank > 0 {
            try AdapterFile.write(adapter, of: self, to: folder)
        } else {
            try write(to: folder)
        }
        if let jinja = template?.jinja {
            try Data(jinja.utf8).write(to: folder.appending(path: Self.templateName))
        }
    }
}

extension BudgetRecipe {
    /// The batches of parts with their shares, packed or padded.
    func source(_ parts: [(sequences: [TokenSequence], ratio: Double)], seed: UInt64, padding: Int32) throws
        -> TokenRowSource
    {
        try TokenRowSource(
            parts.map { part in
                let rows =
                    packs
                    ? Packing.rows(part.sequences, length: length)
                    : part.sequences.flatMap { $0.pieces(of: length) }.map { [$0] }
                return TokenRowSource.Part(rows: rows, ratio: part.ratio)
            }, rowsPerBatch: rows, length: packs ? length : nil, padding: padding, seed: seed)
    }
}

extension MethodEvaluation {
    /// Perplexity with its interval over resampled units.
    init(perplexity tally: PerplexityTally, description: String, unit: String) throws {
        let interval = try tally.interval()
        self.init(
            description: "\(description): perplexity of trained tokens, interval over \(unit)",
            metrics: ["perplexity": tally.perplexity, "loss": tally.meanLoss, "tokens": Double(tally.tokens)],
            count: tally.entries.count { $0.tokens > 0 },
            intervals: ["perplexity": interval.low...interval.high])
    }
}
