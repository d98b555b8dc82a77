import Experiments
import Foundation
import Training

/// A table on the terminal that is drawn anew in place while its numbers change; elsewhere nothing is written.
struct LiveTable {
    private var lines = 0
    private var drawn: ContinuousClock.Instant?

    /// - Parameter atOnce: also if it was drawn a moment ago.
    mutating func show(_ table: @autoclosure () -> Table, atOnce: Bool = false) {
        guard Terminal.showsErrors else { return }
        let now = ContinuousClock.now
        if !atOnce, let drawn, now - drawn < .milliseconds(200) { return }
        drawn = now
        let text = table().terminalText(width: Terminal.width())
        let end = text.hasSuffix("\n") ? "" : "\n"
        StandardError.raw(erasure + text + end)
        lines = (text + end).count { $0 == "\n" }
    }

    /// Leaves no trace, so that the result stands alone.
    mutating func clear() {
        guard lines > 0 else { return }
        StandardError.raw(erasure)
        lines = 0
    }

    /// Up to the first line, then everything below is erased.
    private var erasure: String { lines > 0 ? "\u{1B}[\(lines)A\u{1B}[J" : "" }
}
