public import Corpora
import Evaluation
import Foundation
public import LanguageModel
public import Training
import Worlds

/// Conversations to learn from and held-out ones to measure on.
public struct ConversationData: Sendable {
    public var train: [ChatExample]
    public var heldOut: [ChatExample]
    /// The held-out conversations that an evaluation is about, with the tokens counted that it compares.
    public var measured: [ChatExample]
    /// Support conversations keep their strategies, which evaluation scores beside the words.
    public var support: SupportCorpus?
    /// Nil: the model's own.
    public var template: ChatTemplate?
    /// Where they come from, in a phrase for reports.
    public var origin: String

    /// Support conversations; supporters' turns are learned with their strategy and measured without it.
    /// - Parameters:
    ///   - shuffleSeed: exchanges the strategies of the training turns at random, as a control.
    ///   - strategyWeight: how much a token of a strategy counts in training; one of the words counts 1.
    public init(_ corpus: SupportCorpus, shuffleSeed: UInt64? = nil, strategyWeight: Double = 1) {
        let training = shuffleSeed.map { SupportDialogueFormat.shufflingStrategies(corpus.train, seed: $0) }
        func examples(
            _ part: [SupportConversation], _ counted: SupportDialogueFormat.Counted, strategyWeight: Double = 1
        ) -> [ChatExample] {
            part.filter { $0.turns.contains { $0.speaker == .supporter } }
                .map {
                    ChatExample(
                        messages: SupportDialogueFormat.messages(
                            $0, counting: counted, strategyWeight: strategyWeight))
                }
        }
        train = examples(training ?? corpus.train, .turns, strategyWeight: strategyWeight)
        heldOut = examples(corpus.validation, .turns)
        measured = examples(corpus.test, .words)
        support = corpus
        template = SupportDialogueFormat.template
        origin = corpus.origin + (shuffleSeed == nil ? "" : ", strategies shuffled")
    }

    /// Support conversations as a recipe wants them, wherever they come from.
    public init(_ corpus: SupportCorpus, _ recipe: ConversationDataRecipe, seed: UInt64) {
        self.init(
            corpus, shuffleSeed: recipe.shufflesStrategies ? seed : nil, strategyWeight: recipe.strategyWeight)
    }

    /// Chat files; without a file of held-out conversations, a share of the training ones drawn by seed.
    public init(train: [ChatExample], heldOut: [ChatExample]?, share: Double, seed: UInt64, origin: String) {
        template = nil
        self.origin = origin
        if let heldOut {
            self.train = train
            self.heldOut = heldOut
        } else {
            var generator = SeededGenerator(seed: seed).split("held out")
            let order = generator.shuffled(train.indices)
            let count = share > 0 && train.count > 1 ? max(1, Int(share * Double(train.count))) : 0
            self.heldOut = order.prefix(count).sorted().map { train[$0] }
            self.train = order.dropFirst(count).sorted().map { train[$0] }
        }
        measured = self.heldOut
    }

    /// What a recipe names: `esconv` (searched in the data directory), `simulator`, a folder or file of ESConv, or a JSONL
    /// chat file.
    /// - Throws: ``TrainingDataError``, `CorpusError`, `ChatFileError`.
    public static func load(
        _ recipe: ConversationDataRecipe, seed: UInt64, directory: DataDirectory = .init()
    ) throws -> ConversationData {
        func support(_ corpus: SupportCorpus) -> ConversationData { ConversationData(corpus, recipe, seed: seed) }
        switch recipe.train {
        case "": throw TrainingDataError.unknownSource("data.train", reason: "not given; a file, esconv or simulator")
        case "esconv": return support(try directory.supportConversations())
        case "simulator": return support(SupportRenderer.reading.corpus())
        default: break
        }
        let file = URL(fileURLWithPath: recipe.train)
        if (try? file.resourceValues(forKeys: [.isDirectoryKey]).isDirectory) == true {
            return support(try ESConv.load(folder: file))
        }
        if file.pathExtension == "json" {
            let parts = ESConv.split(try ESConv.conversations(array: file))
            let corpus = SupportCorpus(
                train: parts.train, validation: parts.validation, test: parts.test, origin: file.lastPathComponent)
            return support(corpus)
        }
        let heldOut = try recipe.heldOut.map { try ChatFile.read(url: URL(fileURLWithPath: $0)) }
        return ConversationData(
            train: try ChatFile.read(url: file), heldOut: heldOut, share: recipe.heldOutShare, seed: seed,
            origin: file.lastPathComponent)
    }

    /// Tokens of conversations with their loss weights.
    ///
    /// - Parameter length: what is longer is cut at its end; nil cuts nothing. Conversations whose trained turns all lie
    ///   behind the cut are left out.
    /// - Parameter say: hears how many were cut and how many left out.
    /// - Throws: ``TrainingDataError/badExample(source:number:reason:)`` for a conversation that the template or the mask
    ///   refuses, ``TrainingDataError/nothingFits(source:length:)``.
    public static func sequences(
        _ examples: [ChatExample], template: ChatTemplate, tokenizer: Tokenizer, length: Int?, source: String,
        say: (String) -> Void = { _ in }
    ) throws -> [TokenSequence] {
        var sequences: [TokenSequence] = []
        var cut = 0
        for (index, example) in examples.enumerated() {
            do {
                let encoded = try template.encode(example.messages, tools: example.tools, with: tokenizer)
                let whole = TokenSequence(encoded.tokens, weights: encoded.lossWeights)
                let sequence = length.map { whole.prefix($0) } ?? whole
                if sequence.count < whole.count { cut += 1 }
                if sequence.trainedCount > 0 { sequences.append(sequence) }
            } catch let error as ChatError {
                throw TrainingDataError.badExample(source: source, number: index + 1, reason: error.description)
            }
        }
        if sequences.isEmpty, !examples.isEmpty {
            throw TrainingDataError.nothingFits(source: source, length: length ?? 0)
        }
        if cut > 0, let length {
            let lost = examples.count - sequences.count
            say(
                "\(source): \(cut) of \(examples.count) conversations are cut after \(length) tokens"
                    + (lost > 0 ? "; \(lost) have no trained token before the cut and are left out" : ""))
        }
        return sequences
    }
}

/// Where the conversations of a recipe come from.
public struct ConversationDataRecipe: Codable, Sendable, Equatable {
    public var train = ""
    public var heldOut: String?
    public var heldOutShare = 0.05
    public var strategyWeight = 1.0
    public var shufflesStrategies = false

    public init() {}

    public static let fields = [
        RecipeField(
            "train", "esconv, simulator, a folder or file of ESConv, or a file with one chat a line (JSONL)."),
        RecipeField("heldOut", "A chat file to measure on; none: a share of the training file."),
        RecipeField(
            "heldOutShare", "The share of the training file that is held out where heldOut names none.",
            range: .from(0, below: 1)),
        RecipeField(
            "strategyWeight", "How much a token of a support strategy counts; one of the words counts 1.",
            range: .between(0, 1000)),
        RecipeField("shufflesStrategies", "A control: strategies of support conversations exchanged at random."),
    ]
}
