import Layers
public import Tensors

extension TransformerDecoder {
    /// The sum of the weighted cross-entropies of a batch, a tensor `[]` in f32. Divide by ``TokenBatch/weight`` for the
    /// mean: over several batches, sums and weights add up, so that accumulated and whole batches agree.
    public func loss(_ batch: TokenBatch, _ pass: DecoderPass = DecoderPass()) -> Tensor {
        var pass = pass
        pass.segments = pass.segments ?? batch.segments
        pass.positions = pass.positions ?? batch.positions
        let hidden = hiddenStates(batch.tokens, pass)
        return linearCrossEntropy(
            hidden.reshaped(-1, hidden.size(-1)), labels: batch.labels.reshaped(-1),
            weights: batch.weights?.reshaped(-1))
    }

    /// Per-token log-probabilities of the labels, `[batch, time]` in f32; 0 where nothing is predicted.
    public func logProbabilities(_ batch: TokenBatch, _ pass: DecoderPass = DecoderPass()) -> Tensor {
        var pass = pass
        pass.segments = pass.segments ?? batch.segments
        pass.positions = pass.positions ?? batch.positions
        let logits = self(batch.tokens, pass)
        let counted = batch.labels.isNotEqual(to: Double(TokenBatch.ignored))
        let labels = batch.labels.filled(where: !counted, with: 0)
        let chosen = logits.gather(labels.expanded(axis: -1), along: -1).squeezed(axis: -1)
        return (chosen - logits.logSumExp(along: -1)).filled(where: !counted, with: 0)
    }

    /// Log-probabilities of `labels` `[rows]` from hidden states `[rows, dimensions]` after the final norm, in chunks, so
    /// that logits of all rows never exist at once. Without gradients.
    package func logProbabilities(hidden: Tensor, labels: Tensor, chunkRows: Int = 512) -> [Float] {
        withoutGradients {
            stride(from: 0, to: labels.count, by: chunkRows).flatMap { start in
                let range = start..<min(start + chunkRows, labels.count)
                let logits = logits(hidden.slice(range, along: 0))
                let chosen = logits.gather(labels.slice(range, along: 0).expanded(axis: -1), along: 1)
                return (chosen.squeezed(axis: -1) - logits.logSumExp(along: -1)).floats
            }
        }
    }

