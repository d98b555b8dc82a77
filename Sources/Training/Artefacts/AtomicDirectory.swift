import Foundation

/// Writes a directory so that a reader sees the whole old one or the whole new one, whatever happens in between.
///
/// The new directory is written beside its final name, its files and folders are synced to the disk, and it changes
/// places with the old one in one step. A killed process or a full disk leaves the old one; what they leave beside it
/// is removed by the next writer.
///
/// ```swift
/// try AtomicDirectory.write(to: checkpoint) { folder in
///     try weights.write(to: folder.appending(path: "model.safetensors"))
/// }
/// ```
public enum AtomicDirectory {
    /// The points between which a process may die.
    package enum Step: String, CaseIterable, Sendable {
        case stagingCreated, written, synced, exchanged, finished
    }

    /// Replaces the directory `destination` by what `body` writes into the folder it is given.
    ///
    /// - Parameter body: writes the whole new contents. If it throws, nothing changes and the error is thrown on.
    /// - Throws: ``AtomicDirectoryError``, or the error of `body` unless that says that the disk is full.
    public static func write<Result>(to destination: URL, _ body: (URL) throws -> Result) throws -> Result {
        try write(to: destination, reached: { _ in }, body)
    }

    /// - Parameter reached: called at each step, so that tests can fail or die there.
    package static func write<Result>(
        to destination: URL, reached: (Step) throws -> Void, _ body: (URL) throws -> Result
    ) throws -> Result {
        let staging = StagingFolder(beside: destination)
        do {
            try FileManager.default.createDirectory(at: staging.parent, withIntermediateDirectories: true)
            removeLeftovers(of: destination)
            try FileManager.default.createDirectory(at: staging.folder, withIntermediateDirectories: false)
            try reached(.stagingCreated)
            let result = try body(staging.folder)
            try reached(.written)
            try FileSync.syncTree(staging.folder)
            try reached(.synced)
            try staging.takePlace()
            try reached(.exchanged)
            try FileSync.sync(staging.parent)
            try? FileManager.default.removeItem(at: staging.folder)
            try reached(.finished)
            return result
        } catch {
            try? FileManager.default.removeItem(at: staging.folder)
            throw AtomicDirectoryError.describing(error, writing: destination)
        }
    }

    /// Removes what writers that died left beside `destination`, and puts an old directory back that one of them had
    /// moved away. Readers call it before they decide that there is nothing.
    public static func removeLeftovers(of destination: URL) {
        StagingFolder.removeLeftovers(of: destination)
    }
}

/// Why a directory could not be written. The old one, if there was one, is still there.
public enum AtomicDirectoryError: Error, Equatable, CustomStringConvertible {
    case diskFull(path: String)
    case failed(path: String, operation: String, reason: String)

    public var description: String {
        switch self {
        case .diskFull(let path):
            "\(path): the disk is full; nothing was changed. "
                + "Free some space, or set WALLFACER_HOME to a folder on another disk"
        case .failed(let path, let operation, let reason):
            "\(path): \(operation) failed: \(reason); nothing was changed"
        }
    }

    /// Full disks come as errors of many kinds, depending on who was writing; users get one.
    static func describing(_ error: any Error, writing destination: URL) -> any Error {
        meansDiskFull(error) ? AtomicDirectoryError.diskFull(path: destination.path) : error
    }

    private static func meansDiskFull(_ error: any Error) -> Bool {
        if case .failed(_, _, let reason) = error as? AtomicDirectoryError { return saysDiskFull(reason) }
        let system = error as NSError
        let code = Int32(truncatingIfNeeded: system.code)
        if system.domain == NSPOSIXErrorDomain, code == ENOSPC || code == EDQUOT { return true }
        if system.domain == NSCocoaErrorDomain, system.code == CocoaError.fileWriteOutOfSpace.rawValue { return true }
        if let cause = system.userInfo[NSUnderlyingErrorKey] as? any Error { return meansDiskFull(cause) }
        return saysDiskFull("\(error)")
    }

    private static func saysDiskFull(_ text: String) -> Bool {
        [ENOSPC, EDQUOT].contains { text.localizedCaseInsensitiveContains(String(cString: strerror($0))) }
    }
}
