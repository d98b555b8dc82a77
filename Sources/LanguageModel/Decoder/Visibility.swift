import Tensors

/// Which keys the queries of a pass see.
final class Visibility {
    /// The first key that each query sees; it sees those from there up to its own.
    struct Starts {
        /// `[batch, time]`, `int32`; nil for 0.
        var tensor: Tensor?
    }

    /// Nil where what is seen cannot be said so.
    let starts: Starts?
    private let makeMask: () -> Tensor?
    /// `bool [batch or 1, 1, time, keyTime]`, true = visible; nil for plain causal attention. Made when it is asked for:
    /// it grows with the square of the time.
    private(set) lazy var mask: Tensor? = makeMask()

    init(starts: Starts? = Starts(), mask: @escaping () -> Tensor? = { nil }) {
        self.starts = starts
        makeMask = mask
    }
}

extension Visibility.Starts {
    /// Of windows and packed documents.
    /// - Parameter segments: `[batch, time]`; nil for one document a row.
    /// - Returns: nil where the tokens of a document do not lie together.
    static func of(batch: Int, time: Int, window: Int?, segments: Tensor?) -> Visibility.Starts? {
        guard window != nil || segments != nil else { return Visibility.Starts() }
        let documents = segments?.broadcast(to: [batch, time]).integers
        var starts: [Int32] = []
        starts.reserveCapacity(batch * time)
        for row in 0..<batch {
            var begin = 0
            var seen: Set<Int> = []
            for place in 0..<time {
                if let documents {
                    let document = documents[row * time + place]
                    if place == 0 || document != documents[row * time + place - 1] {
                        guard seen.insert(document).inserted else { return nil }
                        begin = place
                    }
                }
                starts.append(Int32(max(begin, window.map { place - $0 + 1 } ?? 0)))
            }
        }
        return Visibility.Starts(tensor: Tensor(starts, shape: [batch, time]))
    }
}
