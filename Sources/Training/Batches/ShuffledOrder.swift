import Evaluation

/// The numbers `0 ..< count` again and again, each pass in a random order of its own that follows from the seed.
public struct ShuffledOrder: Sendable {
    /// Where an order stands; restoring it restores everything.
    public struct Position: Sendable, Hashable, Codable {
        /// Complete passes.
        public var pass: Int
        /// Numbers given in this pass.
        public var offset: Int

        public init(pass: Int = 0, offset: Int = 0) {
            self.pass = pass
            self.offset = offset
        }
    }

    public let count: Int
    public let isShuffled: Bool
    private let generator: SeededGenerator
    private var permutation: [Int]

    public var position: Position {
        didSet { if position.pass != oldValue.pass { permutation = numbers(ofPass: position.pass) } }
    }

    /// - Precondition: `count` is above 0.
    public init(count: Int, seed: UInt64, isShuffled: Bool = true) {
        precondition(count > 0, "an order of \(count) numbers")
        self.count = count
        self.isShuffled = isShuffled
        generator = SeededGenerator(seed: seed).split("order")
        permutation = []
        position = Position()
        permutation = numbers(ofPass: 0)
    }

    /// All numbers in the order of one pass.
    public func numbers(ofPass pass: Int) -> [Int] {
        guard isShuffled else { return Array(0..<count) }
        var stream = generator.split(UInt64(pass))
        return stream.shuffled(0..<count)
    }

    /// The next number.
    public mutating func next() -> Int {
        let value = permutation[position.offset]
        if position.offset + 1 == count {
            position = Position(pass: position.pass + 1)
        } else {
            position.offset += 1
        }
        return value
    }
}
