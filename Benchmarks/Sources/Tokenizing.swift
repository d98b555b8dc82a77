import Foundation
import LanguageModel

/// Loads a tiktoken rank file and encodes texts on one thread: seconds of each loading and of each pass, the first pass
/// by itself, since later ones find pieces in the cache. Leaves the same tokenizer as `tokenizer.json` for the peer.
///
/// - Parameters:
///   - lines: a JSON list of texts.
///   - folder: where `tokenizer.json` goes.
func tokenizing(ranks: String, lines: String, folder: String) throws {
    let texts = try JSONDecoder().decode([String].self, from: Data(contentsOf: URL(filePath: lines)))
    func load() throws -> Tokenizer { try Tokenizer(tiktoken: Data(contentsOf: URL(filePath: ranks))) }
    var loading: [Double] = []
    for _ in 0..<5 { loading.append(try seconds { _ = try load() }) }

    let tokenizer = try load()
    var tokens = 0
    let passes = (0..<10).map { _ in
        seconds { tokens = texts.reduce(0) { $0 + tokenizer.encode($1).count } }
    }
    let output = URL(filePath: folder)
    try FileManager.default.createDirectory(at: output, withIntermediateDirectories: true)
    try tokenizer.writeTokenizerJSON(to: output)
    report([
        "loadSeconds": loading, "firstPassSeconds": passes[0], "encodeSeconds": passes, "tokens": tokens,
        "vocabulary": tokenizer.vocabularySize,
    ])
}
