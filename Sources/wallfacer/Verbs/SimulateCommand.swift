import ArgumentParser
import Experiments
import Foundation
import Recommendation
import Tensors
import Training
import Worlds

extension HierarchicalAgentRecipe.Preset: ExpressibleByArgument {}

struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Let policies act in a simulated world and see what becomes of it.",
        discussion: """
              wallfacer simulate feed --policy random popularity planning-oracle
            """,
        subcommands: [Feed.self])

    struct Feed: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Serve the users of a feed, policy beside policy, under the same luck.",
            discussion: """
                  wallfacer simulate feed --policy random popularity planning-oracle
                  wallfacer simulate feed --policy popularity hierarchical-agent-1
                  wallfacer simulate feed --policy random popularity --report feed.html
                  wallfacer simulate feed --policy random myopic-oracle --world null --json
                  wallfacer simulate feed --policy random planning-oracle --page 4

                Policies that need no training: \(FeedSimulation.builtIn.joined(separator: ", ")). Trained \
                ones are named by run or folder: hierarchical-agent; session-context and recommend-… \
                where they learned from the built-in feed. They bring their own world; together they \
                need one: the same world, items and seed (recommend-… has 300 items and seed 1).

                The first policy is what the others are compared with, user by user. Clicks are the \
                world's true probabilities.
                """)

        @Option(
            parsing: .upToNextOption,
            help: ArgumentHelp(
                "Policies, one or more; the first is what the others are compared with.", valueName: "name"))
        var policy: [String]

        @Option(parsing: .unconditional, help: ArgumentHelp("How many users.", valueName: "n"))
        var users = FeedSimulation.Settings().users

        @Option(parsing: .unconditional, help: ArgumentHelp("How many days.", valueName: "n"))
        var days = FeedSimulation.Settings().days

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp("Of the luck; of the world too, where no policy was trained.", valueName: "n"))
        var seed = FeedSimulation.Settings().seed

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp("Items; 300, or what trained policies know.", valueName: "n"))
        var items: Int?

        @Option(
            help: """
                longTerm: what is shown decides who comes back; null: it does not; twoTopics: it does, and which of two \
                topics is best is known.
                """)
        var world: HierarchicalAgentRecipe.Preset?

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp(
                "Items that a policy fixes at a time, before any of them is seen: 1, slot by slot, to 50.",
                valueName: "n"))
        var page = FeedSimulation.Settings().page

        @Option(
            help: ArgumentHelp(
                "Write survival of sessions and reward over days as one HTML file.", valueName: "file"))
        var report: String?

        @OptionGroup var threads: ThreadOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            for (name, value, least) in [("users", users, 1), ("days", days, 1), ("seed", seed, 0)] where value < least
            {
                throw ValidationError("--\(name) is \(value); allowed: from \(least) up")
            }
            let pages = FeedSimulation.pageLengths
            guard pages.contains(page) else {
                throw ValidationError("--page is \(page); allowed: \(pages.lowerBound) to \(pages.upperBound)")
            }
            if let items, items < 20 { throw ValidationError("--items is \(items); allowed: from 20 up") }
        }

        func run() async throws {
            try output.check()
            if let report { try OutputFile.check(report) }
            var settings = FeedSimulation.Settings()
            (settings.users, settings.days, settings.seed) = (users, days, seed)
            (settings.items, settings.preset, settings.page) = (items, world, page)
            let simulation = try FeedSimulation(policy, settings) { try Self.locate($0) }
            threads.apply()
            let reports = try await TensorActor.run { try Self.serve(simulation) }
            let result = try simulation.result(reports)
            if let report { try OutputFile.write(Data(result.report.html().utf8), to: report) }
            try output.write(result, tables: [result.table])
        }

        /// Runs the policies with a live table of how far each is.
        @TensorActor
        private static func serve(_ simulation: FeedSimulation) throws -> [FeedReport] {
            var live: [FeedSimulation.Live] = []
            var table = LiveTable()
            defer { table.clear() }
            return try simulation.run { now in
                if live.last?.policy == now.policy { live.removeLast() }
                live.append(now)
                table.show(Self.table(live, of: simulation), atOnce: now.usersLeft == 0)
            }
        }

        private static func table(_ live: [FeedSimulation.Live], of simulation: FeedSimulation) -> Table {
            var table = Table(
                "Feed",
                columns: ["policy", "users left", "views", "clicks", "click rate", "length", "return"],
                note: "length: views a session; return: days to the next session")
            for row in live {
                table.append([
                    .text(row.policy), .integer(row.usersLeft), .integer(row.views), .integer(row.clicks),
                    .percent(Double(row.clicks) / Double(max(1, row.views))),
                    .number(row.viewsPerSession, decimals: 2), .number(row.meanGap, decimals: 2),
                ])
            }
            for name in simulation.policyNames.dropFirst(live.count) {
                table.append([.text(name)] + [Table.Cell](repeating: .empty, count: 6))
            }
            return table
        }

        private static func locate(_ name: String) throws -> URL {
            do {
                return try ModelPlace.locate(name)
            } catch {
                throw Failure(
                    "\(name): no policy and no trained model; policies are \(FeedSimulation.builtIn.joined(separator: ", "))\n"
                        + "\(error)")
            }
        }
    }
}
