import Foundation
import LanguageModel
import Testing

/// SmolLM2-135M-Instruct in Q4_1, where it is at hand.
enum RealModel {
    /// `WALLFACER_SMOLLM2`, else the file that the bootstrap script puts into the cache.
    static let path: String? = {
        let environment = ProcessInfo.processInfo.environment
        let name = "SmolLM2-135M-Instruct.Q4_1.gguf"
        let home = environment["WALLFACER_HOME"] ?? "\(NSHomeDirectory())/.cache/wallfacer"
        let candidates = [environment["WALLFACER_SMOLLM2"], "\(home)/models/\(name)"]
        return candidates.compactMap { $0 }.first { FileManager.default.fileExists(atPath: $0) }
    }()

    static let comment: Comment = "needs SmolLM2-135M-Instruct.Q4_1.gguf (WALLFACER_SMOLLM2=FILE)"

    /// What llama.cpp wrote, recorded by Scripts/fixtures/greedy_texts.py.
    struct GreedyText: Decodable {
        let prompt: [TokenID]
        /// From the dequantised weights in f32.
        let f32: [TokenID]
        /// From the blocks of 4 bits, with activations of 8.
        let quantised: [TokenID]
    }

    static func texts() throws -> [GreedyText] {
        let url = URL(fileURLWithPath: Bundle.module.resourcePath! + "/Fixtures/greedy/smollm2.json")
        return try JSONDecoder().decode([GreedyText].self, from: Data(contentsOf: url))
    }
}
