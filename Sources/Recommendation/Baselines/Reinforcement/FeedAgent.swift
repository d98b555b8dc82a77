import Evaluation
import Layers
import Tensors

/// An agent that serves the feed: what it computes when a session begins, what it carries from view to view, and how it
/// scores the catalogue.
package protocol FeedAgent: AnyObject {
    var name: String { get }
    var catalogue: FeedCatalogue { get }
    /// Numbers of the option that the agent hands down in each session; 0 for agents of one level.
    var optionWidth: Int { get }
    /// The agent sees sessions at least so many before the current one.
    var lag: Int { get }
    /// Numbers that stay the same within a session.
    var sessionWidth: Int { get }
    var stateWidth: Int { get }

    /// What a session is played with.
    ///
    /// - Parameter noise: standard deviation of exploration on the option, relative to its length.
    /// - Returns: `[lanes, sessionWidth]`; the option comes first.
    func begin(history: Tensor, context: Tensor, noise: Double, random: RandomSource) -> Tensor

    /// Whether the state outlives a session; else each begins with 0.
    var carriesState: Bool { get }

    /// The state after a view: items `[lanes]`, clicks `[lanes]`; slots `[lanes, 1]` are those of the next view, in
    /// units of 20. Before the first view of all, clicks are 0.
    func advance(_ state: Tensor, items: Tensor, clicks: Tensor, slots: Tensor) -> Tensor

    /// Scores `[lanes, items]`.
    /// - Parameters:
    ///   - slots: `[lanes, 1]`, in units of 20.
    ///   - shown: for each lane the items of its session so far, which are not shown again whatever they score; empty where
    ///     all are open.
    ///   - noise: standard deviation of exploration on the action, relative to its length.
    func scores(
        state: Tensor, session: Tensor, slots: Tensor, shown: [[Int32]], noise: Double, random: RandomSource
    ) -> Tensor

    /// Learns to predict clicks from logged sessions.
    /// - Parameter progress: share of the updates on the log that are done, 0 to 1.
    func warmUp(
        _ replay: FeedReplay, sessions: Int, using generator: inout SeededGenerator, progress: Double) throws
    /// One update from experience.
    /// - Parameter progress: share of the training that is done, 0 to 1.
    func learn(
        _ replay: FeedReplay, sessions: Int, using generator: inout SeededGenerator, progress: Double) throws
}

extension FeedAgent {
    package var carriesState: Bool { false }
}

/// Recurrent memory of the views of a session, read by a GRU from `[item; click]`.
package final class FeedMemory: Network {
    private let cell: GRU
    private let catalogue: FeedCatalogue

    package init(_ catalogue: FeedCatalogue, hidden: Int, from source: RandomSource) {
        self.catalogue = catalogue
        cell = GRU(inputDimensions: catalogue.dimensions + 1, hiddenDimensions: hidden, from: source)
    }

    private init(catalogue: FeedCatalogue, cell: GRU) {
        self.catalogue = catalogue
        self.cell = cell
    }

    package var width: Int { cell.hiddenDimensions }

    package func copy() -> FeedMemory { FeedMemory(catalogue: catalogue, cell: cell.copy()) }

    package func step(_ state: Tensor, items: Tensor, clicks: Tensor) -> Tensor {
        cell.step(
            .concatenated([catalogue.embeddings.rows(items), clicks.expanded(axis: 1)], along: 1), state: state)
    }

    /// The states before and after every view, `[views, hidden]` both; a session begins with 0.
    package func states(_ batch: FeedSessionBatch) -> (before: Tensor, after: Tensor) {
        let seen = catalogue.embeddings.rows(batch.paddedItems)
        let (outputs, _) = cell(.concatenated([seen, batch.paddedClicks.expanded(axis: 2)], along: 2))
        let all = Tensor.concatenated([.zeros([batch.count, 1, width]), outputs], along: 1).reshaped(-1, width)
        return (all.selected(batch.before, along: 0), all.selected(batch.after, along: 0))
    }

    package func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) { cell.visitParameters(path, visit) }
}

/// Adam on a network's parameters with clipped gradients.
package final class NetworkOptimizer {
    private let optimizer: AdamW
    private let parameters: [NamedParameter]
    private let rate: Double

    package init(_ parameters: [NamedParameter], rate: Double) {
        self.parameters = parameters
        self.rate = rate
        optimizer = AdamW([ParameterGroup(parameters)])
    }

    /// Changes its own parameters only, whatever else the loss depends on.
    ///
    /// The rate falls with progress, from all of it at 0 to a twentieth at 1: returns are far noisier than what one item
    /// adds to them, and at a constant rate the last batches' luck is what an agent ranks by.
    package func descend(_ loss: Tensor, progress: Double) throws {
        let gradients = try loss.gradients(withRespectTo: parameters.map(\.tensor))
        for (parameter, gradient) in zip(parameters, gradients) { parameter.tensor.gradient = gradient }
        GradientScaling.scaleAndClip(parameters, maximumNorm: 5)
        optimizer.step(learningRate: rate * (1 - 0.95 * min(1, max(0, progress))))
        optimizer.clearGradients()
    }
}
