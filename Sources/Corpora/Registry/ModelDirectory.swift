import Foundation

/// Finds the models that people name: a path, a published name, or the name of something trained here.
public struct ModelDirectory: Sendable, Equatable {
    /// Downloaded models, one folder or file each.
    public let models: URL
    /// Trained models, one folder each.
    public let artefacts: URL

    public init(home: WallfacerHome = .current) {
        models = home.models
        artefacts = home.artefacts
    }

    public init(models: URL, artefacts: URL) {
        self.models = models
        self.artefacts = artefacts
    }

    /// Where the files of a published model belong.
    public func folder(of model: PublishedModel) -> URL {
        models.appending(path: model.name, directoryHint: .isDirectory)
    }

    /// Whether all files of a published model are at their place.
    public func isPresent(_ model: PublishedModel) -> Bool {
        guard case .files(let files) = model.origin else { return downloaded(model.name) != nil }
        return files.allSatisfy {
            FileManager.default.fileExists(atPath: folder(of: model).appending(path: $0.name).path)
        }
    }

    /// The folder or file of a model.
    ///
    /// A text with a slash, or with the ending of a weight file, is a path. Anything else is looked for among the
    /// downloaded models (whatever its case), then the trained ones by their folder and by their run, then in the current
    /// folder.
    /// - Parameter run: the folder of what a run trained, by the run's identifier or name.
    /// - Throws: ``ModelLookupError``, errors of `run`.
    public func locate(_ name: String, run: (String) throws -> URL? = { _ in nil }) throws -> URL {
        let isPath = name.contains("/") || Self.weightEndings.contains { name.hasSuffix($0) }
        if isPath {
            let file = URL(fileURLWithPath: (name as NSString).expandingTildeInPath)
            guard FileManager.default.fileExists(atPath: file.path) else { throw ModelLookupError.noFile(path: name) }
            return file
        }
        if let file = downloaded(name) { return file }
        let trained = artefacts.appending(path: name, directoryHint: .isDirectory)
        let here = URL(fileURLWithPath: name)
        // An empty name would be the folder of all models.
        if !name.isEmpty {
            if FileManager.default.fileExists(atPath: trained.path) { return trained }
            if let found = try run(name) { return found }
            if FileManager.default.fileExists(atPath: here.path) { return here }
        }
        if let published = PublishedModel.named(name) {
            let isSingleFile = if case .package = published.origin { true } else { false }
            throw ModelLookupError.notHere(published, folder: (isSingleFile ? models : folder(of: published)).path)
        }
        throw ModelLookupError.unknown(
            name: name, published: PublishedModel.all.map(\.name), trained: trainedNames, folder: models.path)
    }

    /// What was trained here, by name.
    public var trainedNames: [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: artefacts.path)) ?? []
        return names.filter { !$0.hasPrefix(".") && !$0.hasSuffix(".checkpoint") }.sorted()
    }

    private static let weightEndings = [".gguf", ".safetensors"]

    /// The folder `NAME` among the downloaded models, or the only weight file there whose name is `NAME` with endings.
    private func downloaded(_ name: String) -> URL? {
        let wanted = name.lowercased()
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: models.path)) ?? []).sorted()
        if let folder = names.first(where: { $0.lowercased() == wanted }) {
            let url = models.appending(path: folder)
            // A folder that a broken download left empty is no model.
            let contents = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
            if contents.contains(where: { !$0.hasSuffix(".partial") }) { return url }
        }
        let files = names.filter { file in
            file.lowercased().hasPrefix(wanted + ".") && Self.weightEndings.contains { file.hasSuffix($0) }
        }
        return files.count == 1 ? models.appending(path: files[0]) : nil
    }
}

/// Why a model could not be found, and what to do about it.
public enum ModelLookupError: Error, Equatable, CustomStringConvertible {
    case noFile(path: String)
    /// A published model that nobody has fetched yet.
    case notHere(PublishedModel, folder: String)
    case unknown(name: String, published: [String], trained: [String], folder: String)

    public var description: String {
        switch self {
        case .noFile(let path): "\(path): no such file or folder"
        case .notHere(let model, let folder):
            switch model.origin {
            case .package: "model \(model.name) is not here; run Scripts/bootstrap, which places it into \(folder)"
            case .files: "model \(model.name) is not here; run `wallfacer models get \(model.name)`"
            case .agreement(let page):
                "model \(model.name) is not here; its publisher asks for an agreement (\(model.licence)): "
                    + "accept it at \(page), then put the files into \(folder)"
            }
        case .unknown(let name, let published, let trained, let folder):
            "model \(name): neither a file, nor a folder in \(folder), nor one of the published models "
                + published.joined(separator: ", ")
                + (trained.isEmpty ? "; nothing was trained here yet" : ", nor trained here: ")
                + trained.listed()
        }
    }
}
