import Foundation

/// The folder beside a directory in which its next version is written: `.NAME.partial-PROCESS-START-UNIQUE`.
struct StagingFolder {
    let destination: URL
    let folder: URL

    var parent: URL { destination.deletingLastPathComponent() }

    init(beside destination: URL) {
        self.destination = destination.standardizedFileURL
        let identity = ProcessIdentity.current
        let unique = UInt32.random(in: 0 ... .max)
        folder = self.destination.deletingLastPathComponent().appending(
            path: Self.prefix(of: destination, .partial) + "\(identity.process)-\(identity.startTicks)-\(unique)",
            directoryHint: .isDirectory)
    }

    private enum Kind: String {
        case partial
        /// The old directory, on file systems that cannot exchange two names in one step.
        case previous
    }

    private static func prefix(of destination: URL, _ kind: Kind) -> String {
        ".\(destination.lastPathComponent).\(kind.rawValue)-"
    }

    /// Makes the staging folder the destination. Afterwards the old directory, if any, bears the staging folder's name.
    func takePlace() throws {
        if rename(folder.path, destination.path) == 0 { return }
        switch errno {
        case ENOTEMPTY, EEXIST: break
        case ENOTDIR: throw failure("replacing a file that stands at this name", ENOTDIR)
        default: throw failure("renaming", errno)
        }
        if exchangeNames(folder.path, destination.path) { return }
        let previous = parent.appending(
            path: folder.lastPathComponent.replacing(".partial-", with: ".previous-"), directoryHint: .isDirectory)
        guard rename(destination.path, previous.path) == 0 else { throw failure("renaming", errno) }
        guard rename(folder.path, destination.path) == 0 else {
            let code = errno
            _ = rename(previous.path, destination.path)
            throw failure("renaming", code)
        }
        _ = rename(previous.path, folder.path)
    }

    private func failure(_ operation: String, _ code: Int32) -> AtomicDirectoryError {
        .failed(path: destination.path, operation: operation, reason: String(cString: strerror(code)))
    }

    static func removeLeftovers(of destination: URL) {
        let destination = destination.standardizedFileURL
        let parent = destination.deletingLastPathComponent()
        let names = (try? FileManager.default.contentsOfDirectory(atPath: parent.path)) ?? []
        for kind in [Kind.previous, .partial] {
            let prefix = prefix(of: destination, kind)
            for name in names where name.hasPrefix(prefix) && isAbandoned(name.dropFirst(prefix.count)) {
                let leftover = parent.appending(path: name)
                if kind == .previous, !FileManager.default.fileExists(atPath: destination.path) {
                    _ = rename(leftover.path, destination.path)
                } else {
                    try? FileManager.default.removeItem(at: leftover)
                }
            }
        }
    }

    /// Whether the process in `PROCESS-START-UNIQUE` is gone. Names we did not make are left alone.
    private static func isAbandoned(_ suffix: Substring) -> Bool {
        let parts = suffix.split(separator: "-")
        guard parts.count == 3, let process = Int32(parts[0]), let start = UInt64(parts[1]) else { return false }
        let current = ProcessIdentity.current
        return ProcessIdentity(process: process, startTicks: start, boot: current.boot, machine: current.machine).isGone
    }
}

#if canImport(Darwin)
    /// Exchanges two names in one step.
    private func exchangeNames(_ first: String, _ second: String) -> Bool {
        renamex_np(first, second, UInt32(RENAME_SWAP)) == 0
    }
#else
    private typealias RenameAt2 =
        @convention(c) (Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32) -> Int32

    /// `renameat2`, which the C library offers since 2018 but hides from Swift behind `_GNU_SOURCE`.
    private let renameAt2: RenameAt2? = dlsym(nil, "renameat2").map { unsafeBitCast($0, to: RenameAt2.self) }

    /// Exchanges two names in one step. Some network file systems cannot.
    private func exchangeNames(_ first: String, _ second: String) -> Bool {
        let exchange: UInt32 = 2
        return renameAt2?(AT_FDCWD, first, AT_FDCWD, second, exchange) == 0
    }
#endif

/// Makes the disk hold what was written.
enum FileSync {
    /// Syncs every file and folder below `folder`, and `folder` itself.
    static func syncTree(_ folder: URL) throws {
        let keys: [URLResourceKey] = [.isRegularFileKey, .isDirectoryKey]
        guard let entries = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: keys) else { return }
        for case let entry as URL in entries {
            let values = try entry.resourceValues(forKeys: Set(keys))
            if values.isRegularFile == true || values.isDirectory == true { try sync(entry) }
        }
        try sync(folder)
    }

    /// Syncs one file or folder.
    static func sync(_ file: URL) throws {
        let descriptor = open(file.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(file, "opening") }
        defer { close(descriptor) }
        // EINVAL: the file system cannot sync this kind of file, and nothing is lost by it.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure(file, "syncing to the disk") }
    }

    private static func failure(_ file: URL, _ operation: String) -> AtomicDirectoryError {
        .failed(path: file.path, operation: operation, reason: String(cString: strerror(errno)))
    }
}
