import Foundation
import Synchronization

/// The wish of the user, or of the system, that the process should stop.
///
/// The first SIGINT or SIGTERM sets a flag, which loops look at between steps to save and leave; a second one ends the
/// process at once with exit code 130.
///
/// ```swift
/// Interruption.install()
/// while !Interruption.isRequested { try step() }
/// ```
public enum Interruption {
    /// The exit code of a process that was interrupted.
    public static let exitCode: Int32 = 130

    private static let requested = Atomic<Bool>(false)
    /// The progress bars that have hidden the cursor.
    private static let hiddenCursors = Atomic<Int>(0)

    /// Whether a signal has arrived.
    public static var isRequested: Bool { requested.load(ordering: .acquiring) }

    /// - Throws: `CancellationError` if a signal has arrived.
    public static func check() throws {
        if isRequested { throw CancellationError() }
    }

    /// Starts listening, from when on there is something to save. Calling it again changes nothing.
    public static func install() {
        prepare()
        for number in [SIGINT, SIGTERM] { signal(number, receive) }
    }

    /// Lets the first signal end the process, as long as there is nothing to save.
    public static func leaveAtOnce() {
        prepare()
        for number in [SIGINT, SIGTERM] { signal(number, leave) }
    }

    /// Nothing may be initialised for the first time inside a signal handler.
    private static func prepare() { _ = (isRequested, hiddenCursors.load(ordering: .relaxed)) }

    static func cursorWasHidden() { hiddenCursors.add(1, ordering: .relaxed) }
    static func cursorWasShown() { hiddenCursors.subtract(1, ordering: .relaxed) }

    /// Runs inside the signal handler: atomics, `write` and `_exit` only.
    private static let receive: @convention(c) (Int32) -> Void = { _ in
        if requested.exchange(true, ordering: .acquiringAndReleasing) { end() }
    }

    /// As ``receive``.
    private static let leave: @convention(c) (Int32) -> Void = { _ in end() }

    private static func end() -> Never {
        if hiddenCursors.load(ordering: .relaxed) > 0 {
            let showCursor: StaticString = "\r\u{1B}[2K\u{1B}[?25h"
            _ = write(STDERR_FILENO, showCursor.utf8Start, showCursor.utf8CodeUnitCount)
        }
        let message: StaticString = "wallfacer: interrupted\n"
        _ = write(STDERR_FILENO, message.utf8Start, message.utf8CodeUnitCount)
        _exit(exitCode)
    }
}
