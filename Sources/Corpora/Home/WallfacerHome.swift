import Foundation

/// Where Wallfacer keeps its files: the one place that knows the folders and the variables that move them.
///
/// | folder | holds | default | with `WALLFACER_HOME` |
/// |---|---|---|---|
/// | ``cache`` | what can be fetched again: models and data sets | `~/.cache/wallfacer` | that folder |
/// | ``data`` | what was made here: trained models and the run store | `~/.local/share/wallfacer` | that folder |
///
/// `XDG_CACHE_HOME` and `XDG_DATA_HOME` are respected where they are absolute, as the XDG specification asks. Nothing
/// is created by asking for a path; whoever writes creates the folder.
public struct WallfacerHome: Sendable, Equatable {
    /// The folder of things that can be fetched again.
    public let cache: URL
    /// The folder of things that were made here.
    public let data: URL
    /// The folder that is searched first for data sets (`WALLFACER_DATA`), if one is named.
    public let givenDataSets: URL?

    /// The folders of this process.
    public static let current = WallfacerHome(environment: ProcessInfo.processInfo.environment)

    /// Both folders under one root, as `WALLFACER_HOME` places them.
    public init(root: URL) {
        self.init(environment: ["WALLFACER_HOME": root.path])
    }

    /// The folders that a process with these environment variables uses.
    ///
    /// - Parameter environment: `WALLFACER_HOME`, `WALLFACER_DATA`, `XDG_CACHE_HOME`, `XDG_DATA_HOME` and `HOME` are
    ///   read; an empty variable counts as absent.
    public init(environment: [String: String]) {
        func folder(_ name: String) -> URL? {
            guard let path = environment[name], !path.isEmpty else { return nil }
            return URL(fileURLWithPath: path, isDirectory: true).standardizedFileURL
        }
        func absoluteFolder(_ name: String) -> URL? {
            environment[name]?.hasPrefix("/") == true ? folder(name) : nil
        }
        givenDataSets = folder("WALLFACER_DATA")
        if let root = folder("WALLFACER_HOME") {
            cache = root
            data = root
            return
        }
        let user = absoluteFolder("HOME") ?? FileManager.default.homeDirectoryForCurrentUser
        let caches = absoluteFolder("XDG_CACHE_HOME") ?? user.appending(path: ".cache")
        let shares = absoluteFolder("XDG_DATA_HOME") ?? user.appending(path: ".local/share")
        cache = caches.appending(path: "wallfacer", directoryHint: .isDirectory)
        data = shares.appending(path: "wallfacer", directoryHint: .isDirectory)
    }

    /// Downloaded models, one folder each.
    public var models: URL { cache.appending(path: "models", directoryHint: .isDirectory) }

    /// Downloaded data sets, one folder each.
    public var dataSets: URL { cache.appending(path: "data", directoryHint: .isDirectory) }

    /// Trained models, one folder for each run.
    public var artefacts: URL { data.appending(path: "artefacts", directoryHint: .isDirectory) }

    /// Values that interrupted studies continue from.
    public var studies: URL { data.appending(path: "studies", directoryHint: .isDirectory) }

    /// The SQLite file of runs and their metrics.
    public var runStore: URL { data.appending(path: "runs.sqlite", directoryHint: .notDirectory) }
}
