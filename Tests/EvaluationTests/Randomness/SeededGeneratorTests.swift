import Evaluation
import Testing

@Suite("Seeded generator")
struct SeededGeneratorTests {
    @Test("Philox-4x32-10 gives the three published known answers of its authors")
    func knownAnswers() {
        let zero = Philox.block(counter: SIMD4(repeating: 0), key: 0)
        #expect(zero == SIMD4(0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8))
        let ones = Philox.block(counter: SIMD4(repeating: .max), key: .max)
        #expect(ones == SIMD4(0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD))
        let pi = Philox.block(
            counter: SIMD4(0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344), key: 0x299F_31D0_A409_3822)
        #expect(pi == SIMD4(0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1))
    }

    @Test("Keys in a row are the same as splits in a row, and drawing does not move a child")
    func keysAreSplits() {
        var parent = SeededGenerator(seed: 3)
        let before = parent.split(5).split(9)
        for _ in 0..<7 { _ = parent.next() }
        #expect(parent.split(5).split(9) == before)
        #expect(SeededGenerator(seed: 3, 5, 9) == before)
    }

    @Test("Different seeds, keys and orders of keys give different streams")
    func streamsDiffer() {
        let generators = [
            SeededGenerator(seed: 0), SeededGenerator(seed: 1), SeededGenerator(seed: 0, 0),
            SeededGenerator(seed: 0, 1),
            SeededGenerator(seed: 0, 0, 1), SeededGenerator(seed: 0, 1, 0), SeededGenerator(seed: 0).split("train"),
            SeededGenerator(seed: 0).split("valid"),
        ]
        let firsts = generators.map { generator -> [UInt64] in
            var copy = generator
            return (0..<4).map { _ in copy.next() }
        }
        #expect(Set(firsts).count == generators.count)
    }

    @Test("The first user-and-step streams are uncorrelated and uniform")
    func uniformAcrossKeys() {
        var sum = 0.0
        var product = 0.0
        var squares = 0.0
        let count = 20_000
        for user in 0..<UInt64(count) {
            var now = SeededGenerator(seed: 11, user, 0)
            var later = SeededGenerator(seed: 11, user, 1)
            let (first, second) = (now.uniform() - 0.5, later.uniform() - 0.5)
            sum += first
            squares += first * first
            product += first * second
        }
        let scale = Double(count)
        #expect(abs(sum / scale) < 5 * (1 / 12.0 / scale).squareRoot())
        #expect(abs(squares / scale - 1 / 12.0) < 0.003)
        #expect(abs(product / scale) < 5 / 12.0 / scale.squareRoot())
    }

    @Test("Integers below a bound are equally likely, also for a bound that does not divide 2^64")
    func integersAreUnbiased() {
        var generator = SeededGenerator(seed: 17)
        var counts = [Int](repeating: 0, count: 7)
        for _ in 0..<70_000 { counts[generator.integer(below: 7)] += 1 }
        #expect(counts.allSatisfy { abs($0 - 10_000) < 500 })
    }

    @Test("Weighted indices follow the weights and never pick a zero")
    func weightedIndices() {
        var generator = SeededGenerator(seed: 23)
        var counts = [Int](repeating: 0, count: 4)
        for _ in 0..<40_000 { counts[generator.index(weights: [1, 0, 2, 1])] += 1 }
        #expect(counts[1] == 0)
        #expect(abs(Double(counts[2]) / 40_000 - 0.5) < 0.015)
        #expect(abs(Double(counts[0]) / 40_000 - 0.25) < 0.015)
    }

    @Test("A shuffle keeps every element, and each of the six orders of three comes equally often")
    func shuffles() {
        var generator = SeededGenerator(seed: 29)
        #expect(generator.shuffled(0..<100).sorted() == Array(0..<100))
        var counts: [[Int]: Int] = [:]
        for _ in 0..<12_000 { counts[generator.shuffled([0, 1, 2]), default: 0] += 1 }
        #expect(counts.count == 6)
        #expect(counts.values.allSatisfy { abs($0 - 2_000) < 230 })
    }

    @Test("Normal numbers have mean 0, variance 1 and a kurtosis of 3; exponential ones their mean")
    func moments() {
        var generator = SeededGenerator(seed: 31)
        let draws = (0..<50_000).map { _ in generator.normal() }
        let count = Double(draws.count)
        #expect(abs(draws.reduce(0, +) / count) < 0.02)
        #expect(abs(draws.reduce(0) { $0 + $1 * $1 } / count - 1) < 0.03)
        #expect(abs(draws.reduce(0) { $0 + $1 * $1 * $1 * $1 } / count - 3) < 0.2)
        let waits = (0..<50_000).map { _ in generator.exponential(mean: 2.5) }
        #expect(abs(waits.reduce(0, +) / count - 2.5) < 0.05)
    }
}
