import ArgumentParser
import Corpora
import Experiments
import Foundation
import LanguageModel
import Layers
import PostTraining
import Tensors
import Training

/// The main job from end to end: fine-tune a real model, measure it before and after, let both talk, write a report.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Fine-tune a small model on support conversations, measure it, and let it talk.",
        discussion: """
            SmolLM2-135M-Instruct learns from support conversations with a low-rank adapter, a few minutes on two cores. \
            Base and tuned model are then measured on held-out conversations, both continue one of them, and a report \
            is written.

              wallfacer demo                          train once, then measure and talk
              wallfacer demo --retrain                train again
              wallfacer demo --shuffle-strategies     the control: shuffled strategies
              wallfacer demo --conversations 98       measure on more conversations

            ESConv is used where it is found or can be downloaded; otherwise a built-in simulator serves.
            """)

    @Option(help: ArgumentHelp("The model to tune.", valueName: "name|path"))
    var model = "SmolLM2-135M-Instruct"

    @Option(help: ArgumentHelp("Tokens to train on.", valueName: "n"))
    var tokens = 60_000

    @Option(help: ArgumentHelp("Stop training after so many seconds.", valueName: "s"))
    var seconds = 360.0

    @Option(help: ArgumentHelp("Held-out conversations to measure on.", valueName: "n"))
    var conversations = 20

    @Option(help: ArgumentHelp("Seed of order and adapter.", valueName: "n"))
    var seed = 0

    @Option(help: "auto, f32 or bf16.")
    var precision = Precision.auto

    @Flag(help: "Train again even if there is an adapter of this demo.")
    var retrain = false

    @Flag(help: "The control: train on strategies dealt out at random.")
    var shuffleStrategies = false

    @Flag(help: "Use the simulator even where ESConv is at hand.")
    var simulated = false

    @Option(help: ArgumentHelp("The folder of the report and demo.json.", valueName: "folder"))
    var output: String?

    @OptionGroup var threads: ThreadOptions

    func validate() throws {
        for (name, value) in [("--tokens", tokens), ("--conversations", conversations)] where value < 1 {
            throw ValidationError("\(name) is \(value); allowed: at least 1")
        }
        if !(seconds > 0) { throw ValidationError("--seconds is \(seconds); allowed: above 0") }
        if seed < 0 { throw ValidationError("--seed is \(seed); allowed: at least 0") }
    }

    func run() async throws {
        threads.apply()
        Interruption.install()
        let started = Date()
        let home = WallfacerHome.current
        let folder =
            output.map { URL(fileURLWithPath: ($0 as NSString).expandingTildeInPath, isDirectory: true) }
            ?? home.data.appending(path: shuffleStrategies ? "demo-shuffled" : "demo", directoryHint: .isDirectory)
        let page = folder.appending(path: "report.html")
        // Minutes of work must not end at a folder that takes nothing.
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw Failure("\(folder.path): cannot be made: \(SystemReason.text(error))")
        }
        try OutputFile.check(page.path)
        let say: @Sendable (String) -> Void = { StandardError.write($0) }
        let file = try ModelDirectory(home: home).locate(model)
        let data =
            simulated
            ? DemoData.simulator
            : try await DemoData.find(home: home, mayDownload: true, say: say)
        say("model: \(model), precision \(precision.resolved.rawValue), \(Runtime.threadCount) threads")
        let demo = Demo(
            home: home, data: data, corpus: try data.corpus(home: home), model: file, modelName: model,
            settings: settings(data), retrain: retrain,
            conversations: conversations, say: say)
        let (tuning, measurement) = try await TensorActor.run {
            let tuning = try demo.train()
            return (tuning, try demo.measure(tuning))
        }
        try StandardOutput.line(measurement.table.terminalText())
        try StandardOutput.line(measurement.floorTable.terminalText())
        let talk = try await demo.talk(tuning)
        try StandardOutput.line(talk.text)

        let result = demo.result(tuning, measurement, seconds: Date().timeIntervalSince(started))
        do {
            try StableJSON.write(result, to: folder.appending(path: "demo.json"))
            try DemoReport(result: result, tuning: tuning, measurement: measurement, talk: talk).report
                .write(to: page)
        } catch {
            throw Failure("\(folder.path): the report cannot be written: \(SystemReason.text(error))")
        }
        try StandardOutput.line("report: \(page.path)")
    }

    /// The recipe of the demo: a small adapter and a step every 1,024 tokens.
    private func settings(_ data: DemoData) -> SupervisedFineTuningRecipe {
        var settings = SupervisedFineTuningRecipe()
        settings.model = model
        settings.data.train = data.recipeName
        settings.data.shufflesStrategies = shuffleStrategies
        // A strategy is a few tokens among the many of a turn.
        settings.data.strategyWeight = 4
        settings.adapter.rank = 16
        settings.adapter.alpha = 32
        settings.adapter.dropout = 0
        settings.optimizer.learningRate = 1e-3
        settings.optimizer.weightDecay = 0
        settings.optimizer.warmUpShare = 0.1
        settings.budget.tokens = tokens
        settings.budget.seconds = seconds
        settings.budget.length = 1024
        settings.budget.rows = 1
        // Enough to see in the record that nothing went wrong; test conversations are measured afterwards.
        settings.budget.heldOutTexts = 10
        settings.precision = precision
        settings.seed = seed
        return settings
    }
}
