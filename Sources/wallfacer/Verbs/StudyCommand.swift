import ArgumentParser
import Corpora
import Experiments
import Foundation
import Layers
import Studies
import Tensors
import Training

extension Scale: ExpressibleByArgument {}

struct StudyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "study",
        abstract: "Re-do a published claim at small scale, against tuned baselines, with a control that must fail.",
        discussion: """
              wallfacer study list
              wallfacer study run qwen-context --scale smoke    seconds: all of it runs
              wallfacer study run qwen-context                  minutes: a verdict
              wallfacer study run qwen-context --ablate         nothing may hold now
              wallfacer study tune slate-sanity                 the search for settings

            A claim holds where, over at least 5 seeds, the 95 % interval of the paired differences lies above the \
            margin and the control does not hold. --ablate runs the controls in the methods' place.
            """,
        subcommands: [List.self, Run.self, Tune.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "All studies with their claims.")

        @OptionGroup var output: OutputOptions

        func run() throws {
            var table = Table("", columns: ["study", "claims", "world", "quick", "what"])
            for study in StudyList.all {
                table.append([
                    .text(study.id), .integer(study.claims.count), .text(study.world.rawValue),
                    .text(study.budget(.quick).text), .text(study.summary),
                ])
            }
            try output.write(StudyList.all.map(StudyDescription.init), tables: [table])
        }
    }

    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run a study to its verdict.",
            discussion: """
                Studies compute in f32. An interrupted study goes on after its last measured seed when it is \
                started again. The exit code is 0 whatever the verdict.
                """)

        @Argument(help: "A study from `wallfacer study list`.")
        var study: String

        @Option(help: "How much is run: smoke (seconds, no verdict), quick (minutes), full (hours).")
        var scale: Scale = .quick

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp("How many seeds; the scale's own number if not said.", valueName: "n"))
        var seeds: Int?

        @Flag(help: "Run the controls in the methods' place: no claim may hold then.")
        var ablate = false

        @Option(help: ArgumentHelp("Write the result as JSON.", valueName: "file"))
        var output: String?

        @Option(help: ArgumentHelp("Write a report as one HTML file.", valueName: "file"))
        var report: String?

        @Flag(help: "Print JSON, for scripts.")
        var json = false

        @OptionGroup var compute: ThreadOptions

        /// All studies compute so.
        private static let precision = Precision.f32

        func validate() throws {
            if let seeds, seeds < 1 { throw ValidationError("--seeds is \(seeds); allowed: from 1 up") }
        }

        func run() async throws {
            let study = try StudyList.named(study)
            for file in [output, report].compactMap(\.self) { try OutputFile.check(file) }
            compute.apply()
            StandardError.write("\(study.id), \(Self.precision.rawValue), threads: \(Runtime.threadCount)")
            let count = seeds ?? study.budget(scale).seeds
            let progress = ProgressBar(title: study.id, steps: max(1, count))
            let runner = StudyRunner(
                environment: .current(threads: Runtime.threadCount, precision: Self.precision.rawValue),
                cacheFolder: WallfacerHome.current.studies,
                progress: { progress.update(step: $0.seedsDone, note: $0.note) })
            let result = try await runner.run(study, scale: scale, seeds: seeds, ablate: ablate)
            progress.finish()
            if let output { try OutputFile.write(StableJSON.data(result), to: output) }
            if let report {
                let page = Report(study: result, summary: study.summary)
                try OutputFile.write(Data(page.html().utf8), to: report)
            }
            if json { return try StandardOutput.write(StableJSON.text(result)) }
            let width = Terminal.showsOutput ? Terminal.width(of: STDOUT_FILENO) : nil
            try StandardOutput.line("\(study.id): \(study.paper)\n\(study.summary)\n")
            try StandardOutput.line(
                ([result.claimTable] + result.tables).map { $0.terminalText(width: width) }.joined(separator: "\n"))
        }
    }

    struct Tune: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Repeat the search for a study's settings: no baseline has fewer tries.",
            discussion: """
                  wallfacer study tune slate-sanity
                  wallfacer study tune hierarchical-agent --scale quick --seeds 2 --json
                  wallfacer study tune hierarchical-agent --learner two-level --learner flat

                Worlds of the search are not among those that the study measures. Nothing is changed: the table \
                says which settings are best and which the study uses.
                """)

        @Argument(help: "A study from `wallfacer study list` that has a search.")
        var study: String

        @Option(help: "How much is trained for each try: smoke, quick or full.")
        var scale: Scale = .quick

        @Option(parsing: .unconditional, help: ArgumentHelp("How many validation seeds.", valueName: "n"))
        var seeds = 1

        @Option(
            name: .customLong("learner"),
            help: ArgumentHelp("Search for this learner only; give it again for more.", valueName: "name"))
        var learners: [String] = []

        @OptionGroup var compute: ThreadOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if seeds < 1 { throw ValidationError("--seeds is \(seeds); allowed: from 1 up") }
        }

        func run() async throws {
            guard let study = try StudyList.named(study) as? any TunedStudy else {
                let tuned = StudyList.all.filter { $0 is any TunedStudy }.map(\.id)
                throw Failure.badUsage("study \(study): has no search; there are \(tuned.joined(separator: ", "))")
            }
            let trials = study.trials(scale)
            let known = trials.reduce(into: [String]()) { if !$0.contains($1.learner) { $0.append($1.learner) } }
            if let stranger = learners.first(where: { !known.contains($0) }) {
                throw Failure.badUsage("--learner is \(stranger); there are \(known.joined(separator: ", "))")
            }
            try output.check()
            compute.apply()
            let searched = trials.count { learners.isEmpty || learners.contains($0.learner) }
            let progress = ProgressBar(title: study.id, steps: searched)
            let runner = StudyRunner(
                environment: .current(threads: Runtime.threadCount, precision: Precision.f32.rawValue),
                progress: { progress.update(step: $0.seedsDone, note: $0.note) })
            let result = try await runner.tune(study, scale: scale, seeds: seeds, learners: learners)
            progress.finish()
            try output.write(result, tables: [result.table])
        }
    }
}
