import Corpora
import Experiments
import Foundation
import Synchronization
import Training

/// How far a download is: one line that is rewritten on a terminal, nothing elsewhere.
final class DownloadDisplay: Sendable {
    private let lastDrawn = Mutex<ContinuousClock.Instant?>(nil)
    private let isShown = Terminal.showsErrors
    private static let interval = Duration.milliseconds(100)

    func update(_ progress: DownloadProgress) {
        guard isShown else { return }
        let isLast = progress.received == progress.total
        let isDue = lastDrawn.withLock { last in
            let now = ContinuousClock.now
            if let last, now - last < Self.interval, !isLast { return false }
            last = now
            return true
        }
        guard isDue else { return }
        let total = progress.total.map { " of \(Numbers.bytes($0))" } ?? ""
        let line = "\(progress.file): \(Numbers.bytes(progress.received))\(total)"
        StandardError.raw("\r" + TerminalText.truncated(line, to: Terminal.width() - 1) + "\u{1B}[K")
    }

    /// Leaves the last line where it is.
    func finish() {
        if isShown, lastDrawn.withLock({ $0 != nil }) { StandardError.raw("\n") }
    }
}
