import Corpora
import Foundation
import Synchronization
import Training

/// A table that is written row by row in CSV (RFC 4180): however long it is, a block of it is in memory.
///
/// As with ``OutputFile``, a regular file is written beside its final name and bears that name once it is complete; devices
/// and pipes are written to as they stand. From the first row on an interruption is waited for, so that nothing is left
/// behind.
final class RowFile: Sendable {
    private struct State {
        /// Nil before the first row and after the last.
        var descriptor: Int32?
        var waiting = Data()
    }

    private let name: String
    private let place: OutputFile.Place
    /// Nil where rows go to the file itself.
    private let staging: String?
    private let state = Mutex(State())

    private static let blockBytes = 1 << 16

    /// Nothing is touched before the first row.
    /// - Throws: `Failure` where the file cannot be written.
    init(_ path: String) throws {
        try OutputFile.check(path)
        name = path
        place = try OutputFile.Place(path)
        let isBeside = !place.isThrough && access(place.folder, W_OK | X_OK) == 0
        staging = isBeside ? OutputFile.stagingName(place) : nil
    }

    /// What was not finished is no result.
    deinit {
        guard let descriptor = state.withLock({ $0.descriptor }) else { return }
        close(descriptor)
        if let staging { unlink(staging) }
    }

    /// - Throws: `Failure` where the disk is full and the like; `CancellationError` where a signal has arrived.
    func append(_ cells: [String]) throws {
        try Interruption.check()
        try state.withLock { state in
            if state.descriptor == nil { state.descriptor = try opened() }
            state.waiting.append(contentsOf: Self.line(cells).utf8)
            if state.waiting.count >= Self.blockBytes { try flush(&state) }
        }
    }

    /// Gives the file its name.
    /// - Throws: as ``append(_:)``; `Failure` where there is no row.
    func finish() throws {
        try Interruption.check()
        try state.withLock { state in
            guard let descriptor = state.descriptor else {
                throw Failure("\(name): was not written: the method gave no rows")
            }
            try flush(&state)
            state.descriptor = nil
            do {
                // A full disk may show only here.
                guard close(descriptor) == 0 else { throw failure() }
                guard let staging else { return }
                if let mode = place.mode { chmod(staging, mode) }
                guard rename(staging, place.path) == 0 else { throw failure() }
            } catch {
                if let staging { unlink(staging) }
                throw error
            }
        }
    }

    private func opened() throws -> Int32 {
        Interruption.install()
        let flags = staging == nil ? (place.isThrough ? O_APPEND : O_TRUNC) : O_CREAT | O_EXCL
        let descriptor = open(staging ?? place.path, O_WRONLY | O_CLOEXEC | flags, 0o666)
        guard descriptor >= 0 else { throw failure() }
        return descriptor
    }

    private func flush(_ state: inout State) throws {
        guard let descriptor = state.descriptor else { return }
        if let code = SystemWrite.all(state.waiting, to: descriptor) { throw failure(code) }
        state.waiting.removeAll(keepingCapacity: true)
    }

    private func failure(_ code: Int32 = errno) -> Failure { OutputFile.failure(name, SystemReason.text(code: code)) }

    /// Cells with commas, quotes or line ends are quoted.
    private static func line(_ cells: [String]) -> String {
        cells.map { cell in
            guard cell.utf8.contains(where: { special.contains($0) }) else { return cell }
            // By scalars: a quote with an accent upon it is a quote too.
            let scalars = cell.unicodeScalars.flatMap { $0 == "\"" ? [$0, $0] : [$0] }
            return "\"\(String(String.UnicodeScalarView(scalars)))\""
        }.joined(separator: ",") + "\n"
    }

    private static let special = Set(",\"\r\n".utf8)
}
