import Corpora
import Experiments
import Foundation
import PostTraining

/// The page that the demo leaves behind.
struct DemoReport {
    let result: DemoResult
    let tuning: Demo.Tuning
    let measurement: DemoMeasurement
    let talk: Demo.Talk

    var report: Report {
        Report(
            "Support conversations, base against tuned",
            subtitle: "\(result.model) with a low-rank adapter, \(result.data) conversations",
            sections: [
                Report.Section("In short", [.figures(figures), .text(summary)]),
                Report.Section("Training", [.chart(lossChart), .keyValues(trainingFacts)]),
                Report.Section(
                    "Measured", [.table(measurement.table), .chart(perplexityChart), .table(measurement.floorTable)]),
                Report.Section("One conversation, continued by both", [.columns(columns)]),
                Report.Section("Recipe", [.details("The whole recipe", [.code(tuning.recipe)])]),
            ],
            footer: "commit \(result.commit), precision \(result.precision)")
    }

    private var figures: [Report.Figure] {
        let strategy = result.strategy
        return [
            .init(
                "perplexity of supporter words", value: Numbers.short(result.perplexity.tuned),
                note: "base \(Numbers.short(result.perplexity.base))"),
            .init(
                "strategy accuracy", value: Numbers.short(strategy.accuracy.tuned),
                note: "base \(Numbers.short(strategy.accuracy.base)), floor \(Numbers.short(strategy.accuracy.floor))"),
            .init(
                "strategy macro-F1", value: Numbers.short(strategy.macroF1.tuned),
                note: "base \(Numbers.short(strategy.macroF1.base)), floor \(Numbers.short(strategy.macroF1.floor))"),
        ]
    }

    private var summary: String {
        let control =
            result.shuffledStrategies
            ? " This is the control: the strategies of the training conversations were dealt out at random, so the tuned "
                + "model should not beat the floor." : ""
        return
            "Measured on \(result.conversations) held-out conversations with \(result.turns) annotated supporter turns. "
            + "Perplexity counts only the words after the strategy in brackets; the strategy is the one whose text the "
            + "model finds likeliest. The floor is the best of four classifiers that never read the text." + control
    }

    private var lossChart: LineChart {
        LineChart(
            "Training loss", xLabel: "step", yLabel: "loss (nats per token)",
            series: [
                .init("loss", points: tuning.losses.map { (Double($0.step), $0.value) }, smoothing: 0.7)
            ])
    }

    private var perplexityChart: IntervalChart {
        IntervalChart(
            "Perplexity of supporter words, 95 % intervals", xLabel: "perplexity",
            rows: [
                .init("base", measurement.base.perplexity), .init("tuned", measurement.tuned.perplexity, colour: 1),
            ], reference: nil)
    }

    private var trainingFacts: [(key: String, value: String)] {
        [
            ("tokens", "\(tuning.tokens)"), ("seconds", Numbers.short(tuning.seconds)),
            ("ended", tuning.stopReason), ("adapter", tuning.isReused ? "reused" : "trained in this run"),
        ]
    }

    private var columns: [(heading: String, blocks: [Report.Block])] {
        [("base", talk.base), ("tuned", talk.tuned), ("held out", talk.held)].map { heading, answer in
            (heading, [.conversation(talk.context.suffix(3).map(message) + [reply(answer)])])
        }
    }

    private func message(_ turn: SupportTurn) -> Report.Message {
        turn.speaker == .seeker
            ? .init(.left, speaker: "seeker", text: turn.text)
            : .init(.right, speaker: "supporter", text: turn.text, mark: turn.strategy?.name)
    }

    private func reply(_ answer: String) -> Report.Message {
        let parsed = SupportDialogueFormat.parse(answer)
        return .init(.right, speaker: "answer", text: parsed.words, mark: parsed.strategy?.name)
    }
}
