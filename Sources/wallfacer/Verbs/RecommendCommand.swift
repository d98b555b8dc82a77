import ArgumentParser
import Corpora
import Experiments
import Foundation
import Recommendation
import Tensors
import Training

struct RecommendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recommend",
        abstract: "Recommend items to a user with a trained recommender.",
        discussion: """
              wallfacer recommend recommend-sasrec-1 --history 12,7,301
              wallfacer recommend recommend-bpr-1 --user u42 --count 20 --json
              wallfacer recommend recommend-gru4rec-1 --user u42 --known-history
              wallfacer recommend recommend-din-1 --user u42 --candidates shelf.txt
              wallfacer recommend session-context-1 --history 12,7,301
              wallfacer recommend hierarchical-agent-1 --user u42 --history 12,7

            Items of the history are not recommended again. Unknown items are passed over and named. Where the model \
            knows neither the user nor the history, the most popular items are given and it says so. A session-context \
            gives a list of the highest expected value, slot by slot. For a hierarchical-agent the history is what was \
            clicked in the session that goes on.
            """)

    @Argument(help: "A trained recommender by its name or folder.")
    var model: String

    @Option(help: ArgumentHelp("The user as the training data name them.", valueName: "user"))
    var user: String?

    @Option(
        help: ArgumentHelp(
            "Items met so far, oldest first, with commas between; quoted as in CSV if they have commas.",
            valueName: "items"))
    var history: String?

    @Flag(help: "Before --history, what the user met in the training data, which are read again.")
    var knownHistory = false

    @Option(help: ArgumentHelp("Where the user asks, of a model of several domains.", valueName: "domain"))
    var domain: String?

    @Option(help: ArgumentHelp("A file with one candidate a line; all items if not said.", valueName: "file"))
    var candidates: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("How many items.", valueName: "n"))
    var count = 10

    @OptionGroup var threads: ThreadOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if count < 1 { throw ValidationError("--count is \(count); allowed: from 1 up") }
        if user == nil, history == nil { throw ValidationError("give --user, --history or both") }
        if knownHistory, user == nil { throw ValidationError("--known-history is of a user; give --user") }
    }

    func run() async throws {
        try output.check()
        let folder = try ModelPlace.locateRecommender(model)
        try ArtefactManifest.verifyOpening(folder)
        let met = try CommaSeparatedNames.parse(history ?? "", source: "--history")
        let pool = try candidates.map { try Self.candidates(InputText.lines(file: $0)) }
        let (user, domain, count, readsKnown) = (user, domain, count, knownHistory)
        threads.apply()
        let (answer, method, readsHistories) = try await TensorActor.run {
            let saved = try SavedRecommender.open(folder)
            let known = try readsKnown ? user.map { try SavedRecommender.history(ofUser: $0, in: folder) } ?? [] : []
            let answer = try saved.recommend(
                user: user, history: known + met, domain: domain, count: count, candidates: pool)
            return (answer, saved.method, saved.readsHistories)
        }
        if !answer.unknownItems.isEmpty {
            StandardError.write("unknown items, passed over: \(CommaSeparatedNames.text(answer.unknownItems))")
        }
        if let user, !answer.isUserKnown { StandardError.write("user \(user) is not in the training data") }
        if !answer.isDomainKnown {
            StandardError.write(
                domain.map { "domain \($0) is not in the training data" }
                    ?? "no --domain: the model was trained with several")
        }
        if answer.isFallback {
            let reason =
                readsHistories
                ? "reads histories, and --history has no known item (see --known-history)" : "does not know this user"
            StandardError.write("\(method) \(reason): these are the most popular items")
        } else if readsHistories, met.isEmpty, !readsKnown {
            StandardError.write(
                "\(method) reads histories, and there is none: this is its answer for anyone (see --known-history)")
        }
        if answer.items.isEmpty { StandardError.write("all known candidates are in the history: nothing is left") }
        let result = RecommendedItems(
            model: folder.path, method: method, user: user, items: answer.items, unknownItems: answer.unknownItems,
            isUserKnown: answer.isUserKnown, isDomainKnown: answer.isDomainKnown, isFallback: answer.isFallback)
        var table = Table("Recommended", columns: ["item", "score"])
        for item in answer.items { table.append([.text(item.item), .number(Double(item.score))]) }
        try output.write(result, tables: [table])
    }

    /// One a line, without surrounding blanks and the mark that some editors put before the first.
    private static func candidates(_ lines: [String]) -> [String] {
        let blanks = CharacterSet.whitespacesAndNewlines.union(["\u{FEFF}"])
        return lines.map { $0.trimmingCharacters(in: blanks) }.filter { !$0.isEmpty }
    }
}

/// What `recommend --json` prints.
private struct RecommendedItems: Encodable {
    let model: String
    let method: String
    let user: String?
    let items: [SavedRecommender.Answer.Item]
    let unknownItems: [String]
    let isUserKnown: Bool
    let isDomainKnown: Bool
    let isFallback: Bool
}
