import Tensors
import Worlds

/// Follows the users of a running feed: their past sessions, the open one, and what agents see of both.
struct FeedRecorder {
    private let catalogue: FeedCatalogue
    private let optionWidth: Int
    private(set) var runs: [[FeedSession]]
    private var open: [FeedSession]
    private var summaries: [[Float]]
    private let summaryWidth: Int

    init(_ catalogue: FeedCatalogue, optionWidth: Int, demographics: [Int32]) {
        self.catalogue = catalogue
        self.optionWidth = optionWidth
        summaryWidth = FeedSession.summaryWidth(catalogue, optionWidth: optionWidth)
        runs = [[FeedSession]](repeating: [], count: demographics.count)
        summaries = [[Float]](repeating: [], count: demographics.count)
        open = demographics.map { group in
            var session = FeedSession()
            session.demographic = Int(group)
            return session
        }
    }

    func session(_ lane: Int) -> FeedSession { open[lane] }

    mutating func setOption(_ option: ArraySlice<Float>, lane: Int) { open[lane].option = Array(option) }

    /// The histories `[lanes, history, summary]` and contexts of lanes whose session begins.
    func starts(_ lanes: [Int], lag: Int) -> (history: Tensor, context: Tensor) {
        let history = lanes.flatMap { FeedReplay.window(summaries[$0], width: summaryWidth, lag: lag) }
        let context = lanes.map { open[$0] }.flatMap {
            FeedSession.context(day: $0.day, gap: $0.gapBefore, demographic: $0.demographic)
        }
        return (
            Tensor(history, shape: [lanes.count, FeedReplay.historyLength, summaryWidth]),
            Tensor(context, shape: [lanes.count, FeedSession.contextWidth])
        )
    }

    mutating func observe(_ outcome: FeedOutcome) {
        let lane = Int(outcome.lane)
        open[lane].items.append(outcome.item)
        open[lane].clicks.append(outcome.clicked)
        guard outcome.endsSession else { return }
        var finished = open[lane]
        finished.day = Int(outcome.day)
        finished.gapAfter = Int(outcome.gapInDays)
        finished.isTerminal = outcome.ending == .churned
        runs[lane].append(finished)
        summaries[lane] += finished.summary(catalogue, optionWidth: optionWidth)
        var next = FeedSession()
        next.demographic = finished.demographic
        next.day = finished.day + finished.gapAfter
        next.gapBefore = finished.gapAfter
        open[lane] = next
    }
}
