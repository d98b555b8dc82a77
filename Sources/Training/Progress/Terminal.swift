import Foundation

/// The terminal behind an output stream.
public enum Terminal {
    /// Whether standard error is a terminal.
    public static var showsErrors: Bool { isatty(STDERR_FILENO) == 1 }

    /// Whether standard output is a terminal.
    public static var showsOutput: Bool { isatty(STDOUT_FILENO) == 1 }

    /// The columns of the terminal behind a file descriptor; 80 where it is none.
    public static func width(of descriptor: Int32 = STDERR_FILENO) -> Int {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Writes to standard error in one piece, so that lines of several threads do not mix. A closed stream is ignored.
    static func writeError(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { return }
            bytes = bytes.dropFirst(written)
        }
    }
}
