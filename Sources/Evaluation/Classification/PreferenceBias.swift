import Foundation

/// How strongly a classifier prefers some classes over others when it is wrong (Kang et al., ACL 2024).
///
/// The confusions are read as a tournament: class i beats class j each time i is predicted where j is gold. The
/// strengths are those of Bradley and Terry (1952), found by Newman's (2023) iteration in order with the newest values:
/// `p_i ← [Σ_j w_ij p_j / (p_i + p_j)] / [Σ_j w_ji / (p_i + p_j)]`, 20 sweeps, each followed by a division by the
/// geometric mean of the positive strengths; at last they are scaled to sum to the number of classes. The bias is their
/// population standard deviation: 0 for no preference.
public struct PreferenceBias: Sendable, Equatable {
    /// Strength of each class; the mean is 1.
    public let preferences: [Double]
    /// Population standard deviation of the strengths.
    public let bias: Double

    /// - Returns: nil where no two classes were ever confused: a perfect classifier has no defined bias.
    public init?(_ matrix: ConfusionMatrix, sweeps: Int = 20) {
        let count = matrix.classCount
        func confused(_ winner: Int, _ loser: Int) -> Double { Double(matrix[predicted: winner, gold: loser]) }
        let anyConfusion = (0..<count).contains { row in
            (0..<count).contains { $0 != row && matrix[predicted: row, gold: $0] > 0 }
        }
        guard anyConfusion else { return nil }
        var strengths = [Double](repeating: 1, count: count)
        for _ in 0..<sweeps {
            for label in 0..<count {
                var wins = 0.0
                var losses = 0.0
                for other in 0..<count where other != label {
                    let pair = strengths[label] + strengths[other]
                    guard pair > 0 else { continue }
                    wins += confused(label, other) * strengths[other] / pair
                    losses += confused(other, label) / pair
                }
                // A class that is never gold in a confusion has no losses, and the quotient no value: it keeps its strength.
                if losses > 0 { strengths[label] = wins / losses }
            }
            let positive = strengths.filter { $0 > 0 }
            guard !positive.isEmpty else { return nil }
            let geometricMean = exp(positive.reduce(0) { $0 + log($1) } / Double(positive.count))
            strengths = strengths.map { $0 / geometricMean }
        }
        let scale = Double(count) / strengths.reduce(0, +)
        preferences = strengths.map { $0 * scale }
        bias = (preferences.reduce(0) { $0 + ($1 - 1) * ($1 - 1) } / Double(count)).squareRoot()
    }
}
