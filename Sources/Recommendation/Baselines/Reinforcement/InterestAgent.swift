import Evaluation
import Layers
import Tensors

/// The deep interest network (DIN, Zhou et al. 2018) in the feed, greedy by click probability: the last 12 clicked items are
/// pooled by their relation to each candidate.
///
/// ``TargetAttention`` on the catalogue's vectors, with tanh in place of Dice: nothing depends on a batch then, and as the
/// attention of two items is the same for every user, serving computes it once for all pairs.
package final class InterestAgent: FeedAgent {
    package struct Settings: Sendable, Equatable {
        package var attentionHidden = 16
        package var hidden = 64
        /// On the log, and on what was served.
        package var warmRate = 5e-4
        package var rate = 2e-3

        package init() {}
    }

    /// Clicked items that are looked at.
    package static let historyLength = 12

    package let name = "interest-network"
    package let catalogue: FeedCatalogue
    package let optionWidth = 0
    package let lag = 0
    package let carriesState = true
    private let network: InterestNetwork
    private let warmOptimizer: NetworkOptimizer
    private let optimizer: NetworkOptimizer
    /// Of all pairs `[items + 1, items]`, until the next update; the first row is nothing.
    private var pairWeights: Tensor?

    package init(_ catalogue: FeedCatalogue, settings: Settings = Settings(), seed: UInt64) {
        self.catalogue = catalogue
        let network = InterestNetwork(catalogue, settings: settings, from: RandomSource(seed: seed))
        network.train()
        self.network = network
        warmOptimizer = NetworkOptimizer(network.parameters, rate: settings.warmRate)
        optimizer = NetworkOptimizer(network.parameters, rate: settings.rate)
    }

    package var sessionWidth: Int { FeedSession.contextWidth }
    package var stateWidth: Int { Self.historyLength }

    package func begin(history: Tensor, context: Tensor, noise: Double, random: RandomSource) -> Tensor { context }

    /// Items are stored one higher, so that 0 is nothing.
    package func advance(_ state: Tensor, items: Tensor, clicks: Tensor, slots: Tensor) -> Tensor {
        let shifted = Tensor.concatenated(
            [
                state.slice(1..<Self.historyLength, along: 1),
                (items.cast(to: .float32) + 1.0).expanded(axis: 1),
            ], along: 1)
        return shifted.chosen(where: clicks.isGreater(than: 0.5).expanded(axis: 1), otherwise: state)
    }

    package func scores(
        state: Tensor, session: Tensor, slots: Tensor, shown: [[Int32]], noise: Double, random: RandomSource
    ) -> Tensor {
        let pairs = pairWeights ?? network.pairWeights()
        pairWeights = pairs
        return network.scores(windows: state.cast(to: .int64), context: session, pairWeights: pairs)
    }

    /// Click logits of chosen items `[rows]`, for windows `[rows, 12]`, as training sees them.
    package func logits(windows: Tensor, items: Tensor, context: Tensor) -> Tensor {
        network.logits(windows: windows, items: items, context: context)
    }

    package func warmUp(
        _ replay: FeedReplay, sessions: Int, using generator: inout SeededGenerator, progress: Double
    ) throws {
        try fit(replay, sessions: sessions, using: &generator, warmOptimizer, progress)
    }

    package func learn(
        _ replay: FeedReplay, sessions: Int, using generator: inout SeededGenerator, progress: Double
    ) throws {
        try fit(replay, sessions: sessions, using: &generator, optimizer, progress)
    }

    private func fit(
        _ replay: FeedReplay, sessions: Int, using generator: inout SeededGenerator, _ optimizer: NetworkOptimizer,
        _ progress: Double
    ) throws {
        let batch = InterestBatch(replay, rows: replay.rows(sessions, using: &generator))
        let logits = network.logits(windows: batch.windows, items: batch.items, context: batch.context)
        try optimizer.descend(logits.binaryCrossEntropy(batch.clicks), progress: progress)
        pairWeights = nil
    }
}

/// Windows of clicked items, a candidate and the context lead to a click logit.
final class InterestNetwork: Layer {
    private let embeddings: Tensor  // [items, dimensions]
    private let table: Tensor  // the same below a row of 0
    private let unit: Linear
    private let weight: Linear
    private let fromInterest: Linear
    private let fromItem: Linear
    private let fromContext: Linear
    private let output: Linear

