import Foundation
import LanguageModel
import Tensors
import Testing

@Suite("Configurations of decoders")
struct ConfigurationTests {
    static func parse(_ text: String) throws -> DecoderConfiguration {
        try Array(text.utf8).withUnsafeBytes {
            try DecoderConfiguration(fields: ConfigurationFields(file: "config.json", parsing: $0))
        }
    }

    static func fixture(_ name: String) throws -> DecoderConfiguration {
        try DecoderConfiguration(configurationFile: ModelFixtures.folder(name) + "/config.json")
    }

    @Test("Each family's fields are found in the files that transformers 5 writes")
    func families() throws {
        let llama = try Self.fixture("llama")
        #expect(
            llama.family == .llama && llama.layers == 2 && llama.hiddenDimensions == 32 && llama.vocabularySize == 112)
        #expect(llama.heads == 4 && llama.keyValueHeads == 2 && llama.headDimensions == 8)
        #expect(llama.feedForwardDimensions == 48 && llama.normEpsilon == 1e-5 && llama.isEmbeddingTied)
        #expect(!llama.hasQueryKeyValueBiases && llama.rotaryBase == 10_000 && llama.rotaryScaling == .none)

        let biased = try Self.fixture("llama-biases")
        #expect(biased.hasQueryKeyValueBiases && biased.hasAttentionOutputBias && biased.hasFeedForwardBiases)
        #expect(biased.headDimensions == 12 && !biased.isEmbeddingTied)

