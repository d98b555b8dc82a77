import Foundation

/// The folders that are searched for data sets, each set in a folder of its own name.
public struct DataDirectory: Sendable, Equatable {
    /// In the order they are searched.
    public let folders: [URL]

    public init(folders: [URL]) { self.folders = folders }

    /// `WALLFACER_DATA` if it is set, then the cache's `data` folder (`WALLFACER_HOME/data` or `~/.cache/wallfacer/data`).
    public init(home: WallfacerHome = .current) {
        folders = [home.givenDataSets, home.dataSets].compactMap(\.self)
    }

    /// The first of the named files that exists, folder by folder.
    public func find(dataSet: String, anyOf names: [String]) -> URL? {
        for folder in folders {
            for name in names {
                let file = folder.appending(path: dataSet).appending(path: name)
                if FileManager.default.fileExists(atPath: file.path) { return file }
            }
        }
        return nil
    }

    /// The first folder of a data set that fits.
    public func folder(dataSet: String, where fits: (URL) -> Bool = { _ in true }) -> URL? {
        folders.map { $0.appending(path: dataSet, directoryHint: .isDirectory) }.first {
            FileManager.default.fileExists(atPath: $0.path) && fits($0)
        }
    }

    /// Like ``find(dataSet:anyOf:)``.
    /// - Throws: ``CorpusError/missing(dataSet:wanted:searched:advice:)`` with what to put where.
    public func require(dataSet: String, anyOf names: [String]) throws -> URL {
        if let file = find(dataSet: dataSet, anyOf: names) { return file }
        throw missing(dataSet: dataSet, wanted: names.joined(separator: " or "))
    }

    /// The ESConv conversations of this directory.
    /// - Throws: ``CorpusError``.
    public func supportConversations() throws -> SupportCorpus {
        guard let folder = folder(dataSet: "esconv", where: ESConv.isPresent) else {
            throw missing(dataSet: "esconv", wanted: "ESConv.json, or train, valid and test as .jsonl")
        }
        return try ESConv.load(folder: folder)
    }

    func missing(dataSet: String, wanted: String) -> CorpusError {
        let target = (folders.last ?? URL(fileURLWithPath: "data")).appending(path: dataSet)
        return .missing(
            dataSet: dataSet, wanted: wanted, searched: folders.map { $0.appending(path: dataSet).path },
            advice: "run `wallfacer data get \(dataSet)`, or put the files into \(target.path)")
    }
}
