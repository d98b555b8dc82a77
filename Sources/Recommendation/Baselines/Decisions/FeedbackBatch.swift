import Corpora
import Evaluation
public import Tensors
import Training

/// Lists that were shown to users, what each user had liked before, and what they liked of it.
///
/// As a decision process (LIRD, Zhao et al. 2018): the state is the window of the newest liked items, the action is what
/// was shown, the reward is 1 for each item that was liked, and liked items enter the window. A log does not say when a
/// user is lost, so nothing is terminal.
public struct FeedbackBatch {
    /// `[lists, length]`, `int64`: items plus one, newest last, 0 in front where there are fewer.
    public let windows: Tensor
    /// After the list.
    public let nextWindows: Tensor
    /// What was shown, in its order: `[lists, width]`, `int64`, items plus one; 0 behind the end of a shorter list.
    public let items: Tensor
    /// 1 where an item was liked `[lists, width]`, f32.
    public let liked: Tensor
    /// What the same user was shown next `[lists, width]`; 0 after the last list.
    public let nextItems: Tensor

    public init(windows: Tensor, nextWindows: Tensor, items: Tensor, liked: Tensor, nextItems: Tensor) {
        self.windows = windows
        self.nextWindows = nextWindows
        self.items = items
        self.liked = liked
        self.nextItems = nextItems
    }

    /// Lists.
    public var count: Int { items.size(0) }

    /// Windows as a tensor.
    /// - Parameter histories: liked items, oldest first; the newest `length` are kept.
    package static func windows(_ histories: [ArraySlice<Int32>], length: Int) -> Tensor {
        var values = [Int64](repeating: 0, count: histories.count * length)
        for (row, history) in histories.enumerated() {
            let kept = history.suffix(length)
            let from = (row + 1) * length - kept.count
            for (place, item) in kept.enumerated() { values[from + place] = Int64(item) + 1 }
        }
        return Tensor(values, shape: [histories.count, length])
    }

    /// Where candidates stand in a user's own history: `[users, candidates]`, bool.
    package static func places(of histories: [[Int32]], among candidates: [Int32]) -> Tensor {
        var values = [Float](repeating: 0, count: histories.count * candidates.count)
        for (row, history) in histories.enumerated() where !history.isEmpty {
            let met = Set(history)
            for (place, item) in candidates.enumerated() where met.contains(item) {
                values[row * candidates.count + place] = 1
            }
        }
        return Tensor(values, shape: [histories.count, candidates.count]).isGreater(than: 0.5)
    }
}

/// Batches of what was shown in the rows that may be learned from, pass after pass in random order.
public final class FeedbackSource: PassSource {
    /// What one list is.
    public enum Cut: Sendable, Hashable {
        /// So many consecutive rows of a user.
        case rows(Int)
        /// Rows of a user at the same time, at most so many; without times each row is a list of its own.
        case requests(atMost: Int)

        var width: Int {
            switch self {
            case .rows(let count), .requests(let count): count
            }
        }
    }

    public struct Position: Codable, Sendable, Equatable {
        var order: BatchOrder.Position
    }

    private struct List {
        var user: Int32
        var start: Int32
        var end: Int32
        /// Liked rows of the user before the list, and before its end.
        var likedBefore: Int32
        var likedAfter: Int32
    }

    private let data: FeedbackData
    private let width: Int
    private let length: Int
    private var lists: [List] = []
    private var order: BatchOrder

    /// - Parameter length: of windows.
    /// - Throws: `BatchSourceError.empty`.
    public init(_ data: FeedbackData, cut: Cut, length: Int, rowsPerBatch: Int, seed: UInt64) throws {
        self.data = data
        self.length = length
        width = cut.width
        for user in 0..<data.log.userCount {
            let rows = data.trainRows(ofUser: user)
            var start = rows.lowerBound
            var liked: Int32 = 0
            while start < rows.upperBound {
                let end = Self.end(cut, from: start, in: rows, times: data.log.times)
                let before = liked
                liked += Int32((start..<end).count { data.isLiked[$0] })
                lists.append(
                    List(
                        user: Int32(user), start: Int32(start), end: Int32(end), likedBefore: before, likedAfter: liked)
                )
                start = end
            }
        }
        guard !lists.isEmpty else { throw BatchSourceError.empty(what: "the training part (\(data.split.name))") }
        order = BatchOrder(count: lists.count, size: rowsPerBatch, seed: seed)
    }

    private static func end(_ cut: Cut, from start: Int, in rows: Range<Int>, times: [Double]) -> Int {
        let most = min(rows.upperBound, start + cut.width)
        guard case .requests = cut else { return most }
        guard !times.isEmpty else { return start + 1 }
        return (start..<most).first { times[$0] != times[start] } ?? most
    }

    public var batchesPerPass: Int { order.batchesPerPass }
    /// Lists of one pass.
    public var count: Int { order.count }

    public var remark: String? {
        let everythingIsLiked = lists.allSatisfy { list in
            (Int(list.start)..<Int(list.end)).allSatisfy { data.isLiked[$0] }
        }
        return everythingIsLiked
            ? "every row counts as liked, so that no choice is worse than another: a column of clicks or ratings "
                + "(data.rating) says which were" : nil
    }

    public func next() throws -> FeedbackBatch? {
        let places = order.next()
        let chosen = places.map { lists[$0] }
        let following = places.map { place -> List? in
            guard place + 1 < lists.count, lists[place + 1].user == lists[place].user else { return nil }
            return lists[place + 1]
        }
        var liked = [Float](repeating: 0, count: chosen.count * width)
        for (row, list) in chosen.enumerated() {
            for place in 0..<Int(list.end - list.start) where data.isLiked[Int(list.start) + place] {
                liked[row * width + place] = 1
            }
        }
        return FeedbackBatch(
            windows: windows(chosen.map { ($0.user, $0.likedBefore) }),
            nextWindows: windows(chosen.map { ($0.user, $0.likedAfter) }), items: items(chosen),
            liked: Tensor(liked, shape: [chosen.count, width]), nextItems: items(following))
    }

    private func items(_ lists: [List?]) -> Tensor {
        var values = [Int64](repeating: 0, count: lists.count * width)
        for (row, list) in lists.enumerated() {
            guard let list else { continue }
            for place in 0..<Int(list.end - list.start) {
                values[row * width + place] = Int64(data.log.itemIndices[Int(list.start) + place]) + 1
            }
        }
        return Tensor(values, shape: [lists.count, width])
    }

    private func windows(_ lists: [(user: Int32, liked: Int32)]) -> Tensor {
        let log = data.split.log
        return FeedbackBatch.windows(
            lists.map { list in
                let first = log.rows(ofUser: Int(list.user)).lowerBound
                return log.items(first..<(first + Int(list.liked)))
            }, length: length)
    }

    public var position: Position { Position(order: order.position) }

    public func restore(_ position: Position) throws {
        guard order.restore(position.order) else {
            throw BatchSourceError.position(reason: "\(order.count) lists, saved with \(position.order.count)")
        }
    }
}
