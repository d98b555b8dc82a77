import Evaluation
import Foundation

/// What every cell's held-out rows say about every group, and the regions that small cells borrow from.
package struct CellEvidence: Sendable {
    /// `Σ_i log p_k(y_i | x_i)` of each cell's held-out rows, `[cells][groups]`.
    package var logLikelihoods: [[Double]]
    /// The same under the common head.
    package var common: [Double]
    /// Held-out rows of each cell.
    package var rows: [Int]
    /// All rows of each cell: its traffic.
    package var traffic: [Int]
    /// The region of each cell.
    package var regions: [Int]

    package init(logLikelihoods: [[Double]], common: [Double], rows: [Int], traffic: [Int], regions: [Int]) {
        self.logLikelihoods = logLikelihoods
        self.common = common
        self.rows = rows
        self.traffic = traffic
        self.regions = regions
    }

    package var cellCount: Int { rows.count }
    package var groupCount: Int { logLikelihoods.first?.count ?? 0 }

    /// The evidence of small cells, drawn to their region's: `n / (n + m) ℓ_z + m / (n + m) m ℓ̄_region`, the second a mean
    /// over the region's rows. A cell without rows speaks with m rows of its region.
    package func shrunk(_ strength: Double) -> [[Double]] {
        let regionCount = (regions.max() ?? -1) + 1
        var sums = [[Double]](repeating: Array(repeating: 0, count: groupCount), count: regionCount)
        var counts = [Double](repeating: 0, count: regionCount)
        for cell in 0..<cellCount {
            for group in 0..<groupCount { sums[regions[cell]][group] += logLikelihoods[cell][group] }
            counts[regions[cell]] += Double(rows[cell])
        }
        return (0..<cellCount).map { cell in
            let own = Double(rows[cell])
            guard strength > 0 else { return logLikelihoods[cell] }
            let share = own / (own + strength)
            let region = regions[cell]
            return (0..<groupCount).map { group in
                let mean = counts[region] > 0 ? sums[region][group] / counts[region] : 0
                return share * logLikelihoods[cell][group] + (1 - share) * strength * mean
            }
        }
    }

    /// What the policy earns: `(ℓ_zk - ℓ_z,common) / (n_z + m)`, the gain over the common head a row, small where rows are
    /// few; scaled so that its spread over the groups of a cell is 1 on average.
    package func rewards(shrinkage: Double) -> [[Double]] {
        let gains = (0..<cellCount).map { cell in
            logLikelihoods[cell].map { ($0 - common[cell]) / (Double(rows[cell]) + max(1, shrinkage)) }
        }
        let variances = gains.map { row in
            let mean = row.reduce(0, +) / Double(max(1, row.count))
            return row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, row.count))
        }
        let spread = (variances.reduce(0, +) / Double(max(1, cellCount))).squareRoot()
        return spread > 1e-12 ? gains.map { $0.map { $0 / spread } } : gains
    }

    /// `r_zk = softmax_k((ℓ_zk + log π_k) / T)`; one-hot below the hard temperature.
    package func responsibilities(
        prior: [Double], temperature: Double, hardTemperature: Double, shrinkage: Double
    ) -> [[Double]] {
        shrunk(shrinkage).map { evidence in
            let scores = zip(evidence, prior).map { $0 + log(max($1, 1e-6)) }
            let best = scores.max() ?? 0
            if temperature < hardTemperature {
                let place = scores.firstIndex(of: best) ?? 0
                return scores.indices.map { $0 == place ? 1 : 0 }
            }
            let weights = scores.map { exp(($0 - best) / temperature) }
            let total = weights.reduce(0, +)
            return weights.map { $0 / total }
        }
    }
}

