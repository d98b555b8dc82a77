import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// Fetches files over HTTP: broken downloads are taken up where they stopped, checksums decide, and a file appears under
/// its name only when it is complete.
public struct Downloader: Sendable {
    /// Longest silence of a server before the connection is given up.
    public var idleTimeout: TimeInterval = 30
    public var connectTimeout: TimeInterval = 15
    /// How often an origin is asked again after a break or an overloaded server.
    public var retries = 3
    /// Wait before the first repetition; each further one waits twice as long.
    public var retryDelay: TimeInterval = 0.5

    private static let largestUndeclared = 64 << 30
    private static let longestDelay: TimeInterval = 30

    public init() {}

    /// What ``fetch(_:progress:)`` did.
    public enum Outcome: Sendable, Equatable {
        /// The file was there and right.
        case present
        case fetched
    }

    /// Makes sure that the file is at its place.
    /// - Parameter progress: called after every piece, on no particular thread.
    /// - Throws: ``DownloadError``; `CancellationError` if the task is cancelled (what has arrived is kept).
    @discardableResult
    public func fetch(_ download: Download, progress: @Sendable (DownloadProgress) -> Void = { _ in }) async throws
        -> Outcome
    {
        if isPresent(download) { return .present }
        do {
            try FileManager.default.createDirectory(
                at: download.target.deletingLastPathComponent(), withIntermediateDirectories: true)
        } catch {
            throw DownloadError.unwritable(file: download.target.path, reason: SystemReason.text(error))
        }
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .follow(max: 5, allowCycles: false),
            timeout: .init(connect: .seconds(connectTimeout), read: .seconds(idleTimeout)))
        // The client would go on knocking until the deadline; the retries here are ours, and counted.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.proxy = Self.proxy(for: download.origins.first ?? "", ProcessInfo.processInfo.environment)
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        var reasons: [String] = []
        do {
            for origin in download.origins {
                do {
                    try await fetch(download, from: origin, client: client, progress: progress)
                    try await client.shutdown()
                    return .fetched
                } catch let error as DownloadError {
                    if case .unwritable = error { throw error }
                    reasons.append("\(error)")
                }
            }
        } catch {
            try? await client.shutdown()
            throw error
        }
        try? await client.shutdown()
        throw DownloadError.failed(
            file: download.target.lastPathComponent, reasons: reasons, advice: advice(for: [download]))
    }

    /// Makes sure that all files of a data set are in its folder under `folder`.
    public func fetch(
        _ dataSet: DataSet, into folder: URL, progress: @Sendable (DownloadProgress) -> Void = { _ in }
    ) async throws {
        try await fetch(dataSet.files, into: folder.appending(path: dataSet.name), progress: progress)
    }

    /// Makes sure that all files are in `folder`.
    /// - Throws: ``DownloadError``, whose advice names every file that is not there; `CancellationError`.
    public func fetch(
        _ files: [DataFile], into folder: URL, progress: @Sendable (DownloadProgress) -> Void = { _ in }
    ) async throws {
        let downloads = files.map {
            Download(
                origins: $0.origins, target: folder.appending(path: $0.name), sha256: $0.sha256,
                byteCount: $0.byteCount)
        }
        for (index, download) in downloads.enumerated() {
            do {
                try await fetch(download, progress: progress)
            } catch DownloadError.failed(let file, let reasons, _) {
                // Those before it are there; whether those after it are is known only now.
                let missing = [download] + downloads[(index + 1)...].filter { !isPresent($0) }
                throw DownloadError.failed(file: file, reasons: reasons, advice: advice(for: missing))
            }
        }
    }

    private func advice(for downloads: [Download]) -> String {
        if downloads.count == 1 {
            return "Without a network, fetch \(source(downloads[0])) elsewhere and put the file"
                + "\(check(downloads[0])) to \(downloads[0].target.path)"
        }
        return "Without a network, fetch these \(downloads.count) files elsewhere and put them to their places:"
            + downloads.map { "\n  \(source($0))\(check($0)) to \($0.target.path)" }.joined()
    }

    private func source(_ download: Download) -> String { download.origins.joined(separator: " or ") }

    private func check(_ download: Download) -> String { download.sha256.map { " (sha256 \($0))" } ?? "" }

    private func isPresent(_ download: Download) -> Bool {
        guard let size = Self.size(of: download.target) else { return false }
        if let wanted = download.byteCount, wanted != size { return false }
        guard let wanted = download.sha256 else { return true }
        return (try? SHA256.hexadecimal(ofFile: download.target)) == wanted
    }

    // MARK: - One origin

    private func fetch(
        _ download: Download, from origin: String, client: HTTPClient,
        progress: @Sendable (DownloadProgress) -> Void
    ) async throws {
        var delay = retryDelay
        var attempt = 0
        var startedAfresh = false
        while true {
            do {
                try await receive(download, from: origin, client: client, progress: progress)
                try complete(download, origin: origin)
                return
            } catch let error as DownloadError {
                switch error {
                case .wrongContent where !startedAfresh && Self.size(of: download.partial) != nil:
                    // The kept beginning may be that of another file: once more from the start.
                    try? FileManager.default.removeItem(at: download.partial)
                    startedAfresh = true
                    continue
                case .wrongContent:
                    try? FileManager.default.removeItem(at: download.partial)
                    throw error
                case .unreachable where attempt < retries: break
                case .refused(_, let status) where attempt < retries && (status >= 500 || status == 429): break
                default: throw error
                }
            }
            attempt += 1
            try await Task.sleep(for: .seconds(delay))
            delay = min(2 * delay, Self.longestDelay)
        }
    }

    /// Appends what is missing to the partial file.
    private func receive(
        _ download: Download, from origin: String, client: HTTPClient,
        progress: @Sendable (DownloadProgress) -> Void
    ) async throws {
        var kept = Self.size(of: download.partial) ?? 0
        if let wanted = download.byteCount {
            if kept == wanted { return }
            if kept > wanted { kept = 0 }
        }
        var request = HTTPClientRequest(url: origin)
        request.headers.add(name: "User-Agent", value: "wallfacer")
        request.headers.add(name: "Accept-Encoding", value: "identity")
        if kept > 0 { request.headers.add(name: "Range", value: "bytes=\(kept)-") }
        let response: HTTPClientResponse
        do {
            response = try await client.execute(request, timeout: .seconds(connectTimeout + idleTimeout))
        } catch let error where !(error is CancellationError) {
            throw DownloadError.unreachable(origin: origin, reason: Self.reason(error), received: kept)
        }
        switch response.status.code {
        case 206:
            guard response.headers.first(name: "Content-Range")?.hasPrefix("bytes \(kept)-") == true else {
                throw DownloadError.wrongContent(
                    origin: origin, detail: "the server continues at another place than asked")
            }
        case 200: kept = 0
        case 416:
            // Nothing is left to send: either all is here already, or the file is another one.
            throw DownloadError.wrongContent(origin: origin, detail: "the server has no bytes after the first \(kept)")
        default: throw DownloadError.refused(origin: origin, status: Int(response.status.code))
        }
        let rest = response.headers.first(name: "Content-Length").flatMap { Int($0) }
        let total = rest.map { $0 + kept } ?? download.byteCount
        let limit = download.byteCount ?? total ?? Self.largestUndeclared
        if let total, let wanted = download.byteCount, total != wanted {
            throw DownloadError.wrongContent(
                origin: origin, detail: "the server has \(total) bytes, but the file has \(wanted)")
        }
        let file = try PartialFile(download.partial, keeping: kept)
        defer { file.close() }
        do {
            for try await piece in response.body {
                kept += piece.readableBytes
                guard kept <= limit else {
                    throw DownloadError.wrongContent(
                        origin: origin, detail: "more than the expected \(limit) bytes arrive")
                }
                try file.append(Data(piece.readableBytesView))
                progress(
                    DownloadProgress(file: download.target.lastPathComponent, received: kept, total: total))
            }
        } catch let error where !(error is DownloadError) && !(error is CancellationError) {
            throw DownloadError.unreachable(origin: origin, reason: Self.reason(error), received: kept)
        }
        if let total, kept < total {
            throw DownloadError.unreachable(origin: origin, reason: "the connection broke off", received: kept)
        }
        try file.synchronize()
    }

    /// Checks the whole partial file and gives it its name.
    private func complete(_ download: Download, origin: String) throws {
        let size = Self.size(of: download.partial) ?? 0
        if let wanted = download.byteCount, size != wanted {
            throw DownloadError.wrongContent(
                origin: origin, detail: "\(size) bytes arrived, but the file has \(wanted)")
        }
        if let wanted = download.sha256 {
            let found = try SHA256.hexadecimal(ofFile: download.partial)
            guard found == wanted else {
                throw DownloadError.wrongContent(
                    origin: origin, detail: "the sha256 is \(found), but should be \(wanted)")
            }
        }
        do {
            if FileManager.default.fileExists(atPath: download.target.path) {
                try FileManager.default.removeItem(at: download.target)
            }
            try FileManager.default.moveItem(at: download.partial, to: download.target)
        } catch {
            throw DownloadError.unwritable(file: download.target.path, reason: SystemReason.text(error))
        }
    }

    // MARK: - Small things

    private static func size(of file: URL) -> Int? {
        (try? FileManager.default.attributesOfItem(atPath: file.path))?[.size] as? Int
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as HTTPClientError where error == .connectTimeout: return "no connection within the time allowed"
        case let error as HTTPClientError where error == .readTimeout: return "the server fell silent"
        case let error as HTTPClientError where error == .deadlineExceeded: return "no answer within the time allowed"
        case let error as HTTPClientError where error == .remoteConnectionClosed: return "the connection broke off"
        default: return "no connection (\(error))"
        }
    }

    /// `HTTPS_PROXY` or `https_proxy` (`HTTP_PROXY` for plain http), without credentials; not for this machine itself.
    static func proxy(for origin: String, _ environment: [String: String]) -> HTTPClient.Configuration.Proxy? {
        let name = origin.hasPrefix("https:") ? "https_proxy" : "http_proxy"
        guard let host = URL(string: origin)?.host, host != "127.0.0.1", host != "localhost",
            let text = environment[name] ?? environment[name.uppercased()], !text.isEmpty,
            let proxy = URL(string: text.contains("://") ? text : "http://\(text)"), let proxyHost = proxy.host
        else { return nil }
        return .server(host: proxyHost, port: proxy.port ?? 8080)
    }
}

extension TimeAmount {
    fileprivate static func seconds(_ seconds: TimeInterval) -> TimeAmount { .nanoseconds(Int64(seconds * 1e9)) }
}
