import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// Sends requests to one endpoint and repeats them as its policy says.
final class EndpointClient: Sendable {
    let endpoint: RemoteEndpoint
    private let client: HTTPClient

    private static let largestErrorBody = 65_536

    init(_ endpoint: RemoteEndpoint) {
        self.endpoint = endpoint
        var configuration = HTTPClient.Configuration(
            // A redirection would carry the key to an address that nobody chose.
            redirectConfiguration: .disallow,
            timeout: .init(
                connect: .nanoseconds(endpoint.timeLimits.connect.inNanoseconds),
                read: .nanoseconds(endpoint.timeLimits.silence.inNanoseconds)))
        // The pool would go on knocking until the deadline; repetitions are counted here.
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    deinit { client.shutdown { _ in } }

    /// The address of a path as messages show it.
    func shownURL(_ path: String) -> String { "\(endpoint.baseURL)/\(path)" }

    /// Sends a request until it is answered, and reads the answer.
    /// - Parameters:
    ///   - body: nil sends GET, else POST.
    ///   - read: called for each answer with a status 2xx; it is called again only if it threw before any byte arrived.
    /// - Throws: ``RemoteModelError``; `CancellationError` if the task is cancelled.
    func send<Value: Sendable>(
        _ path: String, body: String?, read: @escaping @Sendable (Answer) async throws -> Value
    ) async throws -> Value {
        let total = endpoint.timeLimits.total
        let late = RemoteModelError.timedOut(
            url: shownURL(path), limit: .total, seconds: total.inSeconds, attempts: 1)
        return try await withTimeLimit(total, error: late) { [self] in
            var random = SystemRandomNumberGenerator()
            var attempts = 0
            while true {
                attempts += 1
                do {
                    return try await attempt(path, body: body, read: read)
                } catch let failure as AttemptFailure {
                    try Task.checkCancellation()
                    guard failure.mayRepeat,
                        let wait = endpoint.retries.wait(
                            before: attempts, requested: failure.requestedWait, using: &random)
                    else { throw failure.error.after(attempts: attempts) }
                    try await Task.sleep(for: wait)
                }
            }
        }
    }

    private func attempt<Value>(
        _ path: String, body: String?, read: @Sendable (Answer) async throws -> Value
    ) async throws -> Value {
        var request = HTTPClientRequest(url: endpoint.base.appending(path))
        request.headers.add(name: "User-Agent", value: "wallfacer")
        request.headers.add(
            name: "Accept", value: body == nil ? "application/json" : "text/event-stream, application/json")
        if let key = endpoint.key { request.headers.add(name: "Authorization", value: "Bearer \(key.secret)") }
        if let body {
            request.method = .POST
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: body))
        }
        let url = shownURL(path)
        let response: HTTPClientResponse
        do {
            let deadline = endpoint.timeLimits.total + .seconds(1)
            response = try await client.execute(request, timeout: .nanoseconds(deadline.inNanoseconds))
        } catch {
            throw try failure(error, url: url, received: 0)
        }
        let answer = Answer(client: self, url: url, response: response)
        let status = Int(response.status.code)
        guard (200..<300).contains(status) else {
            let message = await answer.serverMessage(limit: Self.largestErrorBody)
            try Task.checkCancellation()
            throw AttemptFailure(
                error: .refused(url: url, status: status, message: message.text, attempts: 1),
                mayRepeat: RetryPolicy.repeats(status: status) && message.code != "insufficient_quota",
                requestedWait: RetryPolicy.requestedWait(
                    milliseconds: response.headers.first(name: "Retry-After-Ms"),
                    retryAfter: response.headers.first(name: "Retry-After"), now: Date()))
        }
        return try await read(answer)
    }

    /// One attempt that failed.
    struct AttemptFailure: Error {
        var error: RemoteModelError
        var mayRepeat: Bool
        var requestedWait: Duration?
    }

    /// - Throws: `CancellationError` in place of the client's word for it.
    fileprivate func failure(_ error: any Error, url: String, received: Int) throws -> AttemptFailure {
        let limits = endpoint.timeLimits
        func late(_ limit: RemoteModelError.Limit, _ duration: Duration) -> RemoteModelError {
            .timedOut(url: url, limit: limit, seconds: duration.inSeconds, attempts: 1)
        }
        let reason: String
        switch error {
        case is CancellationError: throw error
        case let error as HTTPClientError where error == .cancelled: throw CancellationError()
        case let error as HTTPClientError where error == .connectTimeout || error == .tlsHandshakeTimeout:
            return AttemptFailure(error: late(.connect, limits.connect), mayRepeat: true)
        case let error as HTTPClientError where error == .readTimeout:
            return AttemptFailure(error: late(.silence, limits.silence), mayRepeat: received == 0)
        case let error as HTTPClientError where error == .deadlineExceeded:
            return AttemptFailure(error: late(.total, limits.total), mayRepeat: false)
        case let error as HTTPClientError where error == .remoteConnectionClosed: reason = "the connection broke off"
        case let error as IOError where error.errnoCode == ECONNREFUSED: reason = "the connection was refused"
        case let error as IOError where error.errnoCode == ECONNRESET: reason = "the connection was reset"
        case let error as HTTPParserError: reason = "the connection broke off or does not speak HTTP (\(error))"
        default: reason = "no connection (\(ServerMessage.shortened("\(error)")))"
        }
        if received > 0 {
            return AttemptFailure(
                error: .interrupted(url: url, reason: reason, received: received), mayRepeat: false)
        }
        return AttemptFailure(error: .unreachable(url: url, reason: reason, attempts: 1), mayRepeat: true)
    }
}

/// An answer whose status is known and whose body has yet to be read.
struct Answer: Sendable {
    fileprivate let client: EndpointClient
    let url: String
    fileprivate let response: HTTPClientResponse

    /// The media type in lower case, without parameters.
    var mediaType: String {
        let type = response.headers.first(name: "Content-Type") ?? ""
        return type.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
    }

    /// Reads the body to its end.
    /// - Parameters:
    ///   - limit: the most bytes.
    ///   - consume: takes each piece as it arrives.
    /// - Returns: the number of bytes.
    @discardableResult
    func receive(limit: Int, _ consume: (ByteBufferView) throws -> Void) async throws -> Int {
        var received = 0
        do {
            for try await piece in response.body {
                received += piece.readableBytes
                if received > limit { throw RemoteModelError.tooLarge(url: url, part: "the answer", limit: limit) }
                try consume(piece.readableBytesView)
            }
        } catch let error as RemoteModelError {
            throw error
        } catch {
            throw try client.failure(error, url: url, received: received)
        }
        // A cancelled task sees the end of the body rather than an error.
        try Task.checkCancellation()
        return received
    }

    /// The whole body.
    func bytes(limit: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        try await receive(limit: limit) { bytes += $0 }
        return bytes
    }

    /// What the body of a refusal says; whatever arrives of it will do.
    fileprivate func serverMessage(limit: Int) async -> ServerMessage {
        var bytes: [UInt8] = []
        _ = try? await receive(limit: limit) { bytes += $0 }
        return message(bytes)
    }

    func message(_ body: [UInt8]) -> ServerMessage { ServerMessage(body: body, secret: client.endpoint.key?.secret) }
}