/// Groups of cells.
package enum CellGrouping {
    /// The best group of each cell.
    package static func hard(_ shares: [[Double]]) -> [Int] {
        shares.map { row in row.indices.max { row[$0] < row[$1] || row[$0] == row[$1] && $0 > $1 } ?? 0 }
    }

    /// π: the share of the rows in each group.
    package static func traffic(_ shares: [[Double]], rows: [Int], groups: Int) -> [Double] {
        let total = Double(max(1, rows.reduce(0, +)))
        return (0..<groups).map { group in
            zip(shares, rows).reduce(0) { $0 + $1.0[group] * Double($1.1) } / total
        }
    }

    /// The share of the rows whose cell changed its group.
    package static func changed(_ old: [Int], _ new: [Int], rows: [Int]) -> Double {
        let moved = zip(zip(old, new), rows).reduce(0) { $0 + ($1.0.0 == $1.0.1 ? 0 : $1.1) }
        return Double(moved) / Double(max(1, rows.reduce(0, +)))
    }

    /// Lloyd's k-means from k-means++ seeds; the best of several starts by the weighted distance.
    /// - Parameters:
    ///   - points: one for each cell.
    ///   - weights: of the points.
    package static func kMeans(
        _ points: [[Double]], weights: [Double], groups: Int, using generator: inout SeededGenerator, starts: Int = 4
    ) -> [Int] {
        func distance(_ first: [Double], _ second: [Double]) -> Double {
            zip(first, second).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        }
        var best: (groups: [Int], cost: Double)?
        for _ in 0..<starts {
            var centres = [points[generator.index(weights: weights)]]
            while centres.count < groups {
                let costs = zip(points, weights).map { point, weight in
                    weight * (centres.map { distance($0, point) }.min() ?? 0)
                }
                guard costs.contains(where: { $0 > 0 }) else { break }
                centres.append(points[generator.index(weights: costs)])
            }
            var dealt = [Int](repeating: 0, count: points.count)
            for _ in 0..<30 {
                let next = points.map { point in
                    centres.indices.min { distance(centres[$0], point) < distance(centres[$1], point) } ?? 0
                }
                for group in centres.indices {
                    let members = next.indices.filter { next[$0] == group }
                    let total = members.reduce(0) { $0 + weights[$1] }
                    guard total > 0 else { continue }
                    centres[group] = centres[group].indices.map { axis in
                        members.reduce(0) { $0 + weights[$1] * points[$1][axis] } / total
                    }
                }
                if next == dealt { break }
                dealt = next
            }
            let cost = dealt.indices.reduce(0) { $0 + weights[$1] * distance(points[$1], centres[dealt[$1]]) }
            if cost < best?.cost ?? .infinity { best = (dealt, cost) }
        }
        return best?.groups ?? []
    }
}

/// `π_ψ(k | s_z)`: a softmax on the statistics of a cell, trained by REINFORCE with a moving-average baseline.
package struct GroupPolicy: Sendable {
    /// `[groups][statistics + 1]`, the last the intercept.
    package private(set) var weights: [[Double]]
    private var baseline = 0.0
    private var generator: SeededGenerator

    package init(groups: Int, statistics: Int, generator: SeededGenerator) {
        weights = Array(repeating: Array(repeating: 0, count: statistics + 1), count: groups)
        self.generator = generator
    }

    /// Takes over weights in the order of ``weights``, row by row.
    package mutating func setWeights(_ values: [Double]) {
        let width = weights.first?.count ?? 0
        precondition(values.count == weights.count * width, "\(values.count) weights of a policy")
        for group in weights.indices { weights[group] = Array(values[(group * width)..<((group + 1) * width)]) }
    }

    /// The group that each cell gets, as shares: the most probable one, or with exploration now and then another.
    package mutating func actions(_ statistics: [[Double]], exploration: Double?) -> [[Double]] {
        statistics.map { features in
            let probabilities = probabilities(features)
            var group = probabilities.indices.max { probabilities[$0] < probabilities[$1] } ?? 0
            if let exploration, generator.bernoulli(exploration) { group = generator.integer(below: weights.count) }
            return weights.indices.map { $0 == group ? 1 : 0 }
        }
    }

    package func probabilities(_ statistics: [Double]) -> [Double] {
        let scores = weights.map { row in zip(row, statistics + [1]).reduce(0) { $0 + $1.0 * $1.1 } }
        let best = scores.max() ?? 0
        let raised = scores.map { exp($0 - best) }
        let total = raised.reduce(0, +)
        return raised.map { $0 / total }
    }

    /// One update: a group is drawn for each cell (uniformly for the share that explores), the reward is the gain of the
    /// cell's held-out log-likelihood over the common head a row, `ψ += η Σ_z w_z (R_z - b) ∇ log π(k_z | s_z)`.
    /// - Returns: the mean reward.
    @discardableResult
    package mutating func update(
        _ statistics: [[Double]], rewards: [[Double]], weights cellWeights: [Double], exploration: Double, rate: Double
    ) -> Double {
        var change = weights.map { $0.map { _ in 0.0 } }
        var mean = 0.0
        let total = max(1e-9, cellWeights.reduce(0, +))
        for (cell, features) in statistics.enumerated() {
            let probabilities = probabilities(features)
            let mixed = probabilities.map { (1 - exploration) * $0 + exploration / Double(weights.count) }
            let drawn = generator.index(weights: mixed)
            let reward = rewards[cell][drawn]
            let share = cellWeights[cell] / total
            mean += share * reward
            // Exploring draws are corrected for, so that the gradient is the policy's own.
            let importance = probabilities[drawn] / mixed[drawn]
            let inputs = features + [1]
            for group in weights.indices {
                let slope = (group == drawn ? 1 : 0) - probabilities[group]
                let scale = share * importance * (reward - baseline) * slope
                for axis in inputs.indices { change[group][axis] += scale * inputs[axis] }
            }
        }
        baseline += 0.1 * (mean - baseline)
        for group in weights.indices {
            for axis in weights[group].indices { weights[group][axis] += rate * change[group][axis] }
        }
        return mean
    }
}
