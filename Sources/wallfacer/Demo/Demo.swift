import Corpora
import Evaluation
import Experiments
import Foundation
import LanguageModel
import Layers
import PostTraining
import Training

/// The steps of the demo.
struct Demo: Sendable {
    let home: WallfacerHome
    let data: DemoData
    let corpus: SupportCorpus
    let model: URL
    let modelName: String
    let settings: SupervisedFineTuningRecipe
    let retrain: Bool
    let conversations: Int
    let say: @Sendable (String) -> Void

    /// The adapter and how it came about.
    struct Tuning: Sendable {
        let adapter: URL
        let isReused: Bool
        let tokens: Int
        let seconds: Double
        let stopReason: String
        /// Steps and training losses.
        let losses: [(step: Int, value: Double)]
        let recipe: String
    }

    /// One held-out conversation continued by both models.
    struct Talk: Sendable {
        let context: [SupportTurn]
        let base: String
        let tuned: String
        let held: String

        var text: String {
            let turns = context.map { turn in
                turn.speaker == .seeker
                    ? "seeker     \(turn.text)"
                    : "supporter  \(turn.strategy.map { "\(SupportDialogueFormat.prefix($0)) " } ?? "")\(turn.text)"
            }
            return (turns + ["", "base       \(base)", "tuned      \(tuned)", "held out   \(held)", ""])
                .joined(separator: "\n")
        }
    }

    private var artefact: URL {
        let name = "demo-\(data.name.lowercased())\(settings.data.shufflesStrategies ? "-shuffled" : "")"
        return home.artefacts.appending(path: name, directoryHint: .isDirectory)
    }

    // MARK: Training

    @TensorActor
    func train() throws -> Tuning {
        let recipe = try RecipeText.plain(settings, method: SupervisedFineTuning.name)
        let store = try RunStore(file: home.runStore)
        if !retrain, let manifest = try? ArtefactManifest.read(from: artefact), manifest.recipe == recipe {
            let tokens = Int(manifest.metrics["tokens"] ?? 0)
            say(
                "reusing the adapter \(artefact.path), trained before with the same recipe on \(tokens) tokens "
                    + "(--retrain trains anew)")
            return try tuning(
                store, recipe: recipe, metrics: manifest.metrics, reason: "before, after \(tokens) tokens",
                isReused: true)
        }
        let base = try BaseModel.load(model, name: modelName, precision: settings.precision)
        var session = TrainingSession(output: artefact, store: store)
        session.name = "demo"
        session.say = say
        session.progressLineSeconds = 30
        let continues = try wasInterrupted(store, at: session.checkpoint, recipe: recipe)
        session.resumes = continues && !retrain
        if session.resumes { say("going on where this training was interrupted (--retrain trains anew)") }
        let conversations = ConversationData(corpus, settings.data, seed: UInt64(settings.seed))
        let trained = try SupervisedFineTuning.train(base, on: conversations, settings, in: session)
        if trained.wasInterrupted { throw CancellationError() }
        return try tuning(
            store, recipe: recipe, metrics: trained.metrics, reason: trained.outcome.text, isReused: false)
    }

    private func wasInterrupted(_ store: RunStore, at checkpoint: URL, recipe: String) throws -> Bool {
        guard FileManager.default.fileExists(atPath: checkpoint.path) else { return false }
        let run = try newestRun(store, at: checkpoint)
        return run?.status == .interrupted && run?.recipe == recipe
    }

    private func newestRun(_ store: RunStore, at folder: URL) throws -> Run? {
        let path = folder.standardizedFileURL.path
        return try store.runs(method: SupervisedFineTuning.name).first {
            $0.artefact.map { URL(fileURLWithPath: $0).standardizedFileURL.path } == path
        }
    }

    private func tuning(
        _ store: RunStore, recipe: String, metrics: [String: Double], reason: String, isReused: Bool
    ) throws -> Tuning {
        let losses = try newestRun(store, at: artefact).map { try store.metrics($0.id, name: "loss") } ?? []
        return Tuning(
            adapter: artefact, isReused: isReused, tokens: Int(metrics["tokens"] ?? 0),
            seconds: metrics["seconds"] ?? 0, stopReason: reason, losses: losses.map { ($0.step, $0.value) },
            recipe: recipe)
    }

    // MARK: Measuring

