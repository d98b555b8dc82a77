public import Layers
public import Tensors

/// A decoder-only transformer of the Llama kind, for every family of ``DecoderConfiguration``.
///
/// Parameters are f32 and named as in Hugging Face's layout; products are computed in ``precision``. Methods that change
/// the inside of a decoder do so through ``DecoderPass``.
public final class TransformerDecoder: Network {
    /// Fields that change no parameter (context extension, windows) may be set at any time.
    public var configuration: DecoderConfiguration {
        didSet {
            precondition(
                isResizing || configuration.weights == oldValue.weights, "a configuration with other parameters")
        }
    }
    private var isResizing = false
    public var precision: Precision
    public let embedding: Embedding
    public let blocks: [DecoderBlock]
    public let finalNorm: RMSNorm
    /// Nil where the head is the embedding.
    public let head: Linear?
    private var castHead = CastCache()

    /// A decoder with random parameters: N(0, 0.02²), and less for what writes to the residual stream.
    public init(_ configuration: DecoderConfiguration, precision: Precision = .auto, from source: RandomSource) {
        let c = configuration
        self.configuration = c
        self.precision = precision
        embedding = Embedding(count: c.vocabularySize, dimensions: c.hiddenDimensions, from: source)
        blocks = (0..<c.layers).map { DecoderBlock(c, layer: $0, from: source) }
        finalNorm = RMSNorm(dimensions: c.hiddenDimensions, epsilon: c.normEpsilon, offset: c.normWeightOffset)
        head =
            c.isEmbeddingTied
            ? nil : Linear(inputDimensions: c.hiddenDimensions, outputDimensions: c.vocabularySize, from: source)
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        embedding.visitParameters(path / "model" / "embed_tokens", visit)
        for (index, block) in blocks.enumerated() {
            block.visitParameters(path / "model" / "layers" / index, visit)
        }
        finalNorm.visitParameters(path / "model" / "norm", visit)
        head?.visitParameters(path / "lm_head", visit)
    }

    public func copy() -> TransformerDecoder {
        let other = TransformerDecoder(configuration, precision: precision, from: RandomSource(seed: 0))
        for (own, copy) in zip(linears, other.linears) {
            guard let adapter = own.layer.adapter else { continue }
            copy.layer.adapter = LowRankAdapter(
                inputDimensions: own.layer.inputDimensions, outputDimensions: own.layer.outputDimensions,
                rank: adapter.rank, alpha: adapter.alpha, dropout: adapter.dropout, from: RandomSource(seed: 0))
            copy.layer.adapter?.isEnabled = adapter.isEnabled
        }
        other.copyParameters(from: self)
        for (own, copy) in zip(parameters, other.parameters) {
            copy.tensor.requiringGradient(own.tensor.requiresGradient)
        }
        return other
    }

    /// After embedding and head have got other numbers of rows.
    func resize(vocabulary: Int) {
        isResizing = true
        configuration.vocabularySize = vocabulary
        isResizing = false
    }

    // MARK: Passes

    /// Logits `[batch, time, vocabulary]` in f32.
    /// - Parameter tokens: `[batch, time]`, `int64`.
    public func callAsFunction(_ tokens: Tensor, _ pass: DecoderPass = DecoderPass()) -> Tensor {
        logits(hiddenStates(tokens, pass))
    }

    /// Hidden states after the final norm (and ``DecoderPass/mapHidden``): `[batch, time, dimensions]` in the compute type.
    /// - Parameter tokens: `[batch, time]`, `int64`; with ``DecoderPass/hidden`` only their shape matters.
    public func hiddenStates(_ tokens: Tensor, _ pass: DecoderPass = DecoderPass()) -> Tensor {
        let layers = pass.layers ?? 0..<blocks.count
        let plan = plan(batch: tokens.size(0), time: tokens.size(1), layers: layers, pass)
        var hidden = pass.hidden?.cast(to: precision.computeType) ?? embedded(tokens)
        for index in layers {
            hidden = run(blocks[index], hidden, window: configuration.layerWindows[index], plan: plan)
            pass.observe?(hidden, index)
        }
        if let cache = pass.cache {
            if layers.upperBound < blocks.count { cache.keepWaiting(hidden, at: cache.lengths(of: layers)) }
            cache.advance(
                by: pass.rowLengths ?? Array(repeating: tokens.size(1), count: tokens.size(0)), layers: layers)
        }
        let normed = pass.skipsFinalNorm ? hidden : finalNorm(hidden)
        return pass.mapHidden?(normed) ?? normed
    }

