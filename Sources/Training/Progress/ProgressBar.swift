import Experiments
import Foundation
import Synchronization

/// Shows on standard error how far a run is: one line that is rewritten in place on a terminal, lines now and then in a
/// log if asked for, and nothing otherwise.
///
/// ```swift
/// let progress = ProgressBar(title: "sft", steps: 120)
/// for step in 1...120 {
///     progress.update(step: step, tokens: 1024, loss: loss, learningRate: rate)
/// }
/// progress.finish()
/// ```
public final class ProgressBar: Sendable {
    /// Where the line goes.
    public enum Style: Sendable, Equatable {
        /// Rewritten in place.
        case terminal
        /// A line every so many seconds.
        case lines(everySeconds: Double)
        case silent
    }

    private struct State {
        var line: ProgressLine
        var drawn: String?
        var lastDrawn: ContinuousClock.Instant?
        var rate: RateEstimate
        var finished = false
    }

    private let style: Style
    private let state: Mutex<State>
    private let write: @Sendable (String) -> Void
    private let width: @Sendable () -> Int
    private let now: @Sendable () -> ContinuousClock.Instant

    /// A rewritten line where standard error is a terminal; otherwise lines if `lineSeconds` says how often, or
    /// nothing.
    public convenience init(title: String, steps: Int, startStep: Int = 0, lineSeconds: Double? = nil) {
        let style: Style =
            Terminal.showsErrors ? .terminal : lineSeconds.map { .lines(everySeconds: $0) } ?? .silent
        self.init(
            title: title, steps: steps, startStep: startStep, style: style, write: Terminal.writeError,
            width: { Terminal.width() }, now: { .now })
    }

    package init(
        title: String, steps: Int, startStep: Int = 0, style: Style, write: @escaping @Sendable (String) -> Void,
        width: @escaping @Sendable () -> Int, now: @escaping @Sendable () -> ContinuousClock.Instant
    ) {
        self.style = style
        self.write = write
        self.width = width
        self.now = now
        let line = ProgressLine(title: title, step: startStep, steps: steps)
        let state = State(line: line, rate: RateEstimate(start: now(), step: startStep))
        if style == .terminal {
            write(Self.hideCursor)
            Interruption.cursorWasHidden()
        }
        self.state = Mutex(state)
    }

    deinit {
        finish()
    }

    /// Says what has been reached. Drawing is limited to ten times a second, so it may be called for every step.
    ///
    /// - Parameters:
    ///   - step: steps done.
    ///   - tokens: tokens done since the last call.
    public func update(
        step: Int, tokens: Int? = nil, loss: Double? = nil, learningRate: Double? = nil, note: String? = nil
    ) {
        state.withLock { state in
            guard !state.finished else { return }
            let time = now()
            state.rate.add(step: step, tokens: tokens, time: time)
            state.line.step = step
            state.line.loss = loss ?? state.line.loss
            state.line.learningRate = learningRate ?? state.line.learningRate
            state.line.note = note
            state.line.tokensPerSecond = state.rate.tokensPerSecond
            state.line.secondsLeft = state.rate.secondsLeft(steps: state.line.steps)
            draw(&state, time: time)
        }
    }

    /// Shows `text` above the bar, where it stays.
    public func print(_ text: String) {
        state.withLock { state in
            switch style {
            case .silent: break
            case .lines: write(text + "\n")
            case .terminal:
                let line = state.finished ? "" : state.drawn ?? ""
                write(Self.clearLine + text + "\n" + line)
            }
        }
    }

    /// Leaves the last line as it is and gives the cursor back. Nothing is drawn afterwards.
    public func finish() {
        state.withLock { state in
            guard !state.finished else { return }
            state.finished = true
            guard style == .terminal else { return }
            if state.drawn != nil {
                // What stays is whole; nothing is drawn over it, so it may wrap.
                let plain = state.line.plainText
                let width = width() - 1
                let text = TerminalText.width(of: plain) > width ? plain : state.line.text(width: width)
                write(Self.clearLine + text + "\n")
            }
            write(Self.showCursor)
            Interruption.cursorWasShown()
        }
    }

    private static let hideCursor = "\u{1B}[?25l"
    private static let showCursor = "\u{1B}[?25h"
    /// To the start of the line, and clear it.
    private static let clearLine = "\r\u{1B}[2K"
    private static let clearToEnd = "\u{1B}[K"
    private static let secondsBetweenDrawings = 0.1

    private func draw(_ state: inout State, time: ContinuousClock.Instant) {
        let interval: Double
        switch style {
        case .silent: return
        case .terminal: interval = Self.secondsBetweenDrawings
        case .lines(let seconds): interval = seconds
        }
        let isLast = state.line.step >= state.line.steps
        if let last = state.lastDrawn, (time - last) / .seconds(1) < interval, !isLast { return }
        state.lastDrawn = time
        if style == .terminal {
            // One column stays free: a full line would make some terminals wrap.
            let text = state.line.text(width: width() - 1)
            if text != state.drawn { write("\r" + text + Self.clearToEnd) }
            state.drawn = text
        } else {
            write(state.line.plainText + "\n")
        }
    }
}

/// Speed over the last half minute, which follows changes without jumping from step to step.
struct RateEstimate: Sendable {
    private struct Mark {
        let time: ContinuousClock.Instant
        let step: Int
        let tokens: Int
    }

    private static let windowSeconds = 30.0
    private static let markSeconds = 0.1
    private var marks: [Mark]
    private var countsTokens = false

    init(start: ContinuousClock.Instant, step: Int) {
        marks = [Mark(time: start, step: step, tokens: 0)]
    }

    mutating func add(step: Int, tokens: Int?, time: ContinuousClock.Instant) {
        if tokens != nil { countsTokens = true }
        let total = marks[marks.count - 1].tokens + (tokens ?? 0)
        // Quick steps share a mark.
        if marks.count > 1, (time - marks[marks.count - 2].time) / .seconds(1) < Self.markSeconds { marks.removeLast() }
        marks.append(Mark(time: time, step: step, tokens: total))
        while marks.count > 2, (time - marks[1].time) / .seconds(1) > Self.windowSeconds { marks.removeFirst() }
    }

    private var seconds: Double { (marks[marks.count - 1].time - marks[0].time) / .seconds(1) }

    var tokensPerSecond: Double? {
        guard countsTokens, seconds > 0 else { return nil }
        return Double(marks[marks.count - 1].tokens - marks[0].tokens) / seconds
    }

    func secondsLeft(steps: Int) -> Double? {
        let done = marks[marks.count - 1].step - marks[0].step
        guard done > 0, seconds > 0 else { return nil }
        return seconds / Double(done) * Double(max(0, steps - marks[marks.count - 1].step))
    }
}
