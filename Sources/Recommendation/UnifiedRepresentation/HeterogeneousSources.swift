import Corpora
import Evaluation
import Foundation
import Worlds

extension HeterogeneousData {
    /// Pairs of the item-type world. Training comes in its own proportions of types; every type has the same number of test
    /// and of validation pairs, so that the sparse one is measured as well as the rich one.
    /// - Parameter validationPairsPerType: nil takes a quarter of `trainPairs` in the world's proportions.
    package init(
        _ world: ItemTypeWorld, trainPairs: Int, testPairsPerType: Int, validationPairsPerType: Int? = nil
    ) {
        let configuration = world.configuration
        let types = world.types.enumerated().map { index, items in
            TypedItems(
                name: "type \(index + 1)", count: items.count,
                vocabularySizes: [Int](repeating: configuration.fieldValues, count: items.fieldCount),
                fields: items.fields, numberCount: items.attributeCount, numbers: items.attributes)
        }
        var known = types.map { _ in Set<Int64>() }
        // What was a training pair is no test pair: its edge would be among the inputs.
        func draw(stream: UInt64, count: Int, perType: Int? = nil) -> [LabelledPairs] {
            var pairs = [LabelledPairs](repeating: LabelledPairs(), count: types.count)
            // A type of share 0 never fills up.
            for index in 0..<(perType.map { $0 * 200 } ?? count) {
                let found = world.interaction(index, stream: stream)
                let type = Int(found.type)
                let name = Int64(found.user) << 32 | Int64(found.item)
                if stream == 0 {
                    known[type].insert(name)
                } else if known[type].contains(name) || pairs[type].count >= perType ?? .max {
                    continue
                }
                pairs[type].append(user: found.user, item: found.item, liked: found.liked)
                if let perType, pairs.allSatisfy({ $0.count >= perType }) { break }
            }
            return pairs
        }
        let train = draw(stream: 0, count: trainPairs)
        self.init(
            userCount: configuration.userCount, types: types, train: train,
            validation: draw(stream: 1, count: trainPairs / 4, perType: validationPairsPerType),
            test: draw(stream: 2, count: 0, perType: testPairsPerType))
    }

    /// Two kinds of items that share users, without attributes. A positive is a published interaction; negatives, as many
    /// as `negatives` for each, are drawn from the items that the user met neither in that part nor in an earlier one.
    ///
    /// Validation is made as the published test is: one interaction of a user, of an item that keeps others in training.
    /// (A random share of the interactions is another task: every fifth has an item with no other interaction.)
    package init(_ pair: CrossDomainPair, negatives: Int, testNegatives: Int, seed: UInt64) throws {
        var parts = [[LabelledPairs]](repeating: [], count: 3)
        for domain in [pair.first, pair.second] {
            let base = SeededGenerator(seed: seed).split("pairs").split(domain.name)
            let (training, validation) = domain.train.leavingOneOut(base.split("validation"))
            let test = (0..<domain.test.userCount).map { Array(domain.test.items(domain.test.rows(ofUser: $0))) }
            let items = domain.train.itemCount
            var met = [Set<Int32>](repeating: [], count: domain.train.userCount)
            for (place, liked) in [training, validation, test].enumerated() {
                var generator = base.split(UInt64(place))
                var pairs = LabelledPairs()
                for user in generator.shuffled(liked.indices) {
                    met[user].formUnion(liked[user])
                    for item in liked[user] {
                        pairs.append(user: Int32(user), item: item, liked: true)
                        guard met[user].count < items else { continue }
                        for _ in 0..<(place == 0 ? negatives : testNegatives) {
                            var other = Int32(generator.integer(below: items))
                            while met[user].contains(other) { other = Int32(generator.integer(below: items)) }
                            pairs.append(user: Int32(user), item: other, liked: false)
                        }
                    }
                }
                parts[place].append(pairs)
            }
        }
        self.init(
            userCount: pair.first.train.userCount,
            types: [pair.first, pair.second].map { TypedItems(name: $0.name, count: $0.train.itemCount) },
            train: parts[0], validation: parts[1], test: parts[2], samplesNegatives: true)
    }

    /// The pair of a name like `phone_sport` in the data set `disencdr-cross-domain`.
    /// - Throws: `CorpusError`, `InteractionError`.
    static func crossDomainPair(_ name: String, in data: DataDirectory) throws -> CrossDomainPair {
        let parts = name.split(separator: "_").map(String.init)
        let wanted = "\(name)/train.txt and test.txt, and those of the other direction"
        guard parts.count == 2 else {
            throw CorpusError.missing(
                dataSet: crossDomainSet, wanted: wanted, searched: data.folders.map(\.path),
                advice: "Name two kinds of items, for example phone_sport.")
        }
        guard let folder = data.folder(dataSet: crossDomainSet, where: { hasPair(parts, in: $0) }) else {
            throw CorpusError.missing(
                dataSet: crossDomainSet, wanted: wanted, searched: data.folders.map(\.path),
                advice: "Put the folders of the DisenCDR repository's data set there.")
        }
        return try CrossDomainPair(folder: folder, pair: (parts[0], parts[1]))
    }

    static let crossDomainSet = "disencdr-cross-domain"

    private static func hasPair(_ parts: [String], in folder: URL) -> Bool {
        FileManager.default.fileExists(atPath: folder.appending(path: "\(parts[0])_\(parts[1])").path)
    }
}

