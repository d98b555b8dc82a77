import Foundation
import LanguageModel
import Tensors
import Testing

@Suite("Step engine")
struct StepEngineTests {
    /// Fixtures whose feed-forward block the kernels can compute.
    static let names = ModelFixtures.names.filter { $0 != "llama-biases" }

    static func largestDifference(_ a: some Sequence<Float>, _ b: some Sequence<Float>) -> Float {
        zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }

    static func engine(_ name: String, maximumRows: Int = 64) throws -> StepEngine {
        try StepEngine(
            WeightSource(path: ModelFixtures.folder(name)), isExact: true, maximumRows: maximumRows, threads: 2)
    }

    /// An engine with the switches of a recorded case of the first Qwen.
    static func engine(_ name: String, case label: String) throws -> StepEngine {
        let source = try WeightSource(path: ModelFixtures.folder(name))
        var configuration = source.configuration
        if label.hasPrefix("plain") || label.hasPrefix("logn") { configuration.usesDynamicNTK = false }
        if label.hasPrefix("plain") || label.hasPrefix("ntk") { configuration.usesLogN = false }
        return try StepEngine(configuration, isExact: true, threads: 2) { parameter in
            Tensor(try source.values(of: parameter), shape: try source.shape(of: parameter))
        }
    }

    /// The recorded cases of a model: name, rows of tokens, logits `[rows, time, vocabulary]`.
    static func cases(_ name: String) throws -> [(name: String, rows: [[TokenID]], logits: [Float])] {
        let path = ModelFixtures.folder(name) + "/expected.safetensors"
        let file = try SafetensorsFile(path: path)
        return try file.entries.filter { $0.name.hasSuffix("input_ids") }.map { entry in
            let ids = try file.withUnsafeBytes(of: entry) { bytes in
                (0..<entry.elementCount).map { TokenID(bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self)) }
            }
            let time = entry.shape[1]
            let rows = (0..<entry.shape[0]).map { Array(ids[$0 * time..<($0 + 1) * time]) }
            let logits = try ModelFixtures.floats(
                entry.name.replacingOccurrences(of: "input_ids", with: "logits"), in: path
            ).values
            return (entry.name, rows, logits)
        }
    }

    @Test("Logits are those of the reference implementation, for every family", arguments: names)
    func parity(name: String) throws {
        for (label, rows, expected) in try Self.cases(name) {
            let engine = try Self.engine(name, case: label)
            let size = expected.count / rows.count
            for (index, tokens) in rows.enumerated() {
                let cache = KeyValueCache(engine.configuration)
                // The case `decoded` is read in two parts: frequencies stay as they were chosen for the first.
                let first = label.hasPrefix("decoded") ? engine.configuration.trainingLength! + 8 : tokens.count
                var found = try engine.read(Array(tokens.prefix(first)), into: cache, wanted: .all)
                if first < tokens.count {
                    found += try engine.read(Array(tokens.dropFirst(first)), into: cache, wanted: .all)
                }
                #expect(found.count == size)
                let difference = Self.largestDifference(found, expected[index * size..<(index + 1) * size])
                #expect(difference < 1e-4, "\(label), row \(index)")
            }
        }
    }

    @Test("A text read token by token gives the logits of the text read at once", arguments: names)
    func cachedEqualsUncached(name: String) throws {
        let engine = try Self.engine(name)
        let tokens = try Self.cases(name)[0].rows[0]
        let whole = try engine.read(
            tokens, into: KeyValueCache(engine.configuration), wanted: .all)
        // Small on purpose: the cache has to grow on the way.
        let cache = KeyValueCache(engine.configuration, capacity: 2)
        var steps: [Float] = []
        if engine.configuration.rotaryDependsOnLength {
            // The first text fixes the frequencies, so it must be as long on both sides.
            try engine.read(tokens, into: cache)
            cache.rollBack(to: 1)
            steps += whole.prefix(engine.configuration.vocabularySize)
        }
        for token in tokens.dropFirst(cache.length) { steps += try engine.read([token], into: cache) }
        #expect(cache.lengths == [tokens.count])
        #expect(Self.largestDifference(whole, steps) < 1e-4)
        // In pieces, and only the last logits.
        let pieces = try Self.engine(name, maximumRows: 5)
        let last = try pieces.read(tokens, into: KeyValueCache(engine.configuration))
        #expect(Self.largestDifference(whole.suffix(last.count), last) < 1e-4)
    }

    @Test(
        "Rows of different lengths in one step give each row's own logits, bit for bit", arguments: ["llama", "gemma3"])
    func batchedEqualsSingle(name: String) throws {
        let engine = try Self.engine(name)
        let tokens = try Self.cases(name)[0].rows[0]
        let texts = [Array(tokens[0..<3]), Array(tokens[5..<12]), Array(tokens[2..<4])]
        let next: [TokenID] = [7, 11, 13]
        let together = KeyValueCache(engine.configuration, rows: 3, capacity: 4)
        for (row, text) in texts.enumerated() { try engine.read(text, into: together, row: row, wanted: .none) }
        #expect(together.lengths == [3, 7, 2])
        let batched = try engine.step((0..<3).map { StepEngine.Row(next[$0], together, row: $0) })
        for row in 0..<3 {
            let alone = KeyValueCache(engine.configuration)
            let single = try engine.read(texts[row] + [next[row]], into: alone)
            #expect(Array(batched[row * single.count..<(row + 1) * single.count]) == single)
        }
    }

    @Test("Forks go on from a shared prefix, and rolling back forgets what came after it")
    func forksAndRollBack() throws {
        let engine = try Self.engine("qwen3")
        let tokens = try Self.cases("qwen3")[0].rows[0]
        let prefix = Array(tokens.prefix(6))
        let (one, other): ([TokenID], [TokenID]) = ([9, 8, 7], [20, 21])
        func fresh(_ tokens: [TokenID]) throws -> [Float] {
            try engine.read(tokens, into: KeyValueCache(engine.configuration))
        }
        let cache = KeyValueCache(engine.configuration, capacity: 6)
        try engine.read(prefix, into: cache, wanted: .none)
        let fork = cache.fork(rows: 2)
        #expect(fork.lengths == [6, 6])
        #expect(try Self.largestDifference(engine.read(one, into: fork, row: 0), fresh(prefix + one)) < 1e-5)
        #expect(try Self.largestDifference(engine.read(other, into: fork, row: 1), fresh(prefix + other)) < 1e-5)
        #expect(cache.lengths == [6])
        try engine.read(one, into: cache, wanted: .none)
        cache.rollBack(to: 4)
        #expect(
            try Self.largestDifference(engine.read(other, into: cache), fresh(Array(prefix.prefix(4)) + other)) < 1e-5)
    }

    @Test("Unknown tokens and empty texts are refused with what was found and what is allowed")
    func refusals() throws {
        let engine = try Self.engine("llama")
        let cache = KeyValueCache(engine.configuration)
        #expect(throws: GenerationError.tokenOutOfRange(112, vocabulary: 112)) { try engine.read([112], into: cache) }
        #expect(throws: GenerationError.tokenOutOfRange(-1, vocabulary: 112)) { try engine.read([-1], into: cache) }
        #expect(throws: GenerationError.emptyPrompt) { try engine.read([], into: cache) }
        #expect(cache.lengths == [0])
    }
}
