import ArgumentParser
import Corpora
import Experiments
import Foundation
import Studies
import Training

struct RunsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs",
        abstract: "What was trained: list, show, compare, report.",
        discussion: """
              wallfacer runs list --method sft
              wallfacer runs show sft-3
              wallfacer runs compare sft-2 sft-3
              wallfacer runs report sft-3      one HTML file with curves, tables and recipe
            """,
        subcommands: [List.self, Show.self, Compare.self, Report.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "All runs, newest first.")

        @Option(help: ArgumentHelp("Only runs of this method.", valueName: "name"))
        var method: String?

        @OptionGroup var output: OutputOptions

        func run() throws {
            if let method { _ = try MethodList.named(method) }
            let store = try RunStore()
            let runs = try store.runs(method: method)
            if runs.isEmpty, !output.json {
                return StandardError.write("no runs yet; `wallfacer train --help` shows how to start one")
            }
            try output.write(runs, tables: [store.listTable(method: method)])
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "One run: status, last values, events, recipe.")

        @Argument(help: ArgumentHelp("For example sft-3, or its name.", valueName: "run"))
        var name: String

        @OptionGroup var output: OutputOptions

        func run() throws {
            let store = try RunStore()
            let found = try store.find(name)
            let page = try RunPage(
                run: found, metrics: store.lastMetrics(found.id).filter(\.value.isFinite),
                events: store.events(found.id))
            try output.write(page, text: { page.text })
        }
    }

    struct Compare: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The settings in which runs differ, and the last value of every metric.")

        @Argument(help: "Two or more runs.")
        var runs: [String]

        @OptionGroup var output: OutputOptions

        func validate() throws {
            if runs.count < 2 { throw ValidationError("comparing needs at least two runs") }
        }

        func run() throws {
            let store = try RunStore()
            let tables = try store.compareTables(runs.map { try store.find($0).id })
            try output.write(tables, tables: tables)
        }
    }

    struct Report: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write one self-contained HTML file with curves, tables and the recipe.")

        @Argument(help: ArgumentHelp("For example sft-3, or its name.", valueName: "run"))
        var name: String

        @Option(help: ArgumentHelp("Where to write it; beside the runs if not said.", valueName: "file"))
        var output: String?

        func run() throws {
            if let output { try OutputFile.check(output) }
            let store = try RunStore()
            let id = try store.find(name).id
            let report = try store.report(id)
            let reports = WallfacerHome.current.data.appending(path: "reports", directoryHint: .isDirectory)
            let file = output ?? reports.appending(path: "\(id).html").path
            if output == nil {
                try FileManager.default.createDirectory(at: reports, withIntermediateDirectories: true)
            }
            try OutputFile.write(Data(report.html().utf8), to: file)
            try StandardOutput.line(file)
        }
    }
}

/// What `runs show` says.
private struct RunPage: Encodable {
    let run: Run
    let metrics: [String: Double]
    let events: [RunEvent]

    var text: String {
        var facts: [(String, String?)] = [
            ("run", run.id), ("name", run.name), ("method", run.method), ("status", run.status.rawValue),
            ("message", run.message), ("started", run.created.formatted(.iso8601)),
            ("took", run.seconds.map { Numbers.duration(seconds: $0) }), ("machine", run.environment.text),
            ("commit", run.commit), ("base", run.baseFingerprint), ("artefact", run.artefact),
        ]
        facts += metrics.sorted { $0.key < $1.key }.map { ($0.key, Numbers.short($0.value)) }
        let width = facts.map(\.0.count).max() ?? 0
        var lines = facts.compactMap { name, value in
            value.map { name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + $0 }
        }
        if !events.isEmpty {
            lines += ["", "events"] + events.map { "  step \($0.step)  \($0.kind)  \($0.text)" }
        }
        lines += ["", "recipe"] + run.recipe.split(separator: "\n").map { "  \($0)" }
        return lines.joined(separator: "\n") + "\n"
    }
}
