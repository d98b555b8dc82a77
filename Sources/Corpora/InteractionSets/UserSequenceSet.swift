import Foundation

/// One user a line: the user, then the items in the order they were met, separated by spaces (the layout of the S3-Rec
/// sets: Beauty, Sports, Toys, Yelp, LastFM), with the attributes of each item where there are any.
public struct UserSequenceSet: Sendable {
    public let log: InteractionLog
    public let attributes: IdentifierMap
    /// Attributes of item `i` are `attributeValues[attributeOffsets[i] ..< attributeOffsets[i + 1]]`.
    public let attributeOffsets: [Int32]
    public let attributeValues: [Int32]

    /// Reads `NAME.txt` and `NAME_item2attributes.json` of a folder; each may also end in `.gz`.
    /// - Throws: ``InteractionError``, ``CorpusError``.
    public init(folder: URL, name: String) throws {
        let sequences = try Self.file("\(name).txt", in: folder, set: name)
        let attributes = try? Self.file("\(name)_item2attributes.json", in: folder, set: name)
        try self.init(
            sequences: FileContents.data(sequences), file: sequences.lastPathComponent,
            attributes: attributes.map { try FileContents.data($0) },
            attributeFile: attributes?.lastPathComponent ?? "")
    }

    /// - Parameter attributes: a JSON object from item to a list of attribute numbers.
    /// - Throws: ``InteractionError``, ``CorpusError``.
    public init(sequences: Data, file: String, attributes: Data? = nil, attributeFile: String = "") throws {
        var users = IdentifierMap()
        var items = IdentifierMap()
        var userIndices: [Int32] = []
        var itemIndices: [Int32] = []
        for (number, line) in sequences.split(separator: 0x0A).enumerated() {
            let parts = line.split(whereSeparator: { $0 == 0x20 || $0 == 0x0D || $0 == 0x09 })
            guard let first = parts.first else { continue }
            guard parts.count > 1 else {
                throw CorpusError.badLine(file: file, line: number + 1, detail: "a user without items")
            }
            let user = String(decoding: first, as: UTF8.self)
            guard users[user] == nil else {
                throw CorpusError.badLine(file: file, line: number + 1, detail: "user \(user) stands twice")
            }
            let index = users.insert(user)
            for part in parts.dropFirst() {
                userIndices.append(index)
                itemIndices.append(items.insert(String(decoding: part, as: UTF8.self)))
            }
        }
        log = try InteractionLog(
            users: users, items: items, userIndices: userIndices, itemIndices: itemIndices, order: .asGiven, name: file)

        var map = IdentifierMap()
        var lists: [String: [Int]] = [:]
        if let attributes {
            do {
                lists = try JSONDecoder().decode([String: [Int]].self, from: attributes)
            } catch let error as DecodingError {
                throw CorpusError.damaged(
                    file: attributeFile, format: "item attribute JSON", detail: JSONLines.describe(error))
            }
        }
        var offsets: [Int32] = [0]
        var values: [Int32] = []
        for token in items.tokens {
            for attribute in lists[token] ?? [] { values.append(map.insert(String(attribute))) }
            offsets.append(Int32(values.count))
        }
        self.attributes = map
        attributeOffsets = offsets
        attributeValues = values
    }

    /// The attributes of an item; empty where none are known.
    public func attributes(ofItem item: Int) -> ArraySlice<Int32> {
        attributeValues[Int(attributeOffsets[item])..<Int(attributeOffsets[item + 1])]
    }

    static func file(_ name: String, in folder: URL, set: String) throws -> URL {
        for ending in ["", ".gz", ".xz"] {
            let file = folder.appending(path: name + ending)
            if FileManager.default.fileExists(atPath: file.path) { return file }
        }
        throw CorpusError.missing(
            dataSet: set, wanted: name, searched: [folder.path], advice: "Put the file into this folder.")
    }
}