    init(_ catalogue: FeedCatalogue, settings: InterestAgent.Settings, from source: RandomSource) {
        let width = catalogue.dimensions
        embeddings = catalogue.embeddings
        table = .concatenated([.zeros([1, width]), embeddings])
        unit = .glorot(4 * width, settings.attentionHidden, from: source)
        weight = .glorot(settings.attentionHidden, 1, from: source)
        fromInterest = .glorot(width, settings.hidden, from: source)
        fromItem = .glorot(width, settings.hidden, from: source)
        fromContext = .glorot(FeedSession.contextWidth, settings.hidden, from: source)
        output = .glorot(settings.hidden, 1, from: source)
    }

    /// `a(e_j, e_t)`: `[..., dimensions]` both to `[...]`.
    private func attention(_ own: Tensor, _ goal: Tensor) -> Tensor {
        weight(unit(.concatenated([own, goal, own - goal, own * goal], along: -1)).tanh()).squeezed(axis: -1)
    }

    private func logits(interest: Tensor, items: Tensor, context: Tensor) -> Tensor {
        output((fromInterest(interest) + fromItem(items) + fromContext(context)).relu()).squeezed(axis: -1)
    }

    /// One candidate a row: windows `[rows, 12]`, items `[rows]` (numbered from 0), context `[rows, context]` to `[rows]`.
    func logits(windows: Tensor, items: Tensor, context: Tensor) -> Tensor {
        let own = table.rows(windows)  // [rows, 12, dimensions]
        let goal = embeddings.rows(items)  // [rows, dimensions]
        let filled = windows.isGreater(than: 0).cast(to: .float32)
        let weights = attention(own, goal.expanded(axis: 1).broadcast(to: own.shape)) * filled
        return logits(interest: (own * weights.expanded(axis: 2)).sum(along: 1), items: goal, context: context)
    }

    /// The attention of every pair of items: `[items + 1, items]`, 0 for nothing.
    func pairWeights() -> Tensor {
        let (count, width) = (embeddings.size(0), embeddings.size(1))
        // A few rows at a time bound the memory.
        let rows = stride(from: 0, to: count, by: 64).map { start -> Tensor in
            let own = embeddings.slice(start..<min(start + 64, count), along: 0)
            let shape = [own.size(0), count, width]
            return attention(
                own.expanded(axis: 1).broadcast(to: shape), embeddings.expanded(axis: 0).broadcast(to: shape))
        }
        return .concatenated([.zeros([1, count])] + rows)
    }

    /// All candidates: windows `[lanes, 12]`, context `[lanes, context]` to `[lanes, items]`.
    func scores(windows: Tensor, context: Tensor, pairWeights: Tensor) -> Tensor {
        let weights = pairWeights.rows(windows)  // [lanes, 12, items]
        let interest = weights.transposed(1, 2).matmul(table.rows(windows))  // [lanes, items, dimensions]
        return logits(
            interest: interest, items: embeddings,
            context: context.expanded(axis: 1))
    }

    func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        let layers = [
            ("unit", unit), ("weight", weight), ("fromInterest", fromInterest), ("fromItem", fromItem),
            ("fromContext", fromContext), ("output", output),
        ]
        for (name, layer) in layers { layer.visitParameters(path / name, visit) }
    }
}

/// Views with the items clicked strictly before them.
package struct InterestBatch {
    /// `[views, 12]`, stored one higher; 0 is nothing.
    package let windows: Tensor
    /// `[views]`.
    package let items: Tensor
    package let clicks: Tensor
    /// `[views, context]`.
    package let context: Tensor

    package init(_ replay: FeedReplay, rows: [Int]) {
        let length = InterestAgent.historyLength
        var windows: [Int] = []
        var items: [Int] = []
        var clicks: [Float] = []
        var context: [Float] = []
        for row in rows {
            let session = replay.sessions[row]
            let known = FeedSession.context(
                day: session.day, gap: session.gapBefore, demographic: session.demographic)
            var window = replay.clickedBefore(row, count: length).map { $0 + 1 }
            window = [Int](repeating: 0, count: length - window.count) + window
            for (item, clicked) in zip(session.items, session.clicks).prefix(FeedReplay.sessionLength) {
                windows += window
                items.append(Int(item))
                clicks.append(clicked ? 1 : 0)
                context += known
                if clicked { window = Array(window.dropFirst()) + [Int(item) + 1] }
            }
        }
        self.windows = Tensor(windows, shape: [items.count, length])
        self.items = Tensor(items)
        self.clicks = Tensor(clicks)
        self.context = Tensor(context, shape: [items.count, FeedSession.contextWidth])
    }
}