    @TensorActor
    func measure(_ tuning: Tuning) throws -> DemoMeasurement {
        let heldOut = corpus.test.prefix(conversations)
        let tuned = try BaseModel.load(tuning.adapter, precision: settings.precision)
        let evaluation = SupportEvaluation(tokenizer: tuned.tokenizer)
        func score(_ title: String) throws -> DemoMeasurement.SupportScores {
            let bar = ProgressBar(title: title, steps: heldOut.count)
            defer { bar.finish() }
            let score = try evaluation.score(heldOut, by: tuned.decoder) {
                bar.update(step: $0)
                try Interruption.check()
            }
            return try DemoMeasurement.SupportScores(score)
        }
        let base = try tuned.decoder.withoutAdapters { try score("measure base") }
        // Floors are fitted on the true strategies, whatever the model was trained on.
        let floors = try TextBlindFloors(corpus)
        return DemoMeasurement(
            base: base, tuned: try score("measure tuned"),
            floors: try floors.scores(test: heldOut.map { $0.strategies.map(\.rawValue) }))
    }

    func result(_ tuning: Tuning, _ measurement: DemoMeasurement, seconds: Double) -> DemoResult {
        let floor = measurement.bestFloor
        return DemoResult(
            data: data.name, model: modelName,
            perplexity: .init(
                base: measurement.base.perplexity.estimate, tuned: measurement.tuned.perplexity.estimate),
            strategy: .init(
                accuracy: .init(
                    base: measurement.base.accuracy.estimate, tuned: measurement.tuned.accuracy.estimate,
                    floor: floor.accuracy),
                macroF1: .init(
                    base: measurement.base.macroF1.estimate, tuned: measurement.tuned.macroF1.estimate,
                    floor: floor.macroF1)),
            seconds: seconds, conversations: measurement.tuned.conversations, turns: measurement.tuned.turns,
            trainedTokens: tuning.tokens, shuffledStrategies: settings.data.shufflesStrategies,
            reusedAdapter: tuning.isReused, precision: settings.precision.resolved.rawValue,
            commit: SourceCommit.current())
    }

    // MARK: Talking

    /// Both models go on with a held-out conversation at one of its answers: the first conversation that has one after
    /// four turns.
    /// - Throws: `Failure` where no held-out conversation has an answer.
    func talk(_ tuning: Tuning) async throws -> Talk {
        func answer(_ conversation: SupportConversation, after turns: Int) -> Int? {
            conversation.turns.indices.first { $0 >= turns && conversation.turns[$0].speaker == .supporter }
        }
        guard
            let (conversation, place) = [4, 1].lazy.flatMap({ turns in
                corpus.test.lazy.compactMap { found in answer(found, after: turns).map { (found, $0) } }
            }).first
        else { throw Failure("\(corpus.origin): no held-out conversation has an answer of the supporter") }
        let context = SupportConversation(
            situation: conversation.situation, problem: conversation.problem, emotion: conversation.emotion,
            messages: Array(conversation.turns[..<place]))
        let messages = SupportDialogueFormat.messages(context)
        var options = GenerationOptions(maximumTokens: 80)
        options.repetitionPenalty = 1.1
        func reply(adapted: Bool) async throws -> String {
            let speaker = try await TensorActor.run { try self.speaker(tuning, adapted: adapted) }
            return try await speaker.complete(messages, options: options).message.content
        }
        let held = conversation.turns[place]
        return Talk(
            context: context.turns, base: try await reply(adapted: false), tuned: try await reply(adapted: true),
            held: (held.strategy.map { "\(SupportDialogueFormat.prefix($0)) " } ?? "") + held.text)
    }

    @TensorActor
    private func speaker(_ tuning: Tuning, adapted: Bool) throws -> LocalModel {
        let opened = try BaseModel.load(adapted ? tuning.adapter : model, precision: settings.precision)
        let tokenizer = opened.tokenizer
        return try LocalModel(
            name: adapted ? "tuned" : "base", decoder: opened.decoder, tokenizer: tokenizer,
            template: SupportDialogueFormat.template)
    }
}

extension DemoMeasurement.SupportScores {
    init(_ score: SupportScore) throws {
        self.init(
            perplexity: try score.words.interval(), accuracy: try score.accuracy(), macroF1: try score.macroF1(),
            conversations: score.conversations, turns: score.turns, words: score.words)
    }
}
