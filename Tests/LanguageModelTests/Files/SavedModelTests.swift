import Foundation
import LanguageModel
import Layers
import Tensors
import Testing

@Suite("Classifiers and grown models as files")
struct SavedModelTests {
    /// The members of a JSON file.
    static func json(_ path: String) throws -> OrderedJSON {
        try OrderedJSON(parsing: Data(contentsOf: URL(filePath: path)), file: path)
    }

    static func classifier(_ decoder: TransformerDecoder, labels: Int = 3) -> ScalarHead {
        ScalarHead(
            dimensions: decoder.configuration.hiddenDimensions, labels: labels, standardDeviation: 0.5,
            from: RandomSource(seed: 9))
    }

    @Test(
        "A decoder with a scalar head is the folder of a sequence classification model",
        arguments: [
            ("llama", "LlamaForSequenceClassification"), ("qwen2", "Qwen2ForSequenceClassification"),
            ("qwen3", "Qwen3ForSequenceClassification"), ("gemma3", "Gemma3TextForSequenceClassification"),
        ])
    func classifier(name: String, architecture: String) throws {
        let decoder = try DecoderFixtures.decoder(name)
        let head = Self.classifier(decoder)
        let scratch = try ScratchFolder()
        try decoder.save(to: scratch.path, tokens: SpecialTokens(ends: [2], padding: 1), classifier: head)
        let config = try Self.json(scratch.path + "/config.json")
        #expect(config["architectures"]?.array?.map(\.string) == [architecture])
        #expect(config["num_labels"]?.integer == 3)
        #expect(config["pad_token_id"]?.integer == 1)
        let file = try SafetensorsFile(path: scratch.path + "/model.safetensors")
        #expect(file["score.weight"]?.shape == [3, decoder.configuration.hiddenDimensions])
        #expect(file["lm_head.weight"] == nil)
        // Everything else is as in the language model.
        let names = decoder.parameters.map(\.name).filter { $0 != "lm_head.weight" } + ["score.weight"]
        #expect(Set(file.entries.map(\.name)) == Set(names))

        let read = try TransformerDecoder.load(WeightSource(path: scratch.path), precision: .f32)
        let readHead = try ScalarHead.load(scratch.path, dimensions: read.configuration.hiddenDimensions)
        let tokens = try DecoderFixtures.tensor("input_ids", of: name)
        let lengths = Array(repeating: tokens.size(1), count: tokens.size(0))
        let scores = withoutGradients { head(decoder.hiddenStates(tokens), rowLengths: lengths) }
        #expect(scores.shape == [tokens.size(0), 3])
        #expect(withoutGradients { readHead(read.hiddenStates(tokens), rowLengths: lengths) }.isIdentical(to: scores))
        #expect(throws: WeightFileError.self) {
            try ScalarHead.load(scratch.path, dimensions: read.configuration.hiddenDimensions + 1)
        }
    }

    @Test("The head of a classifier is found in whichever of several files holds it, in the type that it is stored in")
    func shards() throws {
        let decoder = try DecoderFixtures.decoder("llama")
        let head = Self.classifier(decoder, labels: 1)
        let scratch = try ScratchFolder()
        let tensors = Dictionary(
            uniqueKeysWithValues: (decoder.parameters + head.parameters).map { ($0.name, $0.tensor) })
        var writer = ModelWriter(configuration: decoder.configuration, dtype: .bfloat16, labels: 1)
        writer.maximumShardBytes = 20_000
        try writer.write(to: scratch.path) { name, write in
            try #require(tensors[name]).detached().cast(to: .bfloat16).contiguous().withUnsafeBytes { try write($0) }
        }
        #expect(try scratch.contents.contains("model.safetensors.index.json"))
        let read = try ScalarHead.load(scratch.path, dimensions: decoder.configuration.hiddenDimensions)
        #expect(read.score.weight.isIdentical(to: head.score.weight.cast(to: .bfloat16).cast(to: .float32)))
        // A language model has no such head.
        let folder = ModelFixtures.folder("llama")
        #expect(
            throws: WeightFileError.missingTensors(
                file: folder + "/model.safetensors", tensors: ["score.weight"], from: "a scalar head")
        ) { try ScalarHead.load(folder, dimensions: decoder.configuration.hiddenDimensions) }
    }

    @Test("A grown vocabulary is in the configuration, in the rows and among the tokenizer's added tokens")
    func grown() throws {
        let scratch = try ScratchFolder()
        let model = try Self.grownModel("small-qwen", isTied: false)
        try model.save(to: scratch.path)
        let count = model.old.vocabularySize
        #expect(try Self.json(scratch.path + "/config.json")["vocab_size"]?.integer == count + 3)
        let file = try SafetensorsFile(path: scratch.path + "/model.safetensors")
        for name in ["model.embed_tokens.weight", "lm_head.weight"] { #expect(file[name]?.shape == [count + 3, 32]) }
        let tokenizer = try Self.json(scratch.path + "/tokenizer.json")
        let added = try #require(tokenizer["added_tokens"]?.array).suffix(3)
        for (index, (token, entry)) in zip(VocabularyGrowthTests.new, added).enumerated() {
            #expect(entry["id"]?.integer == count + index && entry["content"]?.string == token)
            #expect(entry["special"]?.bool == true && entry["normalized"]?.bool == false)
            #expect(tokenizer["model"]?["vocab"]?[token]?.integer == count + index)
        }
        let known = try Self.json(scratch.path + "/tokenizer_config.json")["added_tokens_decoder"]
        #expect(known?[String(count + 2)]?["content"]?.string == VocabularyGrowthTests.new[2])
    }

    // MARK: For transformers

    static let destination = ProcessInfo.processInfo.environment["WALLFACER_SAVED_MODELS"]
    static let noFolder: Comment = "WALLFACER_SAVED_MODELS names no folder"

    @Test(
        "Saved for Scripts/fixtures/check_saved_models.py, which loads them with transformers",
        .enabled(if: destination != nil, noFolder), arguments: ModelFixtures.names)
    func savingForOthers(name: String) throws {
        let folder = try #require(Self.destination)
        try WeightSource(path: ModelFixtures.folder(name))
            .save(to: "\(folder)/\(name)", dtype: .float32, maximumShardBytes: 60_000)
        let decoder = try DecoderFixtures.decoder(name)
        let head = Self.classifier(decoder)
        let classifier = "\(folder)/classifier-\(name)"
        try decoder.save(to: classifier, tokens: SpecialTokens(), classifier: head)
        let key = name == "qwen" ? "plain.input_ids" : "input_ids"
        let tokens = try DecoderFixtures.tensor(key, of: name)
        var pass = DecoderPass()
        pass.extendsContext = name != "qwen"
        let scores = withoutGradients {
            head(
                decoder.hiddenStates(tokens, pass),
                rowLengths: Array(repeating: tokens.size(1), count: tokens.size(0)))
        }
        try TensorArchive.write([("input_ids", tokens), ("scores", scores)], to: classifier + "/expected.safetensors")
    }

    @Test(
        "Grown models saved for Scripts/fixtures/check_saved_models.py", .enabled(if: destination != nil, noFolder),
        arguments: ["small-qwen", "small-gemma"])
    func savingGrownForOthers(name: String) throws {
        let folder = try #require(Self.destination) + "/grown-\(name)"
        let model = try Self.grownModel(name, isTied: name == "small-gemma")
        try model.save(to: folder)
        let text = "sea\(VocabularyGrowthTests.new[2]) and sky\(VocabularyGrowthTests.new[0])"
        let ids = model.tokenizer.encodePrompt(text, allowingControlTokens: true)
        let tokens = Tensor(ids.map(Int64.init), shape: [1, ids.count])
        try TensorArchive.write(
            [("input_ids", tokens), ("logits", withoutGradients { model.decoder(tokens) })],
            to: folder + "/expected.safetensors", metadata: ["format": "pt", "text": text])
    }

    struct Grown {
        let old: Tokenizer
        let tokenizer: Tokenizer
        let decoder: TransformerDecoder

        func save(to folder: String) throws {
            try decoder.save(to: folder, tokens: SpecialTokens())
            try tokenizer.writeTokenizerJSON(to: URL(filePath: folder))
        }
    }

    static func grownModel(_ name: String, isTied: Bool) throws -> Grown {
        let old = try TokenizerFixtures.small(name)
        let decoder = VocabularyGrowthTests.decoder(old.vocabularySize, isTied: isTied)
        try decoder.addTokens(
            VocabularyGrowthTests.new.map { _ in .mean }, at: TokenID(old.vocabularySize), noise: 0.02,
            from: RandomSource(seed: 5))
        return Grown(
            old: old, tokenizer: try old.adding(controlTokens: VocabularyGrowthTests.new), decoder: decoder)
    }
}
