import Foundation
import LanguageModel
import Testing

/// The files that `Scripts/fixtures/tokenizer_fixtures.py` made with the reference implementations.
enum TokenizerFixtures {
    static func data(_ name: String) throws -> Data {
        let folder = try #require(Bundle.module.resourceURL).appending(path: "Fixtures/tokenizers")
        return try Data(contentsOf: folder.appending(path: name))
    }

    static func lines() throws -> [String] {
        try JSONDecoder().decode([String].self, from: data("lines.json"))
    }

    /// The peer's hash for each line.
    static func hashes(_ name: String) throws -> [UInt32] {
        let bytes = [UInt8](try data(name))
        return stride(from: 0, to: bytes.count - 3, by: 4).map { start in
            (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) }
        }
    }

    /// FNV-1a over the count and the ids as little-endian 32-bit integers.
    static func hash(_ ids: [TokenID]) -> UInt32 {
        var hash: UInt32 = 0x811C_9DC5
        for id in [TokenID(ids.count)] + ids {
            for shift in stride(from: 0, through: 24, by: 8) {
                hash = (hash ^ (UInt32(bitPattern: id) >> UInt32(shift) & 0xFF)) &* 0x0100_0193
            }
        }
        return hash
    }

    static func vocabulary(_ name: String) throws -> TokenizerVocabulary {
        struct Dump: Decodable {
            var model: String
            var pre: String?
            var tokens: [String]
            var scores: [Float]?
            var merges: [String]?
            var types: [Int]?
            var bos: Int?
            var eos: Int?
            var unk: Int?
            var pad: Int?
            var addsBOS: Bool?
            var addsSpacePrefix: Bool?
        }
        let dump = try JSONDecoder().decode(Dump.self, from: data(name))
        return TokenizerVocabulary(
            model: dump.model, pre: dump.pre, tokens: dump.tokens, scores: dump.scores, tokenTypes: dump.types,
            merges: dump.merges, beginningOfSequence: dump.bos, endOfSequence: dump.eos, unknown: dump.unk,
            padding: dump.pad, addsBeginningOfSequence: dump.addsBOS, addsSpacePrefix: dump.addsSpacePrefix)
    }

    static func small(_ name: String) throws -> Tokenizer {
        try Tokenizer(tokenizerJSON: data("\(name).json"), file: "\(name).json")
    }

    /// A folder of real data, where there is one: in `WALLFACER_DATA`, else in `shared/data` beside the checkout.
    static func realData(_ name: String) -> URL? {
        var folders: [URL] = []
        if let given = ProcessInfo.processInfo.environment["WALLFACER_DATA"], !given.isEmpty {
            folders.append(URL(filePath: given))
        }
        let checkout = (0..<4).reduce(URL(filePath: #filePath)) { url, _ in url.deletingLastPathComponent() }
        folders.append(checkout.deletingLastPathComponent().appending(path: "shared/data"))
        return folders.map { $0.appending(path: name) }.first { FileManager.default.fileExists(atPath: $0.path) }
    }

    static let qwenFolder = realData("qwen-tokenizer")
    static var hasQwen: Bool { qwenFolder != nil }

    /// SmolLM2's GGUF file: named by `WALLFACER_SMOLLM2`, else somewhere under `WALLFACER_HOME`.
    static let smolLM2: String? = {
        let environment = ProcessInfo.processInfo.environment
        if let path = environment["WALLFACER_SMOLLM2"], FileManager.default.fileExists(atPath: path) { return path }
        guard let home = environment["WALLFACER_HOME"], !home.isEmpty else { return nil }
        let files = FileManager.default.enumerator(atPath: home)
        while let file = files?.nextObject() as? String {
            if file.hasSuffix("SmolLM2-135M-Instruct.Q4_1.gguf") { return home + "/" + file }
        }
        return nil
    }()

    static func qwen() throws -> Tokenizer {
        let ranks = try Data(contentsOf: #require(qwenFolder).appending(path: "qwen.tiktoken"))
        return try Tokenizer(tiktoken: ranks)
    }
}
