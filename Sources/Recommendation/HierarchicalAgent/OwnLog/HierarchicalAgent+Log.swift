import Layers
import Reinforcement
import Tensors

extension HierarchicalAgent {
    /// Temperature of cosines in ``imitationLoss(_:batch:)``.
    private static let temperature = 0.1

    /// Behaviour cloning of what was liked, over the whole catalogue (spec 05 §1.4, warm start):
    /// `-mean over liked views of log softmax(w · e / (0.1 |w| |e|))_a`, with the mean length of items for both lengths.
    ///
    /// A log without dislikes says nothing else about what is not liked.
    /// - Parameter proto: `[views, dimensions]`.
    package func imitationLoss(_ proto: Tensor, batch: FeedSessionBatch) -> Tensor {
        let liked = batch.clicks.floats.enumerated().compactMap { $1 > 0 ? $0 : nil }
        guard !liked.isEmpty else { return Tensor(Float(0)) }
        let rows = Tensor(liked)
        let sharpness = 1 / (Self.temperature * max(catalogue.meanNorm * catalogue.meanNorm, 1e-6))
        let scores = proto.selected(rows, along: 0).matmul(catalogue.columns) * sharpness
        return scores.crossEntropy(batch.items.selected(rows, along: 0))
    }

    /// The proto-items of the views of logged sessions, each after the views before it: `[views, dimensions]`.
    func protos(_ batch: FeedSessionBatch) -> Tensor {
        withoutGradients {
            let (state, _) = states(batch, option: batch.options, network: lower.online)
            return lower.online.heads.proto(
                state, option: batch.perView(batch.options), freedom: configuration.lowerFreedom)
        }
    }

    /// Logged runs with the options that the upper level would have handed down, had it served them: `g_s = μ_H(o_s)`, in
    /// the order of time, since o_s holds earlier options.
    package func replayed(_ runs: [[FeedSession]]) -> [[FeedSession]] {
        var runs = runs
        let width = FeedSession.summaryWidth(catalogue, optionWidth: optionWidth)
        var summaries = [[Float]](repeating: [], count: runs.count)
        for place in 0..<(runs.map(\.count).max() ?? 0) {
            let open = runs.indices.filter { place < runs[$0].count }
            for start in stride(from: 0, to: open.count, by: Self.runsAtOnce) {
                let part = open[start..<min(start + Self.runsAtOnce, open.count)]
                let options = options(of: part.map { (runs[$0][place], summaries[$0]) }, width: width)
                for (row, run) in part.enumerated() {
                    runs[run][place].option = Array(options[(row * optionWidth)..<((row + 1) * optionWidth)])
                    summaries[run] += runs[run][place].summary(catalogue, optionWidth: optionWidth)
                }
            }
        }
        return runs
    }

    private static let runsAtOnce = 2048

    /// Options of sessions that begin after the sessions that are summed up beside each, oldest first.
    private func options(of sessions: [(session: FeedSession, summaries: [Float])], width: Int) -> [Float] {
        let history = sessions.flatMap { FeedReplay.window($0.summaries, width: width, lag: lag) }
        let contexts = sessions.flatMap {
            FeedSession.context(day: $0.session.day, gap: $0.session.gapBefore, demographic: 0)
        }
        return withoutGradients {
            option(
                upper.online, history: Tensor(history, shape: [sessions.count, FeedReplay.historyLength, width]),
                context: Tensor(contexts, shape: [sessions.count, FeedSession.contextWidth])
            ).floats
        }
    }
}
