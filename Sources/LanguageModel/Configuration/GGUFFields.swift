import Tensors

/// Typed access to the metadata of a GGUF file, integers of any width; keys of the architecture without its prefix.
struct GGUFFields {
    let file: String
    let metadata: [String: GGUFValue]
    let architecture: String

    /// - Throws: `WeightFileError` without `general.architecture`.
    init(_ file: GGUFFile) throws {
        self.file = file.path
        metadata = file.metadata
        guard let architecture = metadata["general.architecture"]?.string else {
            throw WeightFileError.malformed(
                file: file.path, field: "general.architecture",
                found: metadata["general.architecture"]?.summary ?? "absent", allowed: "a string")
        }
        self.architecture = architecture
    }

    func key(_ name: String) -> String { "\(architecture).\(name)" }

    func malformed(_ key: String, allowed: String) -> WeightFileError {
        .malformed(file: file, field: key, found: metadata[key]?.summary ?? "absent", allowed: allowed)
    }

    func integer(_ name: String, in range: ClosedRange<Int> = 1...ConfigurationFields.maximumSize) throws -> Int? {
        guard let value = metadata[key(name)] else { return nil }
        guard let number = value.integer, range.contains(number) else {
            throw malformed(key(name), allowed: "an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func required(_ name: String, in range: ClosedRange<Int> = 1...ConfigurationFields.maximumSize) throws -> Int {
        guard let number = try integer(name, in: range) else {
            throw malformed(key(name), allowed: "a positive integer")
        }
        return number
    }

    func number(_ names: String...) throws -> Double? {
        for name in names {
            guard let value = metadata[key(name)] else { continue }
            guard let number = value.number, number > 0, number.isFinite else {
                throw malformed(key(name), allowed: "a positive number")
            }
            return number
        }
        return nil
    }
}
