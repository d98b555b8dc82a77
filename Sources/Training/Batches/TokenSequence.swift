/// Tokens that a model reads, the token it should say after each, and how much that counts.
///
/// The shift between inputs and labels is made here, once: position `i` reads `tokens[i]` and is judged by `labels[i]`.
public struct TokenSequence: Sendable, Hashable {
    /// The label of a position that does not count.
    public static let ignoredLabel: Int32 = -100

    public let tokens: [Int32]
    public let labels: [Int32]
    /// Weight of each position in the loss; 0 where the label is ignored.
    public let weights: [Float]

    public var count: Int { tokens.count }
    /// Positions that count in the loss.
    public var trainedCount: Int { weights.reduce(0) { $0 + ($1 > 0 ? 1 : 0) } }
    /// The sum of the weights.
    public var weight: Double { weights.reduce(0) { $0 + Double($1) } }

    /// - Parameters:
    ///   - tokens: the whole text.
    ///   - weights: how much saying each of its tokens counts; the first is never said. All ones if left out.
    /// - Precondition: as many weights as tokens.
    public init(_ tokens: [Int32], weights: [Float]? = nil) {
        precondition(weights == nil || weights?.count == tokens.count, "one weight for each token")
        self.tokens = Array(tokens.dropLast())
        let targets = weights.map { Array($0.dropFirst()) } ?? [Float](repeating: 1, count: max(0, tokens.count - 1))
        self.weights = targets
        labels = zip(tokens.dropFirst(), targets).map { $1 > 0 ? $0 : Self.ignoredLabel }
    }

    private init(tokens: [Int32], labels: [Int32], weights: [Float]) {
        self.tokens = tokens
        self.labels = labels
        self.weights = weights
    }

    /// Neighbouring parts of at most `length` positions; every position of the whole is in exactly one.
    public func pieces(of length: Int) -> [TokenSequence] {
        precondition(length > 0, "pieces of \(length) positions")
        return stride(from: 0, to: count, by: length).map { self[$0..<min($0 + length, count)] }
    }

    /// The first `length` positions.
    public func prefix(_ length: Int) -> TokenSequence { self[0..<min(length, count)] }

    private subscript(range: Range<Int>) -> TokenSequence {
        TokenSequence(tokens: Array(tokens[range]), labels: Array(labels[range]), weights: Array(weights[range]))
    }
}
