import Evaluation

/// One text with a name.
public struct TextDocument: Sendable, Hashable {
    public let name: String
    public let text: String

    public init(name: String, text: String) {
        self.name = name
        self.text = text
    }
}

/// Plain text, split by document.
public struct TextCorpus: Sendable {
    public let train: [TextDocument]
    public let validation: [TextDocument]
    public let test: [TextDocument]
    /// Where the text comes from, in a phrase for reports.
    public let origin: String

    public init(train: [TextDocument], validation: [TextDocument], test: [TextDocument], origin: String) {
        self.train = train
        self.validation = validation
        self.test = test
        self.origin = origin
    }

    /// Splits documents in a random but fixed order: `heldOut` of them for validation, as many for test (at least one each),
    /// the rest for training. The order of the documents given does not matter; that of each part is by name.
    public init(splitting documents: [TextDocument], heldOut: Double = 0.05, seed: UInt64 = 0, origin: String) {
        precondition(documents.count >= 3, "a split needs at least three documents, found \(documents.count)")
        var generator = SeededGenerator(seed: seed)
        let order = generator.shuffled(documents.sorted { $0.name < $1.name })
        let held = max(1, Int(Double(order.count) * heldOut))
        func part(_ range: Range<Int>) -> [TextDocument] { order[range].sorted { $0.name < $1.name } }
        self.init(
            train: part((2 * held)..<order.count), validation: part(0..<held), test: part(held..<(2 * held)),
            origin: origin)
    }

    /// Several corpora as one, each keeping its split.
    public static func joined(_ parts: [TextCorpus]) -> TextCorpus {
        TextCorpus(
            train: parts.flatMap(\.train), validation: parts.flatMap(\.validation), test: parts.flatMap(\.test),
            origin: parts.map(\.origin).joined(separator: ", "))
    }
}
