public import Tensors
public import Training

/// A model of single rows of features: it predicts the probability of each task's label.
public protocol FeatureModel: TrainableModel where Batch == FeatureBatch {
    var schema: FeatureSchema { get }

    /// - Returns: logits `[rows, tasks]`.
    func logits(_ batch: FeatureBatch) -> Tensor
}

extension FeatureModel {
    /// Binary cross-entropy of all known labels, the mean over tasks and rows of the known ones.
    public func loss(_ batch: FeatureBatch) throws -> BatchLoss {
        BinaryObjective.loss(logits(batch), of: batch)
    }

    /// Probabilities `[rows, tasks]`, without gradients.
    public func probabilities(_ batch: FeatureBatch) -> Tensor { withoutGradients { logits(batch).sigmoid() } }
}

/// Binary cross-entropy that passes over unknown labels.
public enum BinaryObjective {
    /// - Parameters:
    ///   - logits: `[rows, tasks]`.
    ///   - batch: its labels have the same shape.
    public static func loss(_ logits: Tensor, of batch: FeatureBatch) -> BatchLoss {
        let weight = Double(batch.knownLabels)
        guard batch.knownLabels < batch.labels.count else {
            let sum = logits.binaryCrossEntropy(batch.labels, reduction: .sum)
            return BatchLoss(sum: sum, weight: weight, tokens: batch.rowCount)
        }
        let unknown = batch.labels.isNaN()
        let losses = logits.binaryCrossEntropy(batch.labels.filled(where: unknown, with: 0), reduction: .none)
        return BatchLoss(sum: losses.filled(where: unknown, with: 0).sum(), weight: weight, tokens: batch.rowCount)
    }
}
