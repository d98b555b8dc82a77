/// Puts documents of different length into rows of one length with little padding.
public enum Packing {
    /// Best fit, longest first: every document goes into the fullest row that still has room for it (at most 11/9 of the
    /// fewest possible rows, Johnson 1973). Equal lengths keep their order, so the result is fixed by the lengths.
    ///
    /// - Precondition: no length is above `capacity`.
    /// - Returns: for each row the indices of its documents.
    public static func bestFitDecreasing(lengths: [Int], capacity: Int) -> [[Int]] {
        let order = lengths.indices.sorted { (lengths[$0], $1) > (lengths[$1], $0) }
        var rows: [[Int]] = []
        // Rows by the room they have left; a row is found in `capacity` steps whatever their number.
        var rowsByRoom = [[Int]](repeating: [], count: capacity + 1)
        for index in order {
            let length = lengths[index]
            precondition(length <= capacity, "a document of \(length) tokens does not fit into \(capacity)")
            if length == 0 { continue }
            if let room = (length...capacity).first(where: { !rowsByRoom[$0].isEmpty }) {
                let row = rowsByRoom[room].removeLast()
                rows[row].append(index)
                rowsByRoom[room - length].append(row)
            } else {
                rowsByRoom[capacity - length].append(rows.count)
                rows.append([index])
            }
        }
        return rows
    }

    /// The rows of documents; what is longer than a row is cut into pieces first.
    public static func rows(_ documents: [TokenSequence], length: Int) -> [[TokenSequence]] {
        let pieces = documents.flatMap { $0.pieces(of: length) }
        return bestFitDecreasing(lengths: pieces.map(\.count), capacity: length).map { $0.map { pieces[$0] } }
    }
}
