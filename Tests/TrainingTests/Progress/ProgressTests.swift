import Experiments
import Foundation
import Synchronization
import Testing
import Training

@Suite("Progress")
struct ProgressTests {
    @Test("The line shows what is known")
    func line() {
        let line = ProgressLine(
            title: "sft", step: 30, steps: 1200, loss: 2.34567, learningRate: 2e-4, tokensPerSecond: 312.4,
            secondsLeft: 245)
        #expect(line.plainText == "sft 30/1,200 · 2 % · loss 2.346 · rate 0.00020 · 312.0 tokens/s · 4 min 5 s left")
        #expect(ProgressLine(title: "sft", step: 0, steps: 0).plainText == "sft 0/0 · 0 %")
    }

    @Test("The line never takes more columns than there are", arguments: 0...120)
    func width(columns: Int) {
        let line = ProgressLine(
            title: "微调", step: 30, steps: 60, loss: 2.3, tokensPerSecond: 312, secondsLeft: 245, note: "seed 3")
        let text = line.text(width: columns)
        #expect(TerminalText.width(of: text) <= columns)
        #expect(text.contains("█") == (columns >= 79))
    }

    @Test("On a terminal the line is rewritten in place, the cursor comes back, and a message stays above")
    func terminal() {
        let screen = Screen()
        let bar = screen.bar(steps: 3, style: .terminal)
        bar.update(step: 1, tokens: 100, loss: 2)
        screen.advance(0.01)
        bar.update(step: 2, tokens: 100, loss: 1.9)
        #expect(!screen.text.contains("2/3"))
        screen.advance(1)
        bar.print("saved")
        bar.update(step: 3, tokens: 100, loss: 1.5)
        bar.finish()
        bar.finish()
        bar.update(step: 3)
        let text = screen.text
        #expect(text.hasPrefix("\u{1B}[?25l"))
        #expect(text.hasSuffix("loss 1.500 · 297.0 tokens/s · 0.0 s left\n\u{1B}[?25h"))
        #expect(text.contains("\r\u{1B}[2Ksaved\n"))
        #expect(text.split(separator: "\n").count == 3)
    }

    @Test("The last line stays whole, however narrow the terminal is")
    func lastLine() {
        let screen = Screen()
        let bar = screen.bar(steps: 3, style: .terminal, width: 12)
        bar.update(step: 3, tokens: 100, loss: 1.5, note: "seed 4 of 5")
        #expect(!screen.text.contains("seed 4 of 5"))
        bar.finish()
        #expect(screen.text.hasSuffix("seed 4 of 5\n\u{1B}[?25h"))
    }

    @Test("In a log there is a line every so often, without control characters")
    func lines() {
        let screen = Screen()
        let bar = screen.bar(steps: 100, style: .lines(everySeconds: 10))
        for step in 1...100 {
            bar.update(step: step)
            screen.advance(1)
        }
        bar.finish()
        let lines = screen.text.split(separator: "\n")
        #expect(lines.count == 11)
        #expect(lines[1] == "sft 11/100 · 11 % · 1 min 21 s left")
        #expect(lines.last?.hasPrefix("sft 100/100") == true)
        #expect(!screen.text.contains("\u{1B}"))
    }

    @Test("Silent is silent")
    func silent() {
        let screen = Screen()
        let bar = screen.bar(steps: 3, style: .silent)
        bar.update(step: 3)
        bar.print("text")
        bar.finish()
        #expect(screen.text.isEmpty)
    }

    @Test("The first signal sets the flag, the second ends the process with 130")
    func signals() async {
        await #expect(processExitsWith: .exitCode(3)) {
            Interruption.install()
            Interruption.install()
            kill(getpid(), SIGTERM)
            waitForInterruption()
            #expect(throws: CancellationError.self) { try Interruption.check() }
            exit(Interruption.isRequested ? 3 : 4)
        }
        await #expect(processExitsWith: .exitCode(130)) {
            Interruption.install()
            kill(getpid(), SIGINT)
            waitForInterruption()
            kill(getpid(), SIGINT)
            usleep(5_000_000)
        }
        await #expect(processExitsWith: .exitCode(130)) {
            Interruption.leaveAtOnce()
            kill(getpid(), SIGINT)
            usleep(5_000_000)
        }
    }
}

/// A signal to the process may reach another thread, a moment later.
private func waitForInterruption() {
    for _ in 0..<500 where !Interruption.isRequested { usleep(10_000) }
}

/// A terminal and a clock, both made of memory.
final class Screen: Sendable {
    private let written = Mutex("")
    private let clock = Mutex(ContinuousClock.now)

    var text: String { written.withLock { $0 } }

    func advance(_ seconds: Double) {
        clock.withLock { $0 += .seconds(seconds) }
    }

    func bar(steps: Int, style: ProgressBar.Style, width: Int = 100) -> ProgressBar {
        ProgressBar(
            title: "sft", steps: steps, style: style, write: { text in self.written.withLock { $0 += text } },
            width: { width }, now: { self.clock.withLock { $0 } })
    }
}
