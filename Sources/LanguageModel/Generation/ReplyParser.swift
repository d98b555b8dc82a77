import Foundation

/// Tells thoughts and calls from the answer in a model's text, as it arrives.
///
/// A thought stands between `<think>` and `</think>` at the beginning, a call is JSON between `<tool_call>` and
/// `</tool_call>` (Hermes form). A call whose JSON cannot be read stays text.
package struct ReplyParser {
    private enum Place { case start, answer, thought, call }

    private let thinks: Bool
    private let calls: Bool
    private var place: Place
    private var pending = ""
    /// Line breaks around a thought and between calls are not part of what is shown.
    private var skipsLineBreaks = false
    package private(set) var foundCall = false

    /// - Parameters:
    ///   - thinks: whether the template has thoughts.
    ///   - calls: whether tools were offered.
    package init(thinks: Bool, calls: Bool) {
        self.thinks = thinks
        self.calls = calls
        place = thinks ? .start : .answer
    }

    package mutating func append(_ text: String) -> [ChatEvent] {
        if !thinks && !calls { return text.isEmpty ? [] : [.text(text)] }
        pending += text
        return advance(isEnd: false)
    }

    package mutating func flush() -> [ChatEvent] { advance(isEnd: true) }

    private mutating func advance(isEnd: Bool) -> [ChatEvent] {
        var events: [ChatEvent] = []
        while !pending.isEmpty {
            if skipsLineBreaks {
                pending = String(pending.drop { $0 == "\n" })
                if pending.isEmpty { break }
                skipsLineBreaks = false
            }
            switch place {
            case .start:
                let mark = "<think>"
                if pending.hasPrefix(mark) {
                    pending.removeFirst(mark.count)
                    (place, skipsLineBreaks) = (.thought, true)
                } else if mark.hasPrefix(pending), !isEnd {
                    return events
                } else {
                    place = .answer
                }
            case .thought:
                // The line break before the mark is the template's.
                guard take(upTo: ["\n</think>", "</think>"], isEnd: isEnd, { .reasoning($0) }, &events) else {
                    return events
                }
                (place, skipsLineBreaks) = (.answer, true)
            case .answer:
                guard take(upTo: calls ? ["\n<tool_call>", "<tool_call>"] : [], isEnd: isEnd, { .text($0) }, &events)
                else { return events }
                place = .call
            case .call:
                guard let end = pending.range(of: "</tool_call>") else {
                    if isEnd {
                        events.append(.text("<tool_call>" + pending))
                        pending = ""
                    }
                    return events
                }
                let body = String(pending[..<end.lowerBound])
                pending = String(pending[end.upperBound...])
                if let call = Self.call(body) {
                    foundCall = true
                    events.append(.toolCall(call))
                } else {
                    events.append(.text("<tool_call>\(body)</tool_call>"))
                }
                (place, skipsLineBreaks) = (.answer, true)
            }
        }
        return events
    }

    /// Emits text up to the first of the marks and drops the mark.
    /// - Returns: whether a mark was found.
    private mutating func take(
        upTo marks: [String], isEnd: Bool, _ event: (String) -> ChatEvent, _ events: inout [ChatEvent]
    ) -> Bool {
        let found = marks.compactMap { pending.range(of: $0) }.min { $0.lowerBound < $1.lowerBound }
        var stops = StopTexts(marks)
        // Without a mark, what may be the beginning of one waits.
        let text = found.map { String(pending[..<$0.lowerBound]) } ?? (isEnd ? pending : stops.append(pending))
        if !text.isEmpty { events.append(event(text)) }
        if let found {
            pending = String(pending[found.upperBound...])
        } else {
            pending = isEnd ? "" : stops.flush()
        }
        return found != nil
    }

    private static func call(_ text: String) -> ToolCall? {
        guard let json = try? OrderedJSON(parsing: Data(text.utf8), file: "tool call"), let name = json["name"]?.string
        else { return nil }
        return ToolCall(name: name, arguments: json["arguments"] ?? .object([]))
    }
}
