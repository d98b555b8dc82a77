import Corpora
import Foundation

/// The right to train under a name, which one process has at a time.
///
/// It is a lock on a file beside the run store that the system gives back when the process ends, however it ends; so no name
/// stays taken.
final class NameClaim {
    private let descriptor: Int32
    private let path: String

    /// - Returns: nil where another process trains under this name.
    /// - Throws: `Failure` where the file cannot be made.
    init?(_ name: String, home: WallfacerHome = .current) throws {
        path = home.data.appending(path: ".\(name).training").path
        while true {
            let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
            guard file >= 0 else {
                throw Failure("\(path): cannot be made: \(SystemReason.text(code: errno))")
            }
            guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
                let code = errno
                close(file)
                guard code == EWOULDBLOCK else {
                    throw Failure("\(path): cannot be locked: \(SystemReason.text(code: code))")
                }
                return nil
            }
            // Its last owner may have removed the file in between: then the lock is on one that nobody else finds.
            if Self.isFile(file, at: path) {
                descriptor = file
                return
            }
            close(file)
        }
    }

    deinit {
        unlink(path)
        close(descriptor)
    }

    private static func isFile(_ descriptor: Int32, at path: String) -> Bool {
        var (own, found) = (stat(), stat())
        return fstat(descriptor, &own) == 0 && stat(path, &found) == 0 && own.st_ino == found.st_ino
            && own.st_dev == found.st_dev
    }
}
