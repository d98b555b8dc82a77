import Foundation
import LanguageModel
import RemoteModels
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A server on the loopback interface that plays a script of bytes, pauses and breaks for each request.
///
/// It writes raw bytes, so that a test decides where an answer is cut and how a connection ends.
final class ScriptedServer: Sendable {
    struct Request: Sendable {
        let method: String
        let path: String
        /// Names in lower case.
        let headers: [String: String]
        let body: String

        /// The body as JSON; null if it is none.
        var json: OrderedJSON { (try? OrderedJSON(parsing: Data(body.utf8), file: "request")) ?? .null }
    }

    enum Step: Sendable {
        case send(String)
        case bytes([UInt8])
        case pause(Double)
        /// Ends the connection with a reset instead of an orderly close.
        case reset
        /// Leaves the connection open for one more request.
        case keepOpen
    }

    let port: Int
    private let listener: Int32
    private let seen = Mutex<[Request]>([])
    private let accepted = Mutex(0)
    private let hangUps = Mutex(0)
    private let wholeAnswers = Mutex(0)

    /// Requests so far, in order.
    var requests: [Request] { seen.withLock { $0 } }
    /// How many connections were opened.
    var connections: Int { accepted.withLock { $0 } }
    /// How many answers were written to their end.
    var answered: Int { wholeAnswers.withLock { $0 } }
    /// How many connections the client closed while an answer was being written.
    var abandoned: Int { hangUps.withLock { $0 } }
    var url: String { "http://127.0.0.1:\(port)" }

    /// - Parameter script: given the request and how many came before it.
    init(_ script: @escaping @Sendable (Request, Int) -> [Step]) throws {
        #if canImport(Glibc)
            listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            listener = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        let isListening = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isListening else { throw POSIXError(.EADDRINUSE) }
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { [self] in
            while true {
                let connection = accept(descriptor, nil, nil)
                guard connection >= 0 else { break }
                accepted.withLock { $0 += 1 }
                Thread.detachNewThread { [self] in
                    while serve(connection, script) {}
                    close(connection)
                }
            }
            close(descriptor)
        }
    }

    /// Refuses further connections: wakes the accepting thread, which then closes the socket.
    func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

    /// - Returns: whether another request may come over this connection.
    private func serve(_ connection: Int32, _ script: (Request, Int) -> [Step]) -> Bool {
        guard let request = receive(connection) else { return false }
        let number = seen.withLock { requests -> Int in
            requests.append(request)
            return requests.count - 1
        }
        for step in script(request, number) {
            switch step {
            case .send(let text): if !send(connection, Array(text.utf8)) { return false }
            case .bytes(let bytes): if !send(connection, bytes) { return false }
            case .pause(let seconds): Thread.sleep(forTimeInterval: seconds)
            case .reset:
                var linger = linger(l_onoff: 1, l_linger: 0)
                setsockopt(connection, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
                return false
            case .keepOpen:
                wholeAnswers.withLock { $0 += 1 }
                return true
            }
        }
        wholeAnswers.withLock { $0 += 1 }
        return false
    }

    private func receive(_ connection: Int32) -> Request? {
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var bodyStart: Int?
        var head: (method: String, path: String, headers: [String: String]) = ("", "", [:])
        while true {
            if bodyStart == nil, let end = Data(received).range(of: Data("\r\n\r\n".utf8)) {
                bodyStart = end.upperBound
                var lines = String(decoding: received[..<end.lowerBound], as: UTF8.self)
                    .split(separator: "\r\n").map { String($0) }
                let first = lines.removeFirst().split(separator: " ")
                let fields = lines.map { line in
                    let parts = line.split(separator: ":", maxSplits: 1)
                    return (parts[0].lowercased(), parts.last?.trimmingCharacters(in: .whitespaces) ?? "")
                }
                head = (String(first[0]), String(first[1]), Dictionary(fields) { _, last in last })
            }
            if let bodyStart, received.count - bodyStart >= Int(head.headers["content-length"] ?? "0") ?? 0 {
                return Request(
                    method: head.method, path: head.path, headers: head.headers,
                    body: String(decoding: received[bodyStart...], as: UTF8.self))
            }
            let count = read(connection, &buffer, buffer.count)
            if count <= 0 || received.count > 4 << 20 { return nil }
            received += buffer[..<count]
        }
    }

    private func send(_ connection: Int32, _ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                #if canImport(Glibc)
                    Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                #else
                    write(connection, $0.baseAddress, $0.count)
                #endif
            }
            if count <= 0 {
                hangUps.withLock { $0 += 1 }
                return false
            }
            sent += count
        }
        return true
    }
}

extension ScriptedServer.Step {
    /// The head of a streamed answer, which ends with the connection.
    static let streamHead = Self.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
    static let done = Self.send("data: [DONE]\n\n")

    static func event(_ json: String) -> Self { .send("data: \(json)\n\n") }

    /// A chunk of a chat with some text.
    static func text(_ text: String) -> Self {
        .event(#"{"choices":[{"index":0,"delta":{"content":\#(OrderedJSON.quoted(text))},"finish_reason":null}]}"#)
    }

    static func finish(_ reason: String = "stop") -> Self {
        .event(#"{"choices":[{"index":0,"delta":{},"finish_reason":"\#(reason)"}]}"#)
    }

    /// A whole answer.
    static func answer(
        _ body: String, status: Int = 200, type: String = "application/json", headers: [String] = []
    ) -> Self {
        let further = headers.map { "\($0)\r\n" }.joined()
        return .send(
            "HTTP/1.1 \(status) Answer\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n"
                + "Connection: close\r\n\(further)\r\n\(body)")
    }
}

extension ScriptedServer {
    /// A model at this server, with short limits and waits.
    func model(
        repetitions: Int = 0, silence: Duration = .seconds(20), total: Duration = .seconds(60), key: APIKey? = nil
    ) throws -> RemoteModel {
        try RemoteModel("tiny", at: endpoint(repetitions: repetitions, silence: silence, total: total, key: key))
    }

    func endpoint(
        repetitions: Int = 0, silence: Duration = .seconds(20), total: Duration = .seconds(60), key: APIKey? = nil
    ) throws -> RemoteEndpoint {
        try RemoteEndpoint(
            baseURL: url, key: key,
            timeLimits: TimeLimits(connect: .seconds(5), silence: silence, total: total),
            retries: RetryPolicy(
                repetitions: repetitions, firstWait: .milliseconds(2), longestWait: .milliseconds(10)),
            environment: [:])
    }
}