    /// Head and cross-entropy in one, in chunks of rows: logits of all rows never exist at once, and their gradients are
    /// made in the forward pass while each chunk is at hand.
    /// - Parameters:
    ///   - hidden: `[rows, dimensions]`.
    ///   - labels: `[rows]`.
    ///   - weights: `[rows]`; nil for 1 each.
    ///   - chunkRows: nil for as many as have 48 M logits.
    /// - Returns: the weighted sum, `[]` in f32.
    package func linearCrossEntropy(
        _ hidden: Tensor, labels: Tensor, weights: Tensor?, chunkRows: Int? = nil
    ) -> Tensor {
        if let head, head.bias != nil || head.adapter != nil {
            // A head that is more than a matrix takes the plain way.
            let losses = logits(hidden).crossEntropy(labels, ignoring: TokenBatch.ignored, reduction: .none)
            return (weights.map { losses * $0 } ?? losses).sum()
        }
        let counted = labels.isNotEqual(to: Double(TokenBatch.ignored))
        let rows = counted.nonzeroIndices().squeezed(axis: -1)
        guard rows.count > 0 else { return hidden.sum().cast(to: .float32) * 0 }
        let chunkRows = chunkRows ?? max(64, (48 << 20) / configuration.vocabularySize)
        let isWhole = rows.count == labels.count
        let x = isWhole ? hidden : hidden.selected(rows, along: 0)
        let targets = isWhole ? labels : labels.selected(rows, along: 0)
        let factors = weights.map { isWhole ? $0 : $0.selected(rows, along: 0) }
        // The parameter itself is the input: its gradient needs no detour through the compute type.
        let weight = head?.weight ?? embedding.weight
        let needs = (hidden: x.requiresGradient, weight: weight.requiresGradient)
        let cap = configuration.finalLogitSoftCap
        var hiddenGradient: Tensor?
        var weightGradient: Tensor?
        let records = Tensor.recordsGradients && (needs.hidden || needs.weight)
        let plainX = x.detached().contiguous()
        let takesWeight = hidden.dtype == .bfloat16 && Tensor.takesAsItIs(weight, rows: rows.count)
        let plainWeight =
            takesWeight
            ? weight.detached()
            : needs.weight ? weight.detached().cast(to: hidden.dtype) : headWeight(hidden.dtype).detached()
        let weightType = weight.dtype
        /// `left right^T` of numbers of the compute type.
        func multiply(_ left: Tensor, _ right: Tensor, _ dtype: DType, addingTo sum: Tensor? = nil) -> Tensor {
            if takesWeight { return Tensor.product(left, right, dtype: dtype, addingTo: sum) }
            let product = left.linear(right).cast(to: dtype)
            guard let sum else { return product }
            sum.accumulate(product)
            return sum
        }
        func losses() -> Tensor {
            var total = Tensor(Float(0))
            var hiddenParts: [Tensor] = []
            for start in stride(from: 0, to: rows.count, by: chunkRows) {
                let range = start..<min(start + chunkRows, rows.count)
                let part = plainX.slice(range, along: 0)
                let (losses, slope) = Self.lossesAndSlopes(
                    multiply(part, plainWeight, part.dtype), classes: targets.slice(range, along: 0),
                    factors: factors?.slice(range, along: 0), cap: cap, makingSlopes: records)
                total = total + losses.sum()
                guard let slope else { continue }
                let narrow = slope.cast(to: plainX.dtype)
                if needs.hidden { hiddenParts.append(multiply(narrow, plainWeight.transposed(), narrow.dtype)) }
                if needs.weight {
                    weightGradient = multiply(
                        narrow.transposed(), part.transposed(), .float32, addingTo: weightGradient)
                }
            }
            if needs.hidden, records { hiddenGradient = .concatenated(hiddenParts) }
            return total
        }
        return Tensor.custom(inputs: [x, weight], forward: losses) { upstream in
            // The weight's gradient is scaled in place and given away: at this moment memory is fullest. A second
            // backward pass makes it again.
            if needs.weight, weightGradient == nil { _ = losses() }
            defer { weightGradient = nil }
            let whole = weightGradient?.cast(to: weightType)
            whole?.scale(by: upstream.item)
            return [hiddenGradient.map { ($0 * upstream).cast(to: plainX.dtype) }, whole]
        }
    }

    /// Losses `[rows]` of logits `[rows, vocabulary]`, and their gradients where they are wanted.
    private static func lossesAndSlopes(
        _ raw: Tensor, classes: Tensor, factors: Tensor?, cap: Double?, makingSlopes: Bool
    ) -> (losses: Tensor, slopes: Tensor?) {
        if cap == nil,
            let losses = raw.crossEntropyInPlace(labels: classes, factors: factors, makingGradients: makingSlopes)
        {
            return (losses, makingSlopes ? raw : nil)
        }
        let labels = classes.expanded(axis: -1)
        var logits = raw.cast(to: .float32)
        if let cap { logits = (logits / cap).tanh() * cap }
        let logarithms = logits.logSoftmax()
        var losses = -logarithms.gather(labels, along: 1).squeezed(axis: -1)
        if let factors { losses = losses * factors }
        guard makingSlopes else { return (losses, nil) }
        let ones = Tensor.full([classes.count, 1], -1)
        var slopes = logarithms.exponential().scatterAdded(ones, at: labels, along: 1)
        if let factors { slopes = slopes * factors.expanded(axis: -1) }
        if let cap { slopes = slopes * (1 - (logits / cap).squared()) }
        return (losses, slopes)
    }
}
