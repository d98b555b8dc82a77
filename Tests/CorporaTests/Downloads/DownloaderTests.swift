import Corpora
import Evaluation
import Foundation
import Synchronization
import Testing

@Suite("Downloads", .serialized)
struct DownloaderTests {
    private static let content: Data = {
        var generator = SeededGenerator(seed: 4)
        return Data((0..<300_000).map { _ in UInt8(truncatingIfNeeded: generator.next()) })
    }()
    private static let checksum = SHA256.hexadecimal(of: content)

    private let downloader: Downloader = {
        var downloader = Downloader()
        downloader.idleTimeout = 120  // a busy machine must not look like a silent server
        downloader.connectTimeout = 60
        downloader.retries = 2
        downloader.retryDelay = 0.01
        return downloader
    }()

    /// Runs against a server with an empty folder; both are gone afterwards.
    private func with(
        _ answer: @escaping @Sendable (StubServer.Request, Int) -> StubServer.Response,
        _ body: (StubServer, URL) async throws -> Void
    ) async throws {
        let server = try StubServer(answer)
        defer { server.stop() }
        let folder = FileManager.default.temporaryDirectory.appending(path: "downloads-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(server, folder)
    }

    private func download(_ server: StubServer, _ folder: URL, sha256: String? = checksum) -> Download {
        Download(origins: [server.url("file")], target: folder.appending(path: "sub/file.bin"), sha256: sha256)
    }

    /// Sends the file from the byte asked for.
    private static func honest(_ request: StubServer.Request) -> StubServer.Response {
        guard let start = request.rangeStart else { return StubServer.Response(body: content) }
        guard start < content.count else { return StubServer.Response(status: 416) }
        return StubServer.Response(
            status: 206, headers: ["Content-Range: bytes \(start)-\(content.count - 1)/\(content.count)"],
            body: content.dropFirst(start))
    }

    @Test("A file is fetched once, with rising progress, and found the second time")
    func fetches() async throws {
        try await with { request, _ in
            Self.honest(request)
        } _: { (server: StubServer, folder: URL) async throws in
            let download = download(server, folder)
            let steps = Mutex<[DownloadProgress]>([])
            let first = try await downloader.fetch(download) { step in steps.withLock { $0.append(step) } }
            #expect(first == .fetched)
            #expect(try Data(contentsOf: download.target) == Self.content)
            #expect(try TestData.names(in: folder.appending(path: "sub")) == ["file.bin"])
            let received = steps.withLock { $0.map(\.received) }
            #expect(received == received.sorted() && received.last == Self.content.count)
            #expect(steps.withLock { $0.allSatisfy { $0.total == Self.content.count } })
            let second = try await downloader.fetch(download)
            #expect(second == .present)
            #expect(server.requests.count == 1)
        }
    }

    @Test("A broken connection is taken up at the byte where it broke")
    func resumes() async throws {
        try await with { request, number in
            var response = Self.honest(request)
            if number == 0 { response.cutAfter = 100_000 }
            return response
        } _: { (server: StubServer, folder: URL) async throws in
            let download = download(server, folder)
            try await downloader.fetch(download)
            #expect(try Data(contentsOf: download.target) == Self.content)
            // What was still in the client's buffers when the connection broke is asked for again.
            let starts = server.requests.map(\.rangeStart)
            #expect(starts.count == 2 && starts[0] == nil)
            #expect((1...100_000).contains(starts[1] ?? 0))
        }
    }

    @Test("A partial file of an earlier run is continued; a server that knows no ranges sends all")
    func continuesEarlierRun() async throws {
        for knowsRanges in [true, false] {
            try await with { request, _ in
                knowsRanges ? Self.honest(request) : StubServer.Response(body: Self.content)
            } _: { (server: StubServer, folder: URL) async throws in
                let download = download(server, folder)
                try FileManager.default.createDirectory(
                    at: download.target.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Self.content.prefix(5_000).write(to: folder.appending(path: "sub/file.bin.partial"))
                try await downloader.fetch(download)
                #expect(try Data(contentsOf: download.target) == Self.content)
                #expect(server.requests.map(\.rangeStart) == [5_000])
            }
        }
    }

    @Test("A partial file of something else is thrown away and the download starts afresh")
    func wrongBeginning() async throws {
        try await with { request, _ in
            Self.honest(request)
        } _: { (server: StubServer, folder: URL) async throws in
            let download = download(server, folder)
            try FileManager.default.createDirectory(
                at: download.target.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(count: 5_000).write(to: folder.appending(path: "sub/file.bin.partial"))
            try await downloader.fetch(download)
            #expect(try Data(contentsOf: download.target) == Self.content)
            #expect(server.requests.map(\.rangeStart) == [5_000, nil])
        }
    }

    @Test("A server that falls silent is given up, asked again, and what came is kept")
    func stalls() async throws {
        try await with { request, number in
            var response = Self.honest(request)
            if number == 0 {
                response.cutAfter = 50_000
                response.stalls = true
            }
            return response
        } _: { (server: StubServer, folder: URL) async throws in
            let download = download(server, folder)
            var impatient = downloader
            impatient.idleTimeout = 2
            impatient.retries = 10
            try await impatient.fetch(download)
            #expect(try Data(contentsOf: download.target) == Self.content)
            let starts = server.requests.map(\.rangeStart)
            #expect(starts.count >= 2 && starts[0] == nil)
            #expect((1...50_000).contains(starts[1] ?? 0))
        }
    }

    @Test("Wrong bytes never get the file's name, and the error shows both checksums")
    func wrongChecksum() async throws {
        try await with { _, _ in
            StubServer.Response(body: Data("not the file".utf8))
        } _: { (server: StubServer, folder: URL) async throws in
            let download = download(server, folder)
            do {
                try await downloader.fetch(download)
                Issue.record("wrong bytes were accepted")
            } catch let error as DownloadError {
                #expect("\(error)".contains(Self.checksum))
                #expect("\(error)".contains(SHA256.hexadecimal(of: Data("not the file".utf8))))
                #expect("\(error)".contains(download.target.path))
            }
            #expect(try TestData.names(in: folder.appending(path: "sub")).isEmpty)
        }
    }

    @Test("A busy server is asked again, a missing file is not; the next origin is tried")
    func statuses() async throws {
        try await with { request, number in
            if request.path == "gone" { return StubServer.Response(status: 404) }
            return number < 2 ? StubServer.Response(status: 503) : Self.honest(request)
        } _: { (server: StubServer, folder: URL) async throws in
            let download = Download(
                origins: [server.url("gone"), server.url("file")], target: folder.appending(path: "file.bin"),
                sha256: Self.checksum)
            try await downloader.fetch(download)
            #expect(server.requests.map(\.path) == ["gone", "file", "file"])
        }
    }

    @Test("A size that does not fit is refused before anything is written")
    func wrongSize() async throws {
        try await with { request, _ in
            Self.honest(request)
        } _: { (server: StubServer, folder: URL) async throws in
            let download = Download(
                origins: [server.url("file")], target: folder.appending(path: "file.bin"), byteCount: 1_000)
            await #expect(throws: DownloadError.self) { try await downloader.fetch(download) }
            #expect(try TestData.names(in: folder).isEmpty)
        }
    }

    @Test("Without a network the error names the address, the checksum and the place for the file")
    func unreachable() async throws {
        try await with { request, _ in
            Self.honest(request)
        } _: { (server: StubServer, folder: URL) async throws in
            server.stop()
            let download = download(server, folder)
            do {
                try await downloader.fetch(download)
                Issue.record("a stopped server was reached")
            } catch let error as DownloadError {
                for part in [server.url("file"), Self.checksum, download.target.path] {
                    #expect("\(error)".contains(part), "\(error)")
                }
            }
        }
    }

    @Test("A folder that cannot be written is said at once, without a retry")
    func unwritable() async throws {
        try await with { request, _ in
            Self.honest(request)
        } _: { (server: StubServer, folder: URL) async throws in
            let blocked = folder.appending(path: "blocked")
            try Data().write(to: blocked)
            let download = Download(origins: [server.url("file")], target: blocked.appending(path: "file.bin"))
            await #expect(throws: DownloadError.self) { try await downloader.fetch(download) }
            #expect(server.requests.isEmpty)
        }
    }

    @Test("Where one file cannot be had, the advice names every file that is missing, and no other")
    func adviceNamesAll() async throws {
        try await with { request, _ in
            request.path.hasSuffix("first") ? Self.honest(request) : StubServer.Response(status: 404)
        } _: { (server: StubServer, folder: URL) async throws in
            let names = ["first", "second", "third"]
            let files = names.map { DataFile(name: $0, origins: [server.url($0)], sha256: $0 == "third" ? "ab" : nil) }
            let error = await #expect(throws: DownloadError.self) { try await downloader.fetch(files, into: folder) }
            let text = try #require(error).description
            #expect(text.contains("fetch these 2 files"))
            #expect(text.contains("\(server.url("second")) to \(folder.appending(path: "second").path)"))
            #expect(text.contains("\(server.url("third")) (sha256 ab) to \(folder.appending(path: "third").path)"))
            #expect(!text.contains(server.url("first") + " "))
        }
    }
}
