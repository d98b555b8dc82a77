import Foundation
import Tensors

/// The files of a model behind the path that a user gives.
enum ModelFiles: Hashable {
    case gguf(String)
    /// `weights` is a safetensors file or the index of several; `folder` holds `config.json`.
    case safetensors(weights: String, folder: String)

    /// - Throws: `WeightFileError.unreadable` that says what was looked for.
    init(path: String) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw WeightFileError.unreadable(file: path, reason: "no such file or folder")
        }
        guard isFolder.boolValue else {
            if path.hasSuffix(".safetensors") {
                let folder = (path as NSString).deletingLastPathComponent
                self = .safetensors(weights: path, folder: folder.isEmpty ? "." : folder)
            } else {
                self = .gguf(path)
            }
            return
        }
        let folder = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        for name in ["model.safetensors.index.json", "model.safetensors"]
        where FileManager.default.fileExists(atPath: "\(folder)/\(name)") {
            self = .safetensors(weights: "\(folder)/\(name)", folder: folder)
            return
        }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let models = names.filter { $0.hasSuffix(".gguf") && !($0.contains("-of-") && !$0.contains("-00001-of-")) }
        guard models.count == 1 else {
            throw WeightFileError.unreadable(
                file: path,
                reason: models.isEmpty
                    ? "no model.safetensors, model.safetensors.index.json or GGUF file in this folder"
                    : "several GGUF files in this folder; name one of \(models.sorted().joined(separator: ", "))")
        }
        self = .gguf("\(folder)/\(models[0])")
    }
}