extension HeterogeneousData {
    /// Files of a folder: `NAME.inter` of each type with the columns `user_id`, `item_id` and a label, and `NAME.item`
    /// with `item_id` and any token and float columns as attributes (RecBole's atomic files). Types are in the order
    /// of their names. Rows are split 70 / 20 / 10, at random as the released code does, or by time.
    ///
    /// - Parameters:
    ///   - label: the column of `NAME.inter` whose value above `threshold` is a like.
    ///   - time: the column of `NAME.inter` that splits, the latest rows of a type into its test; rows of one time stay
    ///     together. Empty for a random split.
    /// - Throws: `InteractionError`, also for a row without user, item, label or time; `CorpusError`.
    package init(folder: URL, label: String, threshold: Double, time: String = "", seed: UInt64) throws {
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
            .filter { $0.hasSuffix(".inter") }.map { String($0.dropLast(6)) }.sorted()
        guard !names.isEmpty else {
            throw CorpusError.missing(
                dataSet: folder.lastPathComponent, wanted: "NAME.inter of each type of items",
                searched: [folder.path], advice: "Put the atomic files of each type into this folder.")
        }
        let files = try names.map {
            try AtomicFiles(
                folder: folder, name: $0, missing: .fill(.nan), keys: ["user_id", "item_id", label, time])
        }
        var users = IdentifierMap()
        for file in files {
            for user in try file.interactions.tokens("user_id").vocabulary.tokens { users.insert(user) }
        }
        var types: [TypedItems] = []
        var parts = [[LabelledPairs]](repeating: [], count: 3)
        for (name, file) in zip(names, files) {
            let (userValues, userNames) = try file.interactions.tokens("user_id")
            let (itemValues, items) = try file.interactions.tokens("item_id")
            let labels = try file.interactions.numbers(label)
            let shared = try userNames.tokens.map { try users.index(of: $0, kind: "user") }
            var pairs = [LabelledPairs](repeating: LabelledPairs(), count: 3)
            let times = time.isEmpty ? nil : try file.interactions.numbers(time)
            let cuts = times.map { times in
                let sorted = times.sorted()
                return sorted.isEmpty ? [] : [0.7, 0.9].map { sorted[Int($0 * Double(sorted.count))] }
            }
            var generator = SeededGenerator(seed: seed).split("rows").split(name)
            for row in generator.shuffled(labels.indices) {
                let place = generator.uniform()
                let part =
                    if let times, let cuts { cuts.count { $0 <= times[row] } } else {
                        place < 0.7 ? 0 : place < 0.9 ? 1 : 2
                    }
                pairs[part].append(
                    user: shared[Int(userValues[row])], item: itemValues[row], liked: labels[row] > threshold)
            }
            for (part, pairs) in pairs.enumerated() { parts[part].append(pairs) }
            types.append(try Self.items(name, items, attributes: file.items))
        }
        self.init(
            userCount: users.count, types: types, train: parts[0], validation: parts[1], test: parts[2])
    }

    /// Token columns become fields whose value 0 is unknown, float columns numbers of mean 0 and deviation 1, where what is
    /// missing is the mean.
    private static func items(_ name: String, _ items: IdentifierMap, attributes: FeatureTable?) throws -> TypedItems {
        guard let attributes else { return TypedItems(name: name, count: items.count) }
        let rows = try attributes.rows(alignedTo: items, key: "item_id")
        var sizes: [Int] = []
        var fields: [[Int32]] = []
        var numbers: [[Float]] = []
        var unread: [String] = []
        for column in attributes.columnNames where column != "item_id" {
            switch try attributes.column(column) {
            case .token(let values, let vocabulary):
                sizes.append(vocabulary.count + 1)
                fields.append(rows.map { $0 < 0 ? 0 : values[Int($0)] + 1 })
            case .float(let values):
                let own = rows.map { $0 < 0 ? .nan : values[Int($0)] }
                let summary = Summary(own.filter(\.isFinite))
                let scale = summary.standardDeviation > 0 ? summary.standardDeviation : 1
                numbers.append(own.map { $0.isFinite ? Float(($0 - summary.mean) / scale) : 0 })
            case .tokenSequence, .floatSequence: unread.append(column)
            }
        }
        let places = 0..<items.count
        return TypedItems(
            name: name, count: items.count, vocabularySizes: sizes,
            fields: places.flatMap { place in fields.map { $0[place] } }, numberCount: numbers.count,
            numbers: places.flatMap { place in numbers.map { $0[place] } }, unreadColumns: unread)
    }
}

extension InteractionLog {
    /// The items of each user, one of them put aside where the user keeps another and the item another user.
    fileprivate func leavingOneOut(_ generator: SeededGenerator) -> (kept: [[Int32]], left: [[Int32]]) {
        var generator = generator
        var kept = (0..<userCount).map { Array(items(rows(ofUser: $0))) }
        var left = [[Int32]](repeating: [], count: userCount)
        var counts = [Int](repeating: 0, count: itemCount)
        for item in kept.joined() { counts[Int(item)] += 1 }
        for user in generator.shuffled(0..<userCount) where kept[user].count > 1 {
            let places = kept[user].indices.filter { counts[Int(kept[user][$0])] > 1 }
            guard !places.isEmpty else { continue }
            let item = kept[user].remove(at: generator.element(of: places))
            counts[Int(item)] -= 1
            left[user] = [item]
        }
        return (kept, left)
    }
}
