import LanguageModel
import Layers
import Tensors

/// Steps of full training with AdamW and clipping on a decoder of SmolLM2-135M's shape, 4 × 256 tokens.
func trainingStep(precision: Precision, steps: Int) {
    var shape = DecoderConfiguration(
        family: .llama, layers: 30, hiddenDimensions: 576, heads: 9, keyValueHeads: 3, feedForwardDimensions: 1536,
        vocabularySize: 49152)
    shape.isEmbeddingTied = true
    shape.rotaryBase = 100_000
    shape.normEpsilon = 1e-5
    let source = RandomSource(seed: 7)
    let decoder = TransformerDecoder(shape, precision: precision, from: source)
    decoder.train()
    let optimizer = AdamW(ParameterGroup.standard(decoder.trainableParameters, weightDecay: 0.01))
    let (rows, time) = (4, 256)
    let tokens = Tensor.integers([rows, time], in: 0..<shape.vocabularySize, from: source)
    let unpredicted = Tensor.full([rows, 1], Double(TokenBatch.ignored), dtype: .int64)
    let labels = Tensor.concatenated([tokens.slice(1..<time, along: 1), unpredicted], along: 1)
    let batch = TokenBatch(tokens: tokens, labels: labels)
    let weight = batch.weight
    var clock: [Double] = []
    var processor: [Double] = []
    var losses: [Double] = []
    for _ in 0..<steps {
        let before = processorTime()
        clock.append(
            seconds {
                let loss = decoder.loss(batch) / weight
                do { try loss.backward() } catch { fatalError("\(error)") }
                let factor = GradientScaling.clipping(optimizer.parameters, maximumNorm: 1).factor
                optimizer.step(learningRate: 1e-4, gradientScale: factor)
                optimizer.clearGradients()
                losses.append(loss.item)
            })
        processor.append(processorTime() - before)
    }
    report([
        "seconds": clock, "processorSeconds": processor, "losses": losses, "tokens": rows * time,
        "peakBytes": peakBytes(), "precision": "\(precision.resolved)", "threads": Runtime.threadCount,
    ])
}
