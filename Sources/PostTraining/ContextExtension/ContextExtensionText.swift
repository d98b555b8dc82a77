import Corpora
import Experiments
import Training

/// The text of the study as tokens: rows to train on, and held-out texts.
package struct ContextExtensionText: Sendable {
    /// Where the text comes from, in a phrase.
    package let origin: String
    package let world: World
    package let vocabularyCount: Int
    /// Tokens there are to train on.
    package let trainingTokens: Int
    /// Rows of the training length.
    package let rows: [[TokenSequence]]
    /// Texts of the longest length with the token that follows each token.
    package let heldOut: [TokenSequence]
    /// Share of the held-out tokens that are single bytes.
    package let byteShare: Double

    /// Public-domain English: a novel and two sets of speeches.
    package static let corpora: [EnglishCorpus] = [.warAndPeace, .inaugural, .stateUnion]

    /// The corpora that are there; built-in tales where none is.
    ///
    /// Documents are joined, each with its end, and cut into rows, as in the report's pre-training (§2.1). The held-out
    /// texts lie at equal distances in the joined test documents; the split is by document.
    /// - Throws: `CorpusError` for a damaged file, ``ContextExtensionError/shortText(origin:found:wanted:)``.
    package init(_ configuration: ContextExtensionConfiguration, scale: ContextExtensionScale, data: DataDirectory)
        throws
    {
        let present = scale.isBuiltIn ? [] : Self.corpora.filter { $0.isPresent(in: data) }
        let corpus =
            present.isEmpty
            ? BuiltInText.corpus(
                characters: max(400_000, min(scale.trainingTokens, Self.mostBuiltInTokens) * Self.charactersPerToken))
            : try EnglishCorpus.corpus(present, in: data)
        origin = corpus.origin
        world = present.isEmpty ? .synthetic : .public
        let vocabulary = WordByteVocabulary(
            counting: corpus.train.map(\.text), size: configuration.vocabularySize)
        vocabularyCount = vocabulary.count

        let length = configuration.trainingLength
        let training = TokenSequence(corpus.train.flatMap { vocabulary.encode($0.text) })
        rows = training.pieces(of: length).filter { $0.count == length }.map { [$0] }
        trainingTokens = rows.count * length

        let stream = corpus.test.flatMap { vocabulary.encode($0.text) }
        let longest = configuration.longestLength
        let wanted = scale.heldOutTexts * longest + 1
        guard stream.count >= wanted, !rows.isEmpty else {
            throw ContextExtensionError.shortText(origin: corpus.origin, found: stream.count, wanted: wanted)
        }
        let distance = (stream.count - 1) / scale.heldOutTexts
        heldOut = (0..<scale.heldOutTexts).map { index in
            TokenSequence(Array(stream[(index * distance)...(index * distance + longest)]))
        }
        let bytes = stream.reduce(0) { $0 + ($1 < WordByteVocabulary.endOfText ? 1 : 0) }
        byteShare = Double(bytes) / Double(stream.count)
    }

    private static let mostBuiltInTokens = 1_000_000
    private static let charactersPerToken = 4
}

/// Why the study cannot be measured.
public enum ContextExtensionError: Error, Equatable, CustomStringConvertible {
    /// Too little text is held out.
    case shortText(origin: String, found: Int, wanted: Int)
    /// A variant that must leave texts of the training length alone changed their loss.
    case changedWithinTrainingLength(variant: String, seed: Int, found: Double, expected: Double)

    public var description: String {
        switch self {
        case .shortText(let origin, let found, let wanted):
            "\(origin): \(found) held-out tokens, but \(wanted) are needed; add a corpus"
        case .changedWithinTrainingLength(let variant, let seed, let found, let expected):
            "seed \(seed): \(variant) has a loss of \(found) at the training length, where the plain decoder has "
                + "\(expected); they must be equal to the bit"
        }
    }
}
