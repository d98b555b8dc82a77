/// One ascending set of items per user, as ranges into one array.
public struct ItemSets: Sendable, Equatable {
    public private(set) var offsets: [Int] = [0]
    public private(set) var items: [Int32] = []

    public init() {}

    /// Sorts and removes duplicates of each user's items.
    public init(_ sets: some Sequence<some Sequence<Int32>>) {
        for set in sets { append(set) }
    }

    public var count: Int { offsets.count - 1 }

    /// Adds the next user's items.
    public mutating func append(_ set: some Sequence<Int32>) {
        let start = items.count
        var last: Int32?
        for item in set.sorted() where item != last {
            items.append(item)
            last = item
        }
        precondition(items.count >= start)
        offsets.append(items.count)
    }

    public subscript(user: Int) -> ArraySlice<Int32> { items[offsets[user]..<offsets[user + 1]] }

    /// `count` empty sets.
    public static func empty(count: Int) -> ItemSets {
        var sets = ItemSets()
        sets.offsets = [Int](repeating: 0, count: count + 1)
        return sets
    }
}