    /// Runs the layers that early exits left out over the tokens that wait in a cache, so that it holds what a full pass
    /// would have left there. Tokens may have left at different layers: they are gathered on the way up.
    /// - Parameters:
    ///   - cache: after passes whose ``DecoderPass/layers`` ended below the depth.
    ///   - end: how many layers have run afterwards; nil for all.
    ///   - pass: its hooks are in force; cache, layers, hidden states and row lengths are set here.
    /// - Returns: the hidden states of the tokens that the last of these layers had not seen, `[rows, time, dimensions]`,
    ///   padded on the right, and how many each row has; nil where no layer is behind.
    @discardableResult
    public func resume(
        _ cache: KeyValueCache, through end: Int? = nil, _ pass: DecoderPass = DecoderPass()
    ) -> (hidden: Tensor, counts: [Int])? {
        let end = end ?? blocks.count
        while cache.completeLayers < end, let (layers, hidden, counts) = cache.takeWaiting() {
            var stage = pass
            stage.cache = cache
            stage.layers = layers.clamped(to: 0..<end)
            stage.hidden = hidden
            stage.rowLengths = counts
            let isLast = layers.upperBound >= end
            if !isLast {
                stage.skipsFinalNorm = true
                stage.mapHidden = nil
            }
            let output = hiddenStates(.zeros([hidden.size(0), hidden.size(1)], dtype: .int64), stage)
            if isLast { return (output, counts) }
        }
        return nil
    }

    /// The head: logits `[..., vocabulary]` in f32 for hidden states `[..., dimensions]`.
    public func logits(_ hidden: Tensor) -> Tensor {
        let weight = embedding.weight
        let raw =
            head.map { $0(hidden) } ?? hidden.mixedLinear(weight) ?? hidden.linear(headWeight(hidden.dtype))
        var logits = raw.cast(to: .float32)
        if let cap = configuration.finalLogitSoftCap { logits = (logits / cap).tanh() * cap }
        return logits
    }

    /// The weight of the head, `[vocabulary, dimensions]`, in a compute type.
    package func headWeight(_ dtype: DType) -> Tensor { castHead(head?.weight ?? embedding.weight, to: dtype) }

    /// The residual stream before the first layer, `[batch, time, dimensions]`.
    func embedded(_ tokens: Tensor) -> Tensor {
        let rows = embedding(tokens)
        return (configuration.embeddingScale == 1 ? rows : rows * configuration.embeddingScale)
            .cast(to: precision.computeType)
    }

    private func run(_ block: DecoderBlock, _ hidden: Tensor, window: Int?, plan: PassPlan) -> Tensor {
        // What a cache holds moves on before the backward pass, so its layers keep their activations.
        guard plan.pass.recomputesActivations, Tensor.recordsGradients, plan.pass.cache == nil else {
            return block(hidden, window: window, plan: plan)
        }
        // Both runs draw the same random numbers, and the second leaves the generators where they were.
        let sources = block.randomSources + plan.pass.randomSources
        let states = sources.map(\.state)
        let input = hidden.detached()
        // Recorded for a moment: what trains, and with it dropout, is then the same as in the second run.
        let output = block(input.requiringGradient(hidden.requiresGradient), window: window, plan: plan)
        guard output.requiresGradient else { return output }
        // Whatever trains inside (a hook may hold parameters of its own) gets its gradient in the inner backward pass;
        // the anchor makes that happen where the hidden state itself needs none.
        let anchor = Tensor(Float(0)).requiringGradient()
        return Tensor.custom(inputs: [hidden, anchor]) {
            output.detached()
        } backward: { upstream in
            withGradients {
                let after = sources.map(\.state)
                defer { for (source, state) in zip(sources, after) { source.state = state } }
                for (source, state) in zip(sources, states) { source.state = state }
                let again = input.detached().requiringGradient()
                do { try block(again, window: window, plan: plan).backward(upstream) } catch { fatalError("\(error)") }
                return [again.gradient, nil]
            }
        }
    }

    // MARK: Positions and masks

