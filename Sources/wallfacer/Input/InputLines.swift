import Foundation

/// Lines from standard input, each as soon as it is there.
struct InputLines {
    /// One line.
    enum Line {
        case text(String)
        /// Bytes that are no UTF-8, in the line of this number.
        case broken(line: Int)
    }

    private var waiting: [UInt8] = []
    private var number = 0
    private var isAtEnd = false
    private static let portion = 1 << 12

    /// Nil at the end of the input. A last line without an end counts, unless it is empty.
    mutating func next() -> Line? {
        while true {
            if let end = waiting.firstIndex(of: UInt8(ascii: "\n")) {
                defer { waiting.removeFirst(end + 1) }
                return line(waiting[..<end])
            }
            guard !isAtEnd else {
                guard !waiting.isEmpty else { return nil }
                defer { waiting = [] }
                return line(waiting[...])
            }
            var portion = [UInt8](repeating: 0, count: Self.portion)
            let count = read(STDIN_FILENO, &portion, portion.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                isAtEnd = true
                continue
            }
            waiting += portion[..<count]
        }
    }

    private mutating func line(_ bytes: ArraySlice<UInt8>) -> Line {
        number += 1
        let bytes = bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes
        return String(validating: bytes, as: UTF8.self).map { .text($0) } ?? .broken(line: number)
    }
}
