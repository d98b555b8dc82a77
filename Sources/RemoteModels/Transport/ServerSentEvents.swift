/// Cuts a byte stream into server-sent events (HTML Living Standard, §9.2).
///
/// Lines end with LF, CR or CRLF wherever the pieces of the stream are cut; comments, `id` and `retry` mean nothing here.
/// Text stays bytes until a whole event is there, so that a character cut in two is never harmed.
package struct ServerSentEvents {
    package struct Event: Equatable, Sendable {
        package var name: String?
        package var data: [UInt8]

        package init(name: String? = nil, data: [UInt8]) {
            self.name = name
            self.data = data
        }
    }

    /// A line or an event is longer than the limit.
    package struct TooLong: Error { package let limit: Int }

    private let limit: Int
    private var line: [UInt8] = []
    private var name: String?
    private var data: [UInt8]?
    private var isAfterCarriageReturn = false
    private var isAtStart = true

    /// - Parameter limit: the most bytes of a line and of an event's data.
    package init(limit: Int) { self.limit = limit }

    /// - Returns: the events that became complete.
    package mutating func append(_ bytes: some Sequence<UInt8>) throws(TooLong) -> [Event] {
        var events: [Event] = []
        for byte in bytes {
            defer { isAfterCarriageReturn = byte == 0x0D }
            if byte == 0x0A, isAfterCarriageReturn { continue }
            if byte == 0x0A || byte == 0x0D {
                if let event = try endLine() { events.append(event) }
            } else {
                if line.count >= limit { throw TooLong(limit: limit) }
                line.append(byte)
            }
        }
        return events
    }

    /// The event that stands unfinished at the end of the stream: some servers leave out the last line break.
    package mutating func finish() throws(TooLong) -> Event? {
        if !line.isEmpty, let event = try endLine() { return event }
        return takeEvent()
    }

    private mutating func endLine() throws(TooLong) -> Event? {
        defer { line.removeAll(keepingCapacity: line.count < 65_536) }
        if isAtStart {
            isAtStart = false
            if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        }
        if line.isEmpty { return takeEvent() }
        let colon = line.firstIndex(of: 0x3A) ?? line.count
        var value = line.dropFirst(colon + 1)
        if value.first == 0x20 { value = value.dropFirst() }
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "data":
            if (data?.count ?? 0) + value.count + 1 > limit { throw TooLong(limit: limit) }
            if data != nil { data?.append(0x0A) }
            data = (data ?? []) + value
        case "event": name = String(decoding: value, as: UTF8.self)
        default: break
        }
        return nil
    }

    private mutating func takeEvent() -> Event? {
        defer {
            name = nil
            data = nil
        }
        return data.map { Event(name: name, data: $0) }
    }
}
