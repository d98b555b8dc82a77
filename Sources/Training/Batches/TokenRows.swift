/// Rows of equal length ready for a model: tokens, labels and weights, with the segment (document) and the position in
/// it of every place. Attention stays inside a segment; positions begin again with each.
///
/// All arrays are row-major `[rows, length]`.
public struct TokenRows: Sendable, Hashable {
    public let rows: Int
    public let length: Int
    public private(set) var tokens: [Int32]
    /// The next token of the same document; ``TokenSequence/ignoredLabel`` where nothing counts.
    public private(set) var labels: [Int32]
    public private(set) var weights: [Float]
    /// The number of the document in its row; padding is a segment of its own, after the last.
    public private(set) var segments: [Int32]
    public private(set) var positions: [Int32]
    /// Places that are no padding.
    public private(set) var tokenCount = 0
    /// True where some row holds more than one document: only then attention needs a block mask.
    public private(set) var isPacked = false

    /// The sum of the weights.
    public var weight: Double { weights.reduce(0) { $0 + Double($1) } }

    /// - Parameters:
    ///   - sequences: the documents of each row, in order.
    ///   - length: of a row; the longest one's unless given.
    ///   - padding: the token that fills rows up; it is never read by a document and never counts.
    /// - Precondition: every row fits.
    public init(_ sequences: [[TokenSequence]], length: Int? = nil, padding: Int32 = 0) {
        rows = sequences.count
        let longest = sequences.map { $0.reduce(0) { $0 + $1.count } }.max() ?? 0
        let length = length ?? longest
        precondition(longest <= length, "a row of \(longest) tokens does not fit into \(length)")
        self.length = length
        tokens = []
        labels = []
        weights = []
        segments = []
        positions = []
        for documents in sequences { append(documents, padding: padding) }
    }

    private mutating func append(_ documents: [TokenSequence], padding: Int32) {
        isPacked = isPacked || documents.count > 1
        var filled = 0
        for (segment, document) in documents.enumerated() {
            tokens += document.tokens
            labels += document.labels
            weights += document.weights
            segments += repeatElement(Int32(segment), count: document.count)
            positions += (0..<Int32(document.count))
            filled += document.count
        }
        tokenCount += filled
        let rest = length - filled
        tokens += repeatElement(padding, count: rest)
        labels += repeatElement(TokenSequence.ignoredLabel, count: rest)
        weights += repeatElement(0, count: rest)
        segments += repeatElement(Int32(documents.count), count: rest)
        positions += (0..<Int32(rest))
    }
}
