import Evaluation
import Foundation
import Testing
import Training

@Suite("Batches")
struct BatchTests {
    func sequence(_ count: Int, from start: Int32 = 0) -> TokenSequence {
        TokenSequence(Array(start..<(start + Int32(count) + 1)))
    }

    @Test("A sequence reads each token and is judged by the next; weights belong to what is said")
    func shift() {
        let sequence = TokenSequence([5, 6, 7, 8], weights: [1, 0, 1, 0.5])
        #expect(sequence.tokens == [5, 6, 7])
        #expect(sequence.labels == [-100, 7, 8])
        #expect(sequence.weights == [0, 1, 0.5])
        #expect(sequence.trainedCount == 2)
        #expect(sequence.weight == 1.5)
        #expect(TokenSequence([]).count == 0)
        #expect(TokenSequence([3]).count == 0)
    }

    @Test("Pieces hold every position once")
    func pieces() {
        let whole = sequence(10)
        let pieces = whole.pieces(of: 4)
        #expect(pieces.map(\.count) == [4, 4, 2])
        #expect(pieces.flatMap(\.tokens) == whole.tokens)
        #expect(pieces.flatMap(\.labels) == whole.labels)
    }

    @Test("Rows hold every document once, never above the length, and near the fewest possible")
    func packing() {
        var generator = SeededGenerator(seed: 1)
        let lengths = (0..<500).map { _ in 1 + generator.integer(below: 100) }
        let rows = Packing.bestFitDecreasing(lengths: lengths, capacity: 128)
        #expect(rows.flatMap(\.self).sorted() == Array(0..<500))
        #expect(rows.allSatisfy { $0.reduce(0) { $0 + lengths[$1] } <= 128 })
        let fewest = (lengths.reduce(0, +) + 127) / 128
        #expect(rows.count * 9 <= fewest * 11 + 9)
        #expect(rows == Packing.bestFitDecreasing(lengths: lengths, capacity: 128))
        #expect(Packing.bestFitDecreasing(lengths: [3, 5, 2], capacity: 5) == [[1], [0, 2]])
    }

    @Test("Segments and positions begin anew with each document, and labels never cross")
    func rows() {
        let rows = TokenRows([[sequence(2, from: 10), sequence(1, from: 20)], [sequence(3, from: 30)]], length: 4)
        #expect(rows.tokens == [10, 11, 20, 0, 30, 31, 32, 0])
        #expect(rows.labels == [11, 12, 21, -100, 31, 32, 33, -100])
        #expect(rows.segments == [0, 0, 1, 2, 0, 0, 0, 1])
        #expect(rows.positions == [0, 1, 0, 0, 0, 1, 2, 0])
        #expect(rows.weights == [1, 1, 1, 0, 1, 1, 1, 0])
        #expect(rows.tokenCount == 6)
        #expect(rows.isPacked)
        #expect(!TokenRows([[sequence(2)]], length: nil).isPacked)
        #expect(TokenRows([[sequence(2)], [sequence(5)]]).length == 5)
    }

    @Test("A mixture keeps every share within one draw, from any point on")
    func mixture() {
        let ratios = [0.5, 3, 1.5]
        var mixture = Mixture(ratios: ratios)
        var drawn: [Int] = []
        for draw in 1...500 {
            drawn.append(mixture.next())
            for (index, share) in mixture.shares.enumerated() {
                #expect(abs(Double(mixture.drawn[index]) - share * Double(draw)) < 1.000001)
            }
        }
        var resumed = Mixture(ratios: ratios)
        resumed.drawn = Mixture(ratios: ratios).drawn
        for _ in 0..<123 { _ = resumed.next() }
        var again = Mixture(ratios: ratios)
        again.drawn = resumed.drawn
        #expect((123..<500).map { _ in again.next() } == Array(drawn[123...]))
        var without = Mixture(ratios: [0, 1])
        #expect((0..<10).allSatisfy { _ in without.next() == 1 })
    }

    @Test("Every pass is a permutation, passes differ, and a position restores the rest")
    func order() {
        var order = ShuffledOrder(count: 50, seed: 3)
        let first = (0..<50).map { _ in order.next() }
        let second = (0..<50).map { _ in order.next() }
        #expect(first.sorted() == Array(0..<50))
        #expect(second.sorted() == Array(0..<50))
        #expect(first != second)
        var resumed = ShuffledOrder(count: 50, seed: 3)
        resumed.position = .init(pass: 1, offset: 20)
        #expect((20..<50).map { _ in resumed.next() } == Array(second[20...]))
        var plain = ShuffledOrder(count: 3, seed: 3, isShuffled: false)
        #expect((0..<4).map { _ in plain.next() } == [0, 1, 2, 0])
    }

    @Test("A source resumes with the very batches it would have given; other data are refused")
    func source() throws {
        func make(_ count: Int = 40) throws -> TokenRowSource {
            let parts = [count, 7].enumerated().map { part, count in
                TokenRowSource.Part(
                    rows: (0..<count).map { [sequence(3, from: Int32(1000 * part + 10 * $0))] },
                    ratio: part == 0 ? 3 : 1)
            }
            return try TokenRowSource(parts, rowsPerBatch: 4, length: 3, seed: 9)
        }
        let source = try make()
        for _ in 0..<17 { _ = source.next() }
        let position = try JSONDecoder().decode(
            TokenRowSource.Position.self, from: JSONEncoder().encode(source.position))
        let resumed = try make()
        try resumed.restore(position)
        for _ in 0..<30 { #expect(source.next() == resumed.next()) }
        #expect(throws: BatchSourceError.self) { try make(41).restore(position) }
        #expect(throws: BatchSourceError.empty(what: "part 1 of the data")) { try make(0) }
    }

    @Test("A pass of a mixture is one of its first source, with what the others add in their shares")
    func mixedPass() throws {
        let parts = [(10, 1.0), (1000, 3.0)].map { count, ratio in
            TokenRowSource.Part(rows: (0..<count).map { [sequence(3, from: Int32($0))] }, ratio: ratio)
        }
        let source = try TokenRowSource(parts, rowsPerBatch: 4, length: 3, seed: 1)
        #expect(source.batchesPerPass == 10)
        let perRow = parts[0].rows[0].reduce(0) { $0 + $1.count }
        #expect(source.tokensPerPass == 40 * perRow)
        for _ in 0..<source.batchesPerPass { _ = source.next() }
        #expect(source.position.orders[0] == ShuffledOrder.Position(pass: 1, offset: 0))

        var drawn = source.position
        drawn = TokenRowSource.Position(drawn: [-1, 3], orders: drawn.orders, sizes: drawn.sizes)
        #expect(throws: BatchSourceError.self) { try source.restore(drawn) }
        drawn = TokenRowSource.Position(drawn: [.max, 3], orders: drawn.orders, sizes: drawn.sizes)
        #expect(throws: BatchSourceError.self) { try source.restore(drawn) }
    }

    @Test("A source of one pass gives every row once")
    func onePass() throws {
        let rows = (0..<10).map { [sequence(2, from: Int32(10 * $0))] }
        let source = try TokenRowSource([.init(rows: rows)], rowsPerBatch: 4, length: 2, seed: 1, passes: 1)
        var firsts: [Int32] = []
        var sizes: [Int] = []
        while let batch = source.next() {
            sizes.append(batch.rows)
            firsts += stride(from: 0, to: batch.tokens.count, by: 2).map { batch.tokens[$0] }
        }
        #expect(sizes == [4, 4, 2])
        #expect(firsts.sorted() == (0..<10).map { Int32(10 * $0) })
    }
}
