import Evaluation
import Foundation

/// The Virtual Taobao environment (Shi et al. 2019) from its published networks: customers are generated, a weight vector
/// over 27 item attributes is the action, and the reward is the clicks on the page of ten.
///
/// The number of pages a customer stays is drawn once from who they are: it does not depend on what is shown, and a
/// learner can drive the click rate to nearly 1. It is kept for comparison with published work.
public struct VirtualTaobao: Sendable {
    /// Widths of the one-hot attributes of a customer, 88 in all.
    public static let attributeWidths = [8, 8, 11, 11, 11, 11, 2, 2, 3, 18, 3]
    public static let customerDimensions = 88
    public static let actionDimensions = 27
    /// Customer, the last page's two outcomes, the page number.
    public static let stateDimensions = 91
    private static let clickClasses = 11
    private static let secondClasses = 10

    private let generator: DenseNetwork
    private let action: DenseNetwork
    private let leave: DenseNetwork

    /// - Parameters:
    ///   - generator: 128 uniform numbers to 88 attribute logits.
    ///   - action: customer, page and action (116) to 11 click logits and 10 of a second outcome.
    ///   - leave: customer (88) to 101 logits of the leaving page.
    /// - Throws: `WorldError.weights` for networks of other sizes.
    public init(generator: DenseNetwork, action: DenseNetwork, leave: DenseNetwork) throws {
        for (name, network, inputs, outputs) in [
            ("generator", generator, 128, Self.customerDimensions),
            (
                "action", action, Self.customerDimensions + 1 + Self.actionDimensions,
                Self.clickClasses + Self.secondClasses
            ),
            ("leave", leave, Self.customerDimensions, 101),
        ] where network.inputs != inputs || network.outputs != outputs {
            throw WorldError.weights(
                file: "virtual-taobao", name: name, found: "\(network.inputs) to \(network.outputs)",
                expected: "\(inputs) to \(outputs)")
        }
        self.generator = generator
        self.action = action
        self.leave = leave
    }

    /// One customer's visit.
    public struct Visit: Sendable, Equatable {
        public let customer: Int
        /// One-hot attributes.
        public let attributes: [Float]
        public fileprivate(set) var page = 0
        public fileprivate(set) var clicks = 0
        public fileprivate(set) var lastOutcome: [Float] = [0, 0]
        fileprivate let leavingPage: Int

        /// What a policy sees: attributes, last outcome, page.
        public var state: [Float] { attributes + lastOutcome + [Float(page)] }
    }

    public struct Outcome: Sendable, Equatable {
        public let clicks: Int
        public let second: Int
        /// The customer left: terminal.
        public let left: Bool
        /// The true expectation of the clicks: for scoring.
        public let expectedClicks: Float
    }

    /// Customer number `customer`: attributes and leaving page are functions of (seed, customer).
    public func visit(customer: Int, seed: UInt64) -> Visit {
        var luck = SeededGenerator(seed: seed, 0x7A0B, UInt64(customer))
        let logits = generator((0..<128).map { _ in Float(luck.uniform()) })
        var attributes: [Float] = []
        var start = 0
        for width in Self.attributeWidths {
            let chosen = Self.draw(Self.softmax(logits[start..<(start + width)]), Float(luck.uniform()))
            attributes += (0..<width).map { $0 == chosen ? 1 : 0 }
            start += width
        }
        let leaving = Self.draw(Self.softmax(leave(attributes)[...]), Float(luck.uniform()))
        return Visit(customer: customer, attributes: attributes, leavingPage: leaving)
    }

    /// Probabilities of 0 to 10 clicks on the next page for an action, and of the second outcome.
    public func probabilities(_ visit: Visit, action weights: [Float]) -> (clicks: [Float], second: [Float]) {
        let logits = action(visit.attributes + [Float(visit.page)] + weights)
        return (Self.softmax(logits[0..<Self.clickClasses]), Self.softmax(logits[Self.clickClasses...]))
    }

    /// Shows one page. The luck is a function of (seed, customer, page).
    /// - Parameter weights: 27 numbers in [-1, 1].
    /// - Throws: `WorldError.actionCount`, or `WorldError.invalid` for a weight outside the range.
    public func step(_ visit: inout Visit, action weights: [Float], seed: UInt64) throws -> Outcome {
        guard weights.count == Self.actionDimensions else {
            throw WorldError.actionCount(
                world: "virtual Taobao", found: weights.count, expected: Self.actionDimensions)
        }
        if let bad = weights.firstIndex(where: { !($0 >= -1 && $0 <= 1) }) {
            throw WorldError.invalid(
                world: "virtual Taobao", field: "action[\(bad)]", found: "\(weights[bad])", allowed: "-1 to 1")
        }
        let (clickShares, secondShares) = probabilities(visit, action: weights)
        let luck = Philox.block(
            counter: SIMD4(UInt32(visit.page), UInt32(truncatingIfNeeded: visit.customer), 0, 0x7A0B), key: seed)
        let clicks = Self.draw(clickShares, unitInterval(luck.x))
        let second = Self.draw(secondShares, unitInterval(luck.y))
        var expected: Float = 0
        for (count, share) in clickShares.enumerated() { expected += Float(count) * share }
        visit.page += 1
        visit.clicks += clicks
        visit.lastOutcome = [Float(clicks), Float(second)]
        return Outcome(
            clicks: clicks, second: second, left: visit.page >= visit.leavingPage, expectedClicks: expected)
    }

    private static func softmax(_ logits: ArraySlice<Float>) -> [Float] {
        let highest = logits.max() ?? 0
        let weights = logits.map { expf($0 - highest) }
        let sum = weights.reduce(0, +)
        return weights.map { $0 / sum }
    }

    private static func draw(_ shares: [Float], _ luck: Float) -> Int {
        var rest = luck
        for (index, share) in shares.enumerated() {
            if rest < share { return index }
            rest -= share
        }
        return shares.count - 1
    }
}
