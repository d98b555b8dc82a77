/// Ends a stream of text where a stop text first appears, wherever the pieces of the stream end.
///
/// Text that could still be the beginning of a stop text is held back until it cannot be.
package struct StopTexts {
    private let stops: [[UInt8]]
    private var held: [UInt8] = []
    package private(set) var isStopped = false

    package init(_ stops: [String]) { self.stops = stops.filter { !$0.isEmpty }.map { Array($0.utf8) } }

    /// - Returns: the text that is certain now.
    package mutating func append(_ text: String) -> String {
        if isStopped { return "" }
        if stops.isEmpty { return text }
        held += text.utf8
        if let found = stops.compactMap({ held.firstRange(of: $0)?.lowerBound }).min() {
            isStopped = true
            defer { held = [] }
            return String(decoding: held[..<found], as: UTF8.self)
        }
        let keep = stops.map { Self.overlap(held, $0) }.max() ?? 0
        // A stop text begins with a whole character, so what is let go ends with one.
        defer { held.removeFirst(held.count - keep) }
        return String(decoding: held.dropLast(keep), as: UTF8.self)
    }

    /// - Returns: what is still held back, at the end of the stream.
    package mutating func flush() -> String {
        defer { held = [] }
        return String(decoding: held, as: UTF8.self)
    }

    /// The longest end of `text` that is a beginning of `stop`.
    private static func overlap(_ text: [UInt8], _ stop: [UInt8]) -> Int {
        for count in stride(from: min(text.count, stop.count - 1), to: 0, by: -1)
        where text.suffix(count).elementsEqual(stop.prefix(count)) {
            return count
        }
        return 0
    }
}
