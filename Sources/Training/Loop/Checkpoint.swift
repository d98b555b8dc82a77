import Experiments
import Foundation
import Layers
import Tensors

/// A folder from which a run goes on as if it had not stopped: `state.json`, `parameters.safetensors`,
/// `optimizer.safetensors`, `random.safetensors`, and `best.safetensors` where the best parameters are kept.
enum Checkpoint {
    struct State<Position: Codable & Sendable>: Codable, Sendable {
        var formatVersion = Checkpoint.formatVersion
        let runID: String?
        let progress: TrainingProgress
        let position: Position
        var origin: Origin?
    }

    /// What a run was begun with; whoever resumes it must agree.
    struct Origin: Codable, Sendable, Equatable {
        /// Complete, as YAML.
        let recipe: String
        let base: ArtefactManifest.Base?
        /// Settings that were searched for before the first step, by name; absent where none were.
        var chosen: [String: Double]?
    }

    /// What of a run has tensors.
    struct Contents {
        let parameters: [NamedParameter]
        let optimizer: [NamedParameter]
        let random: [(name: String, source: RandomSource)]
        let best: [NamedParameter]
    }

    static let formatVersion = 1
    static let stateFile = "state.json"

    static func exists(in folder: URL) -> Bool {
        AtomicDirectory.removeLeftovers(of: folder)
        return FileManager.default.fileExists(atPath: folder.appending(path: stateFile).path)
    }

    static func write<Position>(
        _ state: State<Position>, _ contents: Contents, to folder: URL,
        reached: (AtomicDirectory.Step) throws -> Void
    ) throws {
        try AtomicDirectory.write(to: folder, reached: reached) { folder in
            func save(_ tensors: [(name: String, tensor: Tensor)], _ name: String) throws {
                if !tensors.isEmpty {
                    try TensorArchive.write(tensors, to: folder.appending(path: "\(name).safetensors").path)
                }
            }
            try save(contents.parameters.map { ($0.name, $0.tensor) }, "parameters")
            try save(contents.optimizer.map { ($0.name, $0.tensor) }, "optimizer")
            try save(contents.random.map { ($0.name, $0.source.state) }, "random")
            try save(contents.best.map { ($0.name, $0.tensor) }, "best")
            try StableJSON.write(state, to: folder.appending(path: stateFile))
        }
    }

    /// - Throws: ``TrainingError/noCheckpoint(folder:)``, ``TrainingError/checkpoint(folder:reason:)``.
    static func state<Position>(in folder: URL, _ type: Position.Type) throws -> State<Position> {
        guard exists(in: folder) else { throw TrainingError.noCheckpoint(folder: folder.path) }
        let state: State<Position>
        do {
            let data = try Data(contentsOf: folder.appending(path: stateFile))
            state = try StableJSON.value(State<Position>.self, from: data)
        } catch is DecodingError {
            throw TrainingError.checkpoint(folder: folder.path, reason: "\(stateFile) is damaged or of another method")
        }
        guard state.formatVersion == formatVersion else {
            throw TrainingError.checkpoint(folder: folder.path, reason: "format version \(state.formatVersion)")
        }
        return state
    }

    /// What the run of a checkpoint was begun with; nil for a run without a recipe.
    /// - Throws: ``TrainingError/noCheckpoint(folder:)``, ``TrainingError/checkpoint(folder:reason:)``.
    static func origin(in folder: URL) throws -> Origin? {
        struct Part: Decodable { let origin: Origin? }
        guard exists(in: folder) else { throw TrainingError.noCheckpoint(folder: folder.path) }
        do {
            return try StableJSON.value(Part.self, from: Data(contentsOf: folder.appending(path: stateFile))).origin
        } catch is DecodingError {
            throw TrainingError.checkpoint(folder: folder.path, reason: "\(stateFile) is damaged")
        }
    }

    /// Puts saved values into the tensors of a run. Everything is checked before anything is changed.
    static func restore(_ contents: Contents, optimizer: any Optimizer, from folder: URL) throws -> [String: Tensor] {
        func failure(_ reason: String) -> TrainingError { .checkpoint(folder: folder.path, reason: reason) }
        func read(_ name: String) throws -> [String: Tensor] {
            let file = folder.appending(path: "\(name).safetensors")
            return FileManager.default.fileExists(atPath: file.path) ? try TensorArchive.read(file.path) : [:]
        }
        let parameters = try read("parameters")
        let random = try read("random")
        guard Set(parameters.keys) == Set(contents.parameters.map(\.name)) else {
            throw failure("it holds \(parameters.count) tensors, the model trains \(contents.parameters.count)")
        }
        for parameter in contents.parameters where parameters[parameter.name]?.shape != parameter.tensor.shape {
            throw failure("\(parameter.name) has another shape")
        }
        guard Set(random.keys) == Set(contents.random.map(\.name)) else { throw failure("other random sources") }
        let best = try read("best")
        let trained = Dictionary(uniqueKeysWithValues: contents.parameters.map { ($0.name, $0.tensor.shape) })
        for (name, tensor) in best where trained[name] != tensor.shape {
            throw failure("the best \(name) has another shape")
        }
        do {
            // A generator takes a state or refuses it whole; one of its own kind stands in for the check.
            for state in random.values { try RandomSource(seed: 0).restore(state) }
            try optimizer.restore(try read("optimizer"))
        } catch let error as OptimizerStateError {
            throw failure(error.description)
        } catch let error as TensorError {
            throw failure("\(error)")
        }
        for parameter in contents.parameters {
            if let saved = parameters[parameter.name] { parameter.tensor.assign(saved) }
        }
        for (name, source) in contents.random { if let saved = random[name] { source.state = saved } }
        return best
    }
}
