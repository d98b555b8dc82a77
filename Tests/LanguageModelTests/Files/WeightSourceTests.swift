import Foundation
import LanguageModel
import Tensors
import Testing

@Suite("Stored models")
struct WeightSourceTests {
    static func model(_ name: String) throws -> WeightSource { try WeightSource(path: ModelFixtures.folder(name)) }

    /// A copy of a fixture whose config.json has been edited.
    static func edited(_ name: String, _ edits: [(String, String)]) throws -> ScratchFolder {
        let scratch = try ScratchFolder()
        let folder = ModelFixtures.folder(name)
        for file in try FileManager.default.contentsOfDirectory(atPath: folder) where file != "config.json" {
            try FileManager.default.copyItem(atPath: "\(folder)/\(file)", toPath: "\(scratch.path)/\(file)")
        }
        var text = try String(contentsOfFile: "\(folder)/config.json", encoding: .utf8)
        for (old, new) in edits {
            try #require(text.contains(old))
            text = text.replacingOccurrences(of: old, with: new)
        }
        _ = try scratch.file("config.json", Array(text.utf8))
        return scratch
    }

    @Test("Every fixture opens, and its parameters have the stored values", arguments: ModelFixtures.names)
    func opens(name: String) throws {
        let source = try Self.model(name)
        #expect(
            source.specialTokens
                == (name == "qwen" ? SpecialTokens() : SpecialTokens(beginning: 1, ends: [2], padding: 0)))
        let path = ModelFixtures.folder(name) + "/model.safetensors"
        for weight in source.weights {
            let values = try source.values(of: weight.name)
            #expect(values.count == weight.shape.reduce(1, *))
            #expect(values.contains { $0 != 0 } && values.allSatisfy(\.isFinite))
            let isStoredPlainly = try source.format(of: weight.name) == .float32 && name != "qwen"
            if isStoredPlainly, FileManager.default.fileExists(atPath: path) {
                #expect(try values == ModelFixtures.floats(weight.name, in: path).values)
            }
        }
    }

    @Test("The first Qwen's fused projection is split in the order query, key, value, and w2 is the gate")
    func firstQwen() throws {
        let source = try Self.model("qwen")
        let path = ModelFixtures.folder("qwen") + "/model.safetensors"
        let fused = try ModelFixtures.floats("transformer.h.1.attn.c_attn.weight", in: path).values
        let bias = try ModelFixtures.floats("transformer.h.1.attn.c_attn.bias", in: path).values
        for (index, name) in ["q", "k", "v"].enumerated() {
            #expect(
                try source.values(of: "model.layers.1.self_attn.\(name)_proj.weight")
                    == Array(fused[index * 1024..<(index + 1) * 1024]))
            #expect(
                try source.values(of: "model.layers.1.self_attn.\(name)_proj.bias")
                    == Array(bias[index * 32..<(index + 1) * 32]))
        }
        #expect(
            try source.values(of: "model.layers.0.mlp.gate_proj.weight")
                == ModelFixtures.floats("transformer.h.0.mlp.w2.weight", in: path).values)
        #expect(
            try source.values(of: "model.layers.0.mlp.up_proj.weight")
                == ModelFixtures.floats("transformer.h.0.mlp.w1.weight", in: path).values)
    }

    @Test(
        "A GGUF gives the same configuration and, bit for bit, the same parameters as the safetensors it was made from",
        arguments: ["llama", "llama-biases", "qwen", "qwen2", "qwen3", "gemma3-scaled"])
    func ggufEqualsSafetensors(name: String) throws {
        let expected = try Self.model(name)
        let found = try WeightSource(path: "\(GGUFTests.folder)/\(name).gguf")
        var configuration = expected.configuration
        if name == "qwen" {
            // These fields have no place in GGUF metadata.
            configuration.usesDynamicNTK = false
            configuration.usesLogN = false
            configuration.trainingLength = configuration.maximumPositions
        }
        #expect(found.configuration == configuration)
        #expect(found.specialTokens.beginning == 1 && found.specialTokens.ends == [2])
        for weight in expected.weights {
            let (wanted, values) = try (expected.values(of: weight.name), found.values(of: weight.name))
            guard name.hasPrefix("gemma"), weight.name.contains("norm") else {
                #expect(values == wanted, "\(weight.name)")
                continue
            }
            // One was added to these in f32, which costs the last bits.
            for (value, want) in zip(values, wanted) { #expect(abs(value - want) < 1e-6) }
        }
    }

    @Test("Half-precision and sharded copies of one model hold its values")
    func variants() throws {
        let plain = try Self.model("llama")
        for (name, format) in [
            ("llama-sharded", BlockFormat.float32), ("llama-f16", .float16), ("llama-bf16", .bfloat16),
        ] {
            let variant = try Self.model(name)
            #expect(variant.configuration == plain.configuration)
            for weight in plain.weights {
                #expect(try variant.format(of: weight.name) == format)
                let rounded = try plain.values(of: weight.name).withUnsafeBufferPointer {
                    BlockFormatTests.values(format, format.quantize($0)!)
                }
                #expect(try variant.values(of: weight.name) == rounded)
            }
        }
    }

    @Test("A configuration that contradicts the weights is an error with tensor, both shapes and the field")
    func contradictions() throws {
        func says(_ name: String, _ edits: [(String, String)]) throws -> String {
            let scratch = try Self.edited(name, edits)
            let error = #expect(throws: WeightFileError.self) { try WeightSource(path: scratch.path) }
            return (error?.description ?? "no error").replacingOccurrences(of: "\(scratch.path)/", with: "")
        }
        #expect(
            try says("llama", [("\"intermediate_size\": 48", "\"intermediate_size\": 52")])
                == "model.safetensors: tensor model.layers.0.mlp.gate_proj.weight has shape 48 × 32, "
                + "but config.json (intermediate_size = 52) needs 52 × 32.")
        #expect(
            try says("llama", [("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 4")])
                == "model.safetensors: tensor model.layers.0.self_attn.k_proj.weight has shape 16 × 32, "
                + "but config.json (num_key_value_heads × head_dim = 4 × 8) needs 32 × 32.")
        #expect(
            try says("qwen", [("\"intermediate_size\": 96", "\"intermediate_size\": 64")])
                .hasSuffix(
                    "transformer.h.0.mlp.w2.weight has shape 48 × 32, but config.json (intermediate_size / 2 = 32) needs 32 × 32."
                ))
        let missing = try says("llama", [("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3")])
        #expect(
            missing.contains("tensors model.layers.2.input_layernorm.weight, model.layers.2.self_attn.q_proj.weight"))
        #expect(missing.hasSuffix("and 6 more are missing, but config.json needs them."))
        let unexpected = try says("llama", [("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1")])
        #expect(unexpected.contains("and 6 more are unexpected: config.json has no place for them."))
        #expect(
            try says("llama", [("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false")]).contains(
                "tensor lm_head.weight is missing"))
        #expect(try says("llama", [("\"llama\"", "\"qwen2\"")]).contains("self_attn.q_proj.bias"))
    }

    @Test("Weights of a type that is no floating-point number are refused")
    func wholeNumbers() throws {
        let scratch = try Self.edited("llama", [])
        let path = "\(scratch.path)/model.safetensors"
        let names = try Self.model("llama").weights
        let writer = try SafetensorsWriter(
            path: path, tensors: names.map { .init(name: $0.name, dtype: .int32, shape: $0.shape) })
        for weight in names {
            let zeros = [UInt8](repeating: 0, count: 4 * weight.shape.reduce(1, *))
            try zeros.withUnsafeBytes { try writer.append(weight.name, bytes: $0) }
        }
        try writer.finish()
        let error = #expect(throws: WeightFileError.self) { try WeightSource(path: scratch.path) }
        #expect(
            error?.description.hasSuffix("dtype of model.embed_tokens.weight is I32, but must be F32, F16 or BF16.")
                == true)
    }

    @Test("A GGUF whose metadata contradict its tensors is refused in its own words")
    func contradictoryMetadata() throws {
        let scratch = try ScratchFolder()
        let path = "\(scratch.path)/m.gguf"
        let writer = try GGUFWriter(
            path: path,
            metadata: [
                ("general.architecture", .string("qwen3")), ("qwen3.block_count", .uint32(1)),
                ("qwen3.embedding_length", .uint32(64)), ("qwen3.feed_forward_length", .uint32(48)),
                ("qwen3.attention.head_count", .uint32(2)),
            ], tensors: [.init(name: "token_embd.weight", format: .float32, shape: [4, 32])])
        try [Float](repeating: 0, count: 128).withUnsafeBufferPointer {
            try writer.append("token_embd.weight", values: $0)
        }
        try writer.finish()
        let error = #expect(throws: WeightFileError.self) { try WeightSource(path: path) }
        #expect(
            error?.description
                == "\(path): tensor token_embd.weight has shape 4 × 32, but metadata (qwen3.embedding_length = 64) "
                + "needs 4 × 64.")
    }

    @Test("A copy of a tied head in the file is ignored")
    func tiedCopy() throws {
        let scratch = try Self.edited("qwen2", [("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true")])
        #expect(try !WeightSource(path: scratch.path).weights.contains { $0.name == "lm_head.weight" })
    }

    @Test("Broken indices, absent parts and folders without a model are refused by name")
    func brokenFolders() throws {
        let index = "model.safetensors.index.json"
        func says(_ text: String) throws -> String {
            let scratch = try Self.edited("llama-sharded", [])
            _ = try scratch.file(index, Array(text.utf8))
            let error = #expect(throws: WeightFileError.self) { try WeightSource(path: scratch.path) }
            return error?.description ?? "no error"
        }
        #expect(try says("{}").contains("\(index): weight_map is absent"))
        #expect(try says(#"{"weight_map":{"a":"../secret"}}"#).contains("must be the name of a file beside it"))
        #expect(
            try says(#"{"weight_map":{"a":"model-9.safetensors"}}"#).contains("model-9.safetensors: cannot be read"))
        #expect(try says(#"{"weight_map":{"a":"model-00001-of-00003.safetensors"}}"#).contains("which lacks it"))
        #expect(try says(#"{"weight_map":{"a":1}}"#).contains("must be an object of strings"))
        let empty = try ScratchFolder()
        for (path, text) in [(empty.path, "no model.safetensors"), ("\(empty.path)/absent", "no such file or folder")] {
            let error = #expect(throws: WeightFileError.self) { try WeightSource(path: path) }
            #expect(error?.description.contains(text) == true)
        }
    }

    @Test("A saved model is read back as it was, in one file and in several", arguments: ModelFixtures.names)
    func saving(name: String) throws {
        let source = try Self.model(name)
        let scratch = try ScratchFolder()
        for limit in [30_000, 5_000_000_000] {
            try source.save(to: scratch.path, dtype: .float32, maximumShardBytes: limit)
            let files = try scratch.contents.filter { $0.hasSuffix(".safetensors") }
            #expect(limit == 30_000 ? files.count > 2 : files == ["model.safetensors"])
            let saved = try WeightSource(path: scratch.path)
            var configuration = saved.configuration
            configuration.family = source.configuration.family
            #expect(configuration == source.configuration)
            #expect(saved.specialTokens == source.specialTokens)
            for weight in source.weights {
                #expect(try saved.values(of: weight.name) == source.values(of: weight.name))
            }
        }
    }

    @Test("Weights saved in bf16 are the rounded ones")
    func savingHalf() throws {
        let scratch = try ScratchFolder()
        try Self.model("llama").save(to: scratch.path, dtype: .bfloat16)
        #expect(throws: WeightFileError.self) { try Self.model("llama").save(to: scratch.path, dtype: .int8) }
        let (saved, expected) = try (WeightSource(path: scratch.path), Self.model("llama-bf16"))
        for weight in expected.weights {
            #expect(try saved.values(of: weight.name) == expected.values(of: weight.name))
        }
    }

    @Test(
        "A model exported as GGUF is read back as it was",
        arguments: ["llama", "llama-biases", "llama-linear", "llama-yarn", "qwen", "qwen2", "qwen3", "gemma3-scaled"])
    func exporting(name: String) throws {
        let source = try Self.model(name)
        let scratch = try ScratchFolder()
        let path = "\(scratch.path)/m.gguf"
        try GGUFExport(configuration: source.configuration, format: .float32, tokenizer: []).write(to: path) {
            try source.values(of: $0)
        }
        let written = try WeightSource(path: path)
        #expect(written.configuration.rotaryScaling == source.configuration.rotaryScaling)
        #expect(written.configuration.layerWindows == source.configuration.layerWindows)
        #expect(written.configuration.feedForwardDimensions == source.configuration.feedForwardDimensions)
        for weight in source.weights {
            let (found, wanted) = try (written.values(of: weight.name), source.values(of: weight.name))
            // One is added to Gemma's norms in f32, which costs the last bits.
            let tolerance: Float = name.hasPrefix("gemma") && weight.name.contains("norm") ? 1e-6 : 0
            for (value, want) in zip(found, wanted) { #expect(abs(value - want) <= tolerance) }
        }
    }

    @Test("Rows that are no whole blocks, and scalings that GGUF has no key for, are not exported")
    func refusedExports() throws {
        let scratch = try ScratchFolder()
        for (name, format) in [("llama", BlockFormat.q8_0), ("llama-llama3", .float32)] {
            let source = try Self.model(name)
            let export = GGUFExport(configuration: source.configuration, format: format, tokenizer: [])
            #expect(throws: WeightFileError.self) {
                try export.write(to: "\(scratch.path)/m.gguf") { try source.values(of: $0) }
            }
        }
        #expect(try scratch.contents == [])
    }

    @Test("Quantised rows of query and key are put back in order without touching their blocks")
    func movedBlocks() throws {
        // One block a row, and the first code of row r is r: rows show their origin.
        let scratch = try ScratchFolder()
        var configuration = DecoderConfiguration(
            family: .llama, layers: 1, hiddenDimensions: 32, heads: 2, keyValueHeads: 1, headDimensions: 16,
            feedForwardDimensions: 32, vocabularySize: 8)
        configuration.isEmbeddingTied = true
        let path = "\(scratch.path)/m.gguf"
        try GGUFExport(configuration: configuration, format: .q8_0, tokenizer: []).write(to: path) { name in
            let shape = configuration.weights.first { $0.name == name }!.shape
            let columns = shape.count == 2 ? 32 : 1
            return (0..<shape.reduce(1, *)).map { $0 % columns == 31 ? 127 : Float($0 / columns) }
        }
        let source = try WeightSource(path: path)
        for (name, rows) in [("q", 32), ("k", 16), ("v", 16)] {
            try source.withUnsafeBlocks(of: "model.layers.0.self_attn.\(name)_proj.weight") { format, blocks in
                #expect(format == .q8_0 && blocks.count == rows * 34)
                #expect((0..<rows).map { Int(blocks[34 * $0 + 2]) } == Array(0..<rows))
            }
        }
        // In the file itself, neighbours are the two halves of a head.
        let file = try #require(source.gguf)
        try file.withUnsafeBlocks(of: #require(file["blk.0.attn_q.weight"])) { blocks in
            #expect((0..<4).map { Int(blocks[34 * $0 + 2]) } == [0, 8, 1, 9])
        }
    }

    @Test("Divisors of rotary frequencies in a GGUF are recognised as Llama 3's scaling, others are kept")
    func rotaryDivisors() throws {
        let scratch = try ScratchFolder()
        let scaling = RotaryScaling.llama3(
            factor: 32, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalMaximumPositions: 8192)
        let plain = RotaryScaling.none.frequencies(base: 500_000, dimensions: 16).perStep
        let scaled = scaling.frequencies(base: 500_000, dimensions: 16).perStep
        let published = zip(plain, scaled).map { Float($0 / $1) }
        let other: [Float] = [1, 1, 2, 2, 3, 3, 4, 4]
        for (divisors, expected) in [(published, scaling), (other, RotaryScaling.divisors(other.map(Double.init)))] {
            let path = "\(scratch.path)/m.gguf"
            let writer = try GGUFWriter(
                path: path,
                metadata: [
                    ("general.architecture", .string("llama")), ("llama.block_count", .uint32(1)),
                    ("llama.embedding_length", .uint64(32)), ("llama.feed_forward_length", .int32(48)),
                    ("llama.attention.head_count", .uint8(2)), ("llama.rope.freq_base", .float32(500_000)),
                ],
                tensors: [
                    .init(name: "token_embd.weight", format: .float32, shape: [4, 32]),
                    .init(name: "rope_freqs.weight", format: .float32, shape: [8]),
                ])
            try [Float](repeating: 0, count: 128).withUnsafeBufferPointer {
                try writer.append("token_embd.weight", values: $0)
            }
            try divisors.withUnsafeBufferPointer { try writer.append("rope_freqs.weight", values: $0) }
            try writer.finish()
            let configuration = try DecoderConfiguration(GGUFFile(path: path))
            #expect(configuration.rotaryScaling == expected)
            #expect(configuration.heads == 2 && configuration.keyValueHeads == 2 && configuration.isEmbeddingTied)
        }
    }
}
