import Corpora
import Foundation
import Training

extension RankedMethod {
    /// The data that a model is measured on, in the model's own numbers of users and items.
    ///
    /// The file of the training, or a copy of it, must be divided as it was for the training. Of any other file items and
    /// users are matched by name: rows of items that the model does not know are passed over before the file is divided,
    /// and users whom it does not know are numbered behind those that it does.
    /// - Returns: also the name of the data, with what a reader must know.
    /// - Throws: ``RecommendationError/mismatch(reason:)``, ``RecommendationDataError``, `InteractionError`,
    ///   `ArtefactError`, `RecipeError`.
    static func measured(
        _ artefact: URL, _ settings: Settings, _ model: SavedRecommender
    ) throws -> (split: InteractionSplit, name: String) {
        let trained = try trainedSettings(artefact)
        func requireSameParts() throws { try requireSameSplit(artefact, settings) { $0.data.splitSettings } }
        if settings.data.located.source == trained.data.source {
            try requireSameParts()
            let data = try settings.data.feedback(seed: UInt64(settings.seed))
            try requireSame("users", data.log.users, model.users, data.name)
            try requireSame("items", data.log.items, model.items, data.name)
            return (data.split, data.name)
        }
        if settings.data.splitSettings != trained.data.splitSettings {
            // A copy of the file is that file: read as it was for the training, it gives the same counts.
            var copy = trained.data
            copy.source = settings.data.source
            let parts = try? copy.feedback(seed: UInt64(trained.seed)).split
            if let parts, model.wasTrained(on: parts) { try requireSameParts() }
        }
        let data = try settings.data.feedback(seed: UInt64(settings.seed))
        let (split, name) = (data.split, data.name)
        let (known, unknownItems) = try split.log.numbered(users: model.users, items: model.items, name: name)
        let parts = try settings.data.divided(known)
        guard parts.rowCount(.test) > 0 else {
            throw RecommendationDataError.noRows(
                source: "\(name), of which the model knows \(known.rowCount) rows",
                part: InteractionSplit.Part.test.rawValue)
        }
        if model.wasTrained(on: split) { return (parts, name) }
        let remark =
            "not the file of the training: rows that stand in both may have been trained on; "
            + "\(split.log.rowCount - known.rowCount) rows of \(unknownItems) unknown items passed over; "
            + "\(known.userCount - model.users.count) users new"
        return (parts, "\(name) (\(remark))")
    }
}

extension SavedRecommender {
    /// Whether the parts have the users, the items and the training rows of each item that the training had.
    fileprivate func wasTrained(on parts: InteractionSplit) -> Bool {
        let log = parts.log
        guard log.userCount == users.count, log.itemCount == items.count else { return false }
        return log.users.tokens.allSatisfy { users[$0] != nil }
            && zip(log.items.tokens, parts.trainItemCounts).allSatisfy { name, count in
                items[name].map { itemCounts[Int($0)] == Double(count) } ?? false
            }
    }
}

extension InteractionLog {
    /// The rows of known items, with the numbers that others have for users and items.
    /// - Returns: the users are the known ones and behind them the others; how many items are unknown.
    /// - Throws: ``RecommendationError/mismatch(reason:)`` where no item is known.
    fileprivate func numbered(
        users known: IdentifierMap, items: IdentifierMap, name: String
    ) throws -> (log: InteractionLog, unknownItems: Int) {
        let newItems = self.items.tokens.map { items[$0] }
        var unknown = Set<Int32>()
        var users = known
        var rows: (users: [Int32], items: [Int32], times: [Double]) = ([], [], [])
        for user in 0..<userCount {
            for row in self.rows(ofUser: user) {
                guard let item = newItems[Int(itemIndices[row])] else {
                    unknown.insert(itemIndices[row])
                    continue
                }
                rows.users.append(users.insert(self.users.tokens[user]))
                rows.items.append(item)
                if !times.isEmpty { rows.times.append(times[row]) }
            }
        }
        guard !rows.users.isEmpty else {
            throw RecommendationError.mismatch(
                reason: "\(name): the model knows none of its \(self.items.count) items, such as "
                    + "\(self.items.tokens[0].debugDescription); it knows \(items.tokens.prefix(3).joined(separator: ", "))"
            )
        }
        let log = try InteractionLog(
            users: users, items: items, userIndices: rows.users, itemIndices: rows.items, times: rows.times,
            order: .asGiven, name: name)
        return (log, unknown.count)
    }
}
