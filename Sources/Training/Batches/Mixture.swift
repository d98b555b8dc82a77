/// Which of several sources comes next, so that at every moment each has had its share as nearly as whole draws allow.
///
/// No randomness: after `n` draws a source of share `p` has had `p n` draws, less or more than one. A resumed mixture
/// goes on as if it had not stopped.
public struct Mixture: Sendable {
    /// Shares between 0 and 1 with the sum 1.
    public let shares: [Double]
    /// Draws of each source so far; restoring it restores everything.
    public var drawn: [Int]

    /// - Parameter ratios: in any unit; zeros are sources that never come.
    /// - Precondition: no ratio is negative, and one is positive.
    public init(ratios: [Double]) {
        let total = ratios.reduce(0, +)
        precondition(ratios.allSatisfy { $0 >= 0 } && total > 0 && total.isFinite, "ratios \(ratios)")
        shares = ratios.map { $0 / total }
        drawn = ratios.map { _ in 0 }
    }

    /// The source that is furthest behind its share; the first of equals.
    public mutating func next() -> Int {
        let draws = Double(drawn.reduce(0, +) + 1)
        var best = 0
        var most = -Double.infinity
        for (index, share) in shares.enumerated() where share > 0 {
            let behind = share * draws - Double(drawn[index])
            if behind > most + 1e-9 { (best, most) = (index, behind) }
        }
        drawn[best] += 1
        return best
    }
}
