import Corpora
import Foundation
import Testing

@Suite struct PublishedModelTests {
    @Test("Published models bear the names that other programs look up")
    func hubNames() {
        #expect(PublishedModel.named("qwen3-0.6b")?.hubName == "Qwen/Qwen3-0.6B")
        #expect(PublishedModel.named("gemma-3-1b-it")?.hubName == "google/gemma-3-1b-it")
        #expect(PublishedModel.named(PublishedModel.standard)?.hubName == "HuggingFaceTB/SmolLM2-135M-Instruct")
        #expect(PublishedModel.all.allSatisfy { $0.hubName?.split(separator: "/").count == 2 })
    }

    @Test("Files are those of a published model only where downloads go")
    func places() {
        let home = WallfacerHome(root: URL(fileURLWithPath: "/home/me/wallfacer"))
        func name(_ path: String) -> String? { PublishedModel.at(URL(fileURLWithPath: path), home: home)?.name }
        #expect(name("/home/me/wallfacer/models/Qwen3-0.6B") == "Qwen3-0.6B")
        #expect(name("/home/me/wallfacer/models/Qwen3-0.6B/model.safetensors") == "Qwen3-0.6B")
        #expect(name("/home/me/wallfacer/models/SmolLM2-135M-Instruct.Q4_1.gguf") == PublishedModel.standard)
        #expect(name("/home/me/wallfacer/models/SmolLM2-135M-Instruct-BF16") == "SmolLM2-135M-Instruct-BF16")
        #expect(name("/home/me/wallfacer/models/Qwen3-0.6B-mine") == nil)
        #expect(name("/home/me/Qwen3-0.6B") == nil)
        #expect(name("/home/me/wallfacer/models") == nil)
    }
}