        #expect(
            try Self.fixture("llama-llama3").rotaryScaling
                == .llama3(factor: 4, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalMaximumPositions: 48))
        #expect(
            try Self.fixture("llama-yarn").rotaryScaling
                == .yarn(factor: 4, originalMaximumPositions: 64, attentionFactor: RotaryScaling.yarnAttentionFactor(4))
        )
        #expect(try Self.fixture("llama-linear").rotaryScaling == .linear(factor: 2))
        #expect(try Self.fixture("llama-dynamic").rotaryScaling == .dynamic(factor: 2, maximumPositions: 16))

        let qwen2 = try Self.fixture("qwen2")
        #expect(qwen2.hasQueryKeyValueBiases && !qwen2.hasAttentionOutputBias && qwen2.rotaryBase == 1e6)
        #expect(qwen2.layerWindows == [nil, nil])
        #expect(try Self.fixture("qwen2-sliding").layerWindows == [nil, 6, 6])

        let qwen3 = try Self.fixture("qwen3")
        #expect(qwen3.hasQueryKeyNorms && !qwen3.hasQueryKeyValueBiases && qwen3.headDimensions == 16)

        let gemma = try Self.fixture("gemma3")
        #expect(gemma.layerWindows == [6, 6, nil] && gemma.rotaryBase == 1e6 && gemma.windowedRotaryBase == 1e4)
        #expect(gemma.normWeightOffset == 1 && gemma.hasPostNorms && gemma.hasQueryKeyNorms && gemma.isEmbeddingTied)
        #expect(gemma.embeddingScale == 32.0.squareRoot() && gemma.attentionScale == 1 / 24.0.squareRoot())
        #expect(gemma.activation == .geluTanh && gemma.finalLogitSoftCap == nil)
        let scaled = try Self.fixture("gemma3-scaled")
        #expect(
            scaled.finalLogitSoftCap == 3 && scaled.rotaryScaling == .linear(factor: 8)
                && scaled.layerWindows == [5, nil])

        let qwen = try Self.fixture("qwen")
        #expect(qwen.family == .qwen && qwen.feedForwardDimensions == 48 && qwen.trainingLength == 16)
        #expect(qwen.usesDynamicNTK && qwen.usesLogN && qwen.hasQueryKeyValueBiases && !qwen.isEmbeddingTied)
    }

    @Test("Older spellings mean the same")
    func olderSpellings() throws {
        var old = try Self.parse(
            """
            {"model_type":"llama","hidden_size":32,"intermediate_size":48,"num_hidden_layers":2,"num_attention_heads":4,
            "num_key_value_heads":2,"vocab_size":112,"max_position_embeddings":192,"rms_norm_eps":1e-6,"head_dim":16,
            "rope_theta":256,"rope_scaling":{"type":"llama3","factor":4.0,"low_freq_factor":1.0,"high_freq_factor":4.0,
            "original_max_position_embeddings":48},"tie_word_embeddings":true,"torch_dtype":"float32","pretraining_tp":1}
            """)
        #expect(try old == Self.fixture("llama-llama3"))

        old = try Self.parse(
            """
            {"model_type":"gemma3_text","hidden_size":32,"intermediate_size":48,"num_hidden_layers":3,"head_dim":16,
            "num_attention_heads":2,"num_key_value_heads":1,"vocab_size":112,"max_position_embeddings":64,"sliding_window":6,
            "sliding_window_pattern":3,"query_pre_attn_scalar":24,"rope_theta":1000000.0,"rope_local_base_freq":10000.0}
            """)
        #expect(try old == Self.fixture("gemma3"))

        old = try Self.parse(
            """
            {"model_type":"qwen","n_embd":32,"ffn_hidden_size":96,"n_layer":2,"n_head":4,"padded_vocab_size":112,
            "n_positions":64,"layer_norm_epsilon":1e-6,"seq_length":16,"use_dynamic_ntk":true,"use_logn_attn":true}
            """)
        #expect(try old == Self.fixture("qwen"))
    }

    @Test("A multimodal Gemma's text part is read, with the defaults that its files leave out")
    func nestedGemma() throws {
        let gemma = try Self.parse(
            """
            {"model_type":"gemma3","vision_config":{},"text_config":{"hidden_size":2560,"intermediate_size":10240,
            "num_hidden_layers":34,"rope_scaling":{"factor":8.0,"rope_type":"linear"},"sliding_window":1024}}
            """)
        #expect(gemma.heads == 8 && gemma.keyValueHeads == 4 && gemma.vocabularySize == 262_208)
        #expect(gemma.layerWindows.filter { $0 == nil }.count == 5 && gemma.layerWindows[5] == nil)
        #expect(gemma.rotaryScaling == .linear(factor: 8) && gemma.windowedRotaryBase == 1e4)
    }

    @Test(
        "Parameter counts equal those of the released models",
        arguments: [
            (DecoderConfiguration.Family.qwen2, 24, 896, 14, 2, 64, 4864, 151_936, true, 494_032_768),
            (.qwen3, 28, 1024, 16, 8, 128, 3072, 151_936, true, 596_049_920),
            (.llama, 30, 576, 9, 3, 64, 1536, 49_152, true, 134_515_008),
            (.llama, 16, 2048, 32, 8, 64, 8192, 128_256, true, 1_235_814_400),
            (.gemma3, 18, 640, 4, 1, 256, 2048, 262_144, true, 268_098_176),
            (.qwen, 32, 4096, 32, 32, 128, 11_008, 151_936, false, 7_721_324_544),
        ])
    func parameterCounts(
        family: DecoderConfiguration.Family, layers: Int, hidden: Int, heads: Int, keyValueHeads: Int, head: Int,
        feedForward: Int, vocabulary: Int, tied: Bool, count: Int
    ) {
        var configuration = DecoderConfiguration(
            family: family, layers: layers, hiddenDimensions: hidden, heads: heads, keyValueHeads: keyValueHeads,
            headDimensions: head, feedForwardDimensions: feedForward, vocabularySize: vocabulary)
        configuration.isEmbeddingTied = tied
        #expect(configuration.parameterCount == count)
    }

    @Test(
        "A field of the wrong type or out of range is named with what is allowed",
        arguments: [
            (#""hidden_size":"32""#, "hidden_size is \"32\", but must be a positive integer"),
            (#""hidden_size":32.5"#, "hidden_size is 32.5, but must be a positive integer"),
            (#""hidden_size":-1"#, "hidden_size is -1"), (#""hidden_size":99999999999"#, "hidden_size is 99999999999"),
            (#""hidden_size":30"#, "a multiple of num_attention_heads = 4"),
            (#""num_hidden_layers":1000000000"#, "from 1 to 4096"),
            (#""num_key_value_heads":3"#, "a multiple of the 3 key-value heads"),
            (#""head_dim":7"#, "the head width is 7"),
            (#""rope_theta":0"#, "rope_theta is 0, but must be a positive number"),
            (#""tie_word_embeddings":1"#, "tie_word_embeddings is 1, but must be true or false"),
            (#""hidden_act":"relu""#, "hidden_act is \"relu\", but must be silu or gelu_pytorch_tanh"),
            (#""rope_scaling":{"rope_type":"longrope","factor":2}"#, "rope_scaling.rope_type is \"longrope\""),
            (#""rope_scaling":{"rope_type":"linear"}"#, "rope_scaling.factor is absent"),
            (#""quantization_config":{"bits":4}"#, "only plain weights"),
            (#""vocab_size":null"#, "vocab_size is absent"),
        ])
    func wrongFields(field: String, says: String) throws {
        let name = field.split(separator: "\"")[0]
        let base: [String: String] = [
            "model_type": #""llama""#, "hidden_size": "32", "intermediate_size": "48", "num_hidden_layers": "2",
            "num_attention_heads": "4", "num_key_value_heads": "2", "vocab_size": "112",
        ]
        let others = base.filter { $0.key != name }.map { "\"\($0.key)\":\($0.value)" }
        let text = "{\((others + [field]).joined(separator: ","))}"
        let error = #expect(throws: WeightFileError.self) { try Self.parse(text) }
        #expect(error?.description.contains(says) == true, "\(error?.description ?? "no error")")
        #expect(error?.description.hasPrefix("config.json: ") == true)
    }

    @Test("An unknown family and text that is no JSON are refused by name")
    func unknown() {
        #expect(throws: WeightFileError.self) { try Self.parse("{") }
        let error = #expect(throws: WeightFileError.self) { try Self.parse(#"{"model_type":"mamba"}"#) }
        #expect(error?.description.contains("model_type is \"mamba\", but must be one of qwen, qwen2") == true)
    }

    @Test("Every fixture's configuration survives writing and reading", arguments: ModelFixtures.names)
    func roundTrip(name: String) throws {
        let configuration = try Self.fixture(name)
        let tokens = SpecialTokens(beginning: 1, ends: [2, 5], padding: 0)
        var read = try Self.parse(configuration.configurationText(dtype: .float32, tokens: tokens))
        read.family = configuration.family
        #expect(read == configuration)
    }

    @Test("Windows of their own for each layer are kept; what no architecture has is refused")
    func unusualCombinations() throws {
        var configuration = try Self.fixture("qwen")
        configuration.layerWindows = [16, 64]
        #expect(try Self.parse(configuration.configurationText(dtype: .float32)).layerWindows == [16, 64])
        configuration.embeddingScale = 2
        #expect(throws: WeightFileError.self) { try configuration.configurationText(dtype: .float32) }
    }

    @Test("Special tokens: the generation file decides, one id or several")
    func specialTokens() throws {
        let folder = try ScratchFolder()
        _ = try folder.file("config.json", Array(#"{"bos_token_id":1,"eos_token_id":2,"pad_token_id":0}"#.utf8))
        #expect(try SpecialTokens(folder: folder.path) == SpecialTokens(beginning: 1, ends: [2], padding: 0))
        _ = try folder.file("generation_config.json", Array(#"{"eos_token_id":[2,7],"pad_token_id":null}"#.utf8))
        #expect(try SpecialTokens(folder: folder.path) == SpecialTokens(beginning: 1, ends: [2, 7], padding: 0))
    }

    @Test("Mutated configurations never trap; what is accepted can be counted, listed and scaled")
    func fuzz() throws {
        #if DEBUG
            let rounds = 200
        #else
            let rounds = 7_000
        #endif
        var generator = Mutations(state: 3)
        let numbers = [
            "-1", "0", "1", "7", "16777216", "99999999999999999999", "1e308", "0.5", "null", "[]", "{}", "\"x\"",
            "true",
        ]
        for name in ModelFixtures.names {
            let path = ModelFixtures.folder(name) + "/config.json"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let lines = text.split(separator: "\n").map(String.init)
            for round in 0..<rounds {
                var bytes = Array(text.utf8)
                if round % 2 == 0 {
                    // Another value for one field, which stays valid JSON more often than a flipped bit.
                    var edited = lines
                    let at = Int.random(in: 0..<lines.count, using: &generator)
                    if let colon = edited[at].firstIndex(of: ":") {
                        let end = edited[at].hasSuffix(",") ? "," : ""
                        edited[at] = edited[at][...colon] + numbers.randomElement(using: &generator)! + end
                    }
                    bytes = Array(edited.joined(separator: "\n").utf8)
                } else {
                    bytes = generator.mutated(bytes)
                }
                do {
                    let configuration = try bytes.withUnsafeBytes {
                        try DecoderConfiguration(fields: ConfigurationFields(file: "config.json", parsing: $0))
                    }
                    #expect(configuration.parameterCount > 0)
                    #expect(configuration.layerWindows.count == configuration.layers)
                } catch is WeightFileError {}
            }
        }
    }
}