    private func plan(batch: Int, time: Int, layers: Range<Int>, _ pass: DecoderPass) -> PassPlan {
        let starts = pass.cache?.lengths(of: layers) ?? [0]
        precondition(
            pass.cache == nil || pass.cache?.rows == batch, "\(batch) rows for a cache of \(pass.cache?.rows ?? 0)")
        pass.cache?.reserve(time)
        let isUniform = starts.allSatisfy { $0 == starts[0] }
        let offsets = isUniform ? Tensor(starts[0]) : Tensor(starts, shape: [batch, 1])
        let places = (Tensor.range(0..<time).expanded(axis: 0) + offsets)  // [batch or 1, time]
        let positions = pass.positions ?? places
        let keyTime = starts.max()! + time
        let read =
            pass.rowLengths.map { zip($0, starts.count == 1 ? $0.map { _ in starts[0] } : starts).map { $0 + $1 } }
            ?? starts.map { $0 + time }
        let lengths = pass.cache?.prefilledLengths.map { zip($0, read).map { $0 == 0 ? $1 : $0 } } ?? read
        return PassPlan(
            pass: pass,
            rotary: (
                rotary(positions, lengths, windowed: false, pass), rotary(positions, lengths, windowed: true, pass)
            ),
            visibility: visibility(
                batch: batch, places, positions, keyTime: keyTime, isFresh: isUniform && starts[0] == 0, pass),
            queryFactors: queryFactors(positions, pass), keyTime: keyTime)
    }

    private func rotary(_ positions: Tensor, _ lengths: [Int], windowed: Bool, _ pass: DecoderPass) -> RotaryTable {
        let perRow = lengths.map {
            configuration.rotaryFrequencies(windowed: windowed, length: $0, extendsContext: pass.extendsContext)
        }
        let isUniform = perRow.dropFirst().allSatisfy { $0.perStep == perRow[0].perStep }
        return RotaryTable(
            positions: positions, frequencies: isUniform ? [perRow[0].perStep] : perRow.map(\.perStep),
            magnitude: perRow[0].magnitude, frequencyType: pass.rotaryFrequencyType)
    }

    private func queryFactors(_ positions: Tensor, _ pass: DecoderPass) -> Tensor? {
        if let factors = pass.queryFactors { return factors }
        guard configuration.usesLogN, pass.extendsContext else { return nil }
        let factors = positions.integers.map { Float(configuration.logNFactor(position: $0)) }
        guard factors.contains(where: { $0 != 1 }) else { return nil }
        return Tensor(factors, shape: [positions.size(0), 1, positions.size(1), 1])
    }

    private func visibility(
        batch: Int, _ places: Tensor, _ positions: Tensor, keyTime: Int, isFresh: Bool, _ pass: DecoderPass
    ) -> [Int?: Visibility] {
        precondition(
            isFresh || pass.segments == nil, "packed documents and a filled cache do not go together")
        var found: [Int?: Visibility] = [:]
        for window in Set(configuration.layerWindows) {
            let narrow = window.flatMap { $0 < keyTime ? $0 : nil }
            if let mask = pass.mask {
                found[window] = Visibility(starts: nil) {
                    guard let narrow else { return mask }
                    // In a tree, how far back a key lies is a matter of positions, not of places.
                    let tokens = positions.cast(to: .int64)
                    let all =
                        isFresh
                        ? tokens : .concatenated([self.earlier(than: tokens, keyTime: keyTime), tokens], along: 1)
                    let near = all.expanded(axis: 1).isGreater(than: tokens.expanded(axis: -1) - Double(narrow))
                    return mask & near.expanded(axis: 1)
                }
                continue
            }
            guard !isFresh || narrow != nil || pass.segments != nil else {
                found[window] = Visibility()
                continue
            }
            let starts =
                isFresh
                ? Visibility.Starts.of(batch: batch, time: keyTime, window: narrow, segments: pass.segments) : nil
            found[window] = Visibility(starts: starts) {
                let queries = places.expanded(axis: -1)  // [batch or 1, time, 1]
                let keys = Tensor.range(0..<keyTime)
                var visible = keys.isLessOrEqual(to: queries)
                if let narrow { visible = visible & keys.isGreater(than: queries - Double(narrow)) }
                if let segments = pass.segments {
                    visible = visible & segments.expanded(axis: -1).isEqual(to: segments.expanded(axis: 1))
                }
                return visible.expanded(axis: 1)
            }
        }
        return found
    }

    /// The positions of the keys that a cache holds before new tokens at `positions`: `[batch or 1, earlier keys]`.
    private func earlier(than positions: Tensor, keyTime: Int) -> Tensor {
        let count = keyTime - positions.size(1)
        return Tensor.range(0..<count).expanded(axis: 0).broadcast(to: [positions.size(0), count])
    }
}
