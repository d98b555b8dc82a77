import Tensors

/// Reads long texts with LibTorch's matrix products, which beat the kernels where there are many rows at once.
///
/// The weights are held a second time, so they are made when the first text is long enough to pay for that.
final class PromptReader {
    /// The shortest text for which the weights are made, and the shortest one once they are there.
    private static let lengths = (first: 192, later: 40)
    /// Larger models would take too much memory twice.
    private static let mostParameters = 2_000_000_000
    /// Tokens read between two looks at a cancellation.
    private static let pieceLength = 512

    private let load: () throws -> TransformerDecoder
    private var decoder: TransformerDecoder?
    private let isOffered: Bool

    init(_ configuration: DecoderConfiguration, load: @escaping () throws -> TransformerDecoder) {
        self.load = load
        isOffered = configuration.parameterCount <= Self.mostParameters
    }

    func isWorthwhile(_ count: Int) -> Bool {
        isOffered && count >= (decoder == nil ? Self.lengths.first : Self.lengths.later)
    }

    /// The network itself.
    func network() throws -> TransformerDecoder {
        if let decoder { return decoder }
        let loaded = try load()
        decoder = loaded
        return loaded
    }

    /// Reads tokens into a cache of one row.
    /// - Returns: the logits after the last one, `[vocabularySize]`.
    func read(_ tokens: [TokenID], into cache: KeyValueCache, while shouldContinue: () -> Bool) throws -> [Float] {
        let decoder = try network()
        // Frequencies that depend on the length need the whole text in the first pass.
        let piece = decoder.configuration.rotaryDependsOnLength ? tokens.count : Self.pieceLength
        return try withoutGradients {
            var last: Tensor?
            for start in stride(from: 0, to: tokens.count, by: piece) {
                guard shouldContinue() else { throw CancellationError() }
                let ids = tokens[start..<min(start + piece, tokens.count)].map(Int64.init)
                let hidden = decoder.hiddenStates(Tensor(ids, shape: [1, ids.count]), DecoderPass(cache: cache))
                last = hidden.select(-1, along: 1)
            }
            return decoder.logits(last!).floats
        }
    }
}
