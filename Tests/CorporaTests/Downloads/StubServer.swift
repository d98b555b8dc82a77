import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A small HTTP server on the loopback interface whose answers a test decides, breaks included.
final class StubServer: Sendable {
    struct Request: Sendable, Equatable {
        let path: String
        /// The first byte asked for.
        let rangeStart: Int?
    }

    struct Response: Sendable {
        var status = 200
        var headers: [String] = []
        var body = Data()
        /// Closes the connection after so many bytes of the body.
        var cutAfter: Int?
        /// Leaves the connection open without a word after the (cut) body.
        var stalls = false
    }

    let port: Int
    private let listener: Int32
    private let seen = Mutex<[Request]>([])
    private let stopped = Mutex(false)

    /// Requests so far, in order.
    var requests: [Request] { seen.withLock { $0 } }

    /// - Parameter answer: given the request and how many came before it.
    init(_ answer: @escaping @Sendable (Request, Int) -> Response) throws {
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
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard bound else { throw POSIXError(.EADDRINUSE) }
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { [self] in
            while true {
                let connection = accept(descriptor, nil, nil)
                guard connection >= 0 else { break }
                Thread.detachNewThread { [self] in
                    serve(connection, answer)
                    close(connection)
                }
            }
            close(descriptor)
        }
    }

    func url(_ path: String) -> String { "http://127.0.0.1:\(port)/\(path)" }

    /// Refuses further connections. The accepting thread then wakes up and closes the socket: closing it here could hit
    /// a descriptor that the number was given to in the meantime.
    func stop() {
        let isFirst = stopped.withLock { stopped in
            defer { stopped = true }
            return !stopped
        }
        if isFirst { shutdown(listener, Int32(SHUT_RDWR)) }
    }

    private func serve(_ connection: Int32, _ answer: (Request, Int) -> Response) {
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while !received.suffix(4).elementsEqual([13, 10, 13, 10]) {
            let count = read(connection, &buffer, buffer.count)
            if count <= 0 || received.count > 65_536 { return }
            received.append(contentsOf: buffer[..<count])
        }
        let lines = String(decoding: received, as: UTF8.self).split(separator: "\r\n")
        let path = lines.first?.split(separator: " ").dropFirst().first.map { String($0.dropFirst()) } ?? ""
        let range = lines.first { $0.lowercased().hasPrefix("range: bytes=") }
        let start = range.flatMap { Int($0.dropFirst("range: bytes=".count).dropLast()) }
        let request = Request(path: path, rangeStart: start)
        let number = seen.withLock { requests -> Int in
            requests.append(request)
            return requests.count - 1
        }
        let response = answer(request, number)
        var head = "HTTP/1.1 \(response.status) Answer\r\nConnection: close\r\n"
        head += "Content-Length: \(response.body.count)\r\n"
        for header in response.headers { head += header + "\r\n" }
        send(connection, Array((head + "\r\n").utf8))
        send(connection, Array(response.body.prefix(response.cutAfter ?? .max)))
        // Bounded: a test's read time-out is far shorter.
        if response.stalls { Thread.sleep(forTimeInterval: 10) }
    }

    private func send(_ connection: Int32, _ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { write(connection, $0.baseAddress, $0.count) }
            if count <= 0 { return }
            sent += count
        }
    }
}
