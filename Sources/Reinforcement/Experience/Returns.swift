/// Sums of rewards over time, for one episode or several behind one another.
public enum Returns {
    /// `G_t = r_t + γ G_(t+1)`; after a terminal step nothing follows, after a truncated one `bootstrap` does.
    ///
    /// - Parameters:
    ///   - bootstrap: the value of the state after each step; read where an episode was truncated, and at the last step
    ///     unless that is terminal.
    /// - Precondition: the three lists are equally long.
    public static func discounted(
        rewards: [Float], ends: [EpisodeEnd], discount: Float, bootstrap: [Float]
    ) -> [Float] {
        precondition(
            rewards.count == ends.count && rewards.count == bootstrap.count,
            "\(rewards.count) rewards, \(ends.count) ends, \(bootstrap.count) values")
        var returns = rewards
        for step in rewards.indices.reversed() {
            let isLast = step == rewards.count - 1
            switch ends[step] {
            case .terminal: break
            case .truncated: returns[step] += discount * bootstrap[step]
            case .none: returns[step] += discount * (isLast ? bootstrap[step] : returns[step + 1])
            }
        }
        return returns
    }

    /// Returns that trust the values by degrees (Sutton & Barto 2018, eq. 12.18):
    /// `G_t = r_t + (1 - λ) γ V(s_(t+1)) + λ γ G_(t+1)` within an episode, `r_t + γ V(s_(t+1))` at its last step.
    ///
    /// - Parameters:
    ///   - following: `γ V(s_(t+1))`, already discounted, 0 after a terminal step.
    ///   - isLast: the last step of an episode, terminal or truncated.
    ///   - trace: λ; 0 is the one-step target.
    public static func traced(
        rewards: [Float], following: [Float], isLast: [Bool], discount: Float, trace: Float
    ) -> [Float] {
        precondition(
            rewards.count == following.count && rewards.count == isLast.count,
            "\(rewards.count) rewards, \(following.count) values, \(isLast.count) ends")
        var returns = rewards
        for step in rewards.indices.reversed() {
            let ends = isLast[step] || step == rewards.count - 1
            returns[step] +=
                ends ? following[step] : (1 - trace) * following[step] + trace * discount * returns[step + 1]
        }
        return returns
    }

    /// Generalised advantages (Schulman et al. 2016, eq. 16): `δ_t = r_t + γ V(s_(t+1)) - V(s_t)`,
    /// `A_t = δ_t + γ λ A_(t+1)` within an episode.
    ///
    /// - Parameters:
    ///   - values: `V(s_t)`.
    ///   - nextValues: `V(s_(t+1))`, of the state that followed, also where the episode was truncated there.
    public static func advantages(
        rewards: [Float], ends: [EpisodeEnd], values: [Float], nextValues: [Float], discount: Float, trace: Float
    ) -> [Float] {
        precondition(
            [ends.count, values.count, nextValues.count].allSatisfy { $0 == rewards.count },
            "\(rewards.count) rewards, \(ends.count) ends, \(values.count) and \(nextValues.count) values")
        var advantages = [Float](repeating: 0, count: rewards.count)
        var later: Float = 0
        for step in rewards.indices.reversed() {
            if ends[step] != .none { later = 0 }
            let following = ends[step] == .terminal ? 0 : discount * nextValues[step]
            later = rewards[step] + following - values[step] + discount * trace * later
            advantages[step] = later
        }
        return advantages
    }
}
