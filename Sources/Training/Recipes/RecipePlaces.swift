/// Single elements of lists, as `--set data.0.source=book.txt` names them.
///
/// What `--set` is laid over is not known before the type of the recipe is, so a place in a list that the user's file
/// does not have stands as a key in a mapping until then.
extension RecipeNode {
    /// Lays mappings from places to values over the default lists that they mean: the place of an element edits it, the
    /// place after the last one adds one.
    func withPlaces(over fallback: RecipeNode?, path: [String] = [], log: ProblemLog) -> RecipeNode {
        switch content {
        case .scalar: return self
        case .sequence(let elements):
            return replacing(
                .sequence(
                    elements.enumerated().map {
                        $0.element.withPlaces(over: nil, path: path + ["\($0.offset)"], log: log)
                    }))
        case .mapping(let entries):
            if let places = places(over: fallback) {
                var elements = fallback?.elements ?? []
                for (place, entry) in places {
                    let path = path + [entry.key]
                    guard place <= elements.count else {
                        let allowed = "a place from 0 to \(elements.count) in the list"
                        log.add(
                            RecipeProblem(
                                path: path.joined(separator: "."), reason: "found \(place), allowed: \(allowed)",
                                origin: entry.origin))
                        continue
                    }
                    if place == elements.count {
                        elements.append(entry.value.withPlaces(over: nil, path: path, log: log))
                    } else {
                        let value = entry.value.withPlaces(over: elements[place], path: path, log: log)
                        elements[place] = value.laid(over: elements[place])
                    }
                }
                return replacing(.sequence(elements))
            }
            return replacing(
                .mapping(
                    entries.map { entry in
                        var entry = entry
                        entry.value = entry.value.withPlaces(
                            over: fallback?[entry.key], path: path + [entry.key], log: log)
                        return entry
                    }))
        }
    }

    private func replacing(_ content: Content) -> RecipeNode {
        var node = self
        node.content = content
        return node
    }

    /// The entries by place, if `--set` made this mapping and a list belongs here.
    private func places(over fallback: RecipeNode?) -> [(place: Int, entry: Entry)]? {
        guard case .option = origin, let entries, !entries.isEmpty, fallback?.entries == nil else { return nil }
        let places = entries.compactMap { entry in Self.place(entry.key).map { (place: $0, entry: entry) } }
        guard places.count == entries.count else { return nil }
        return places.sorted { $0.place < $1.place }
    }

    /// A place in a list, as it is written.
    static func place(_ key: String) -> Int? {
        guard let place = Int(key), place >= 0, "\(place)" == key else { return nil }
        return place
    }

    /// The values of a mapping with those of another one where it has none; anything else stands for itself.
    private func laid(over other: RecipeNode) -> RecipeNode {
        guard let entries, let others = other.entries else { return self }
        let own = entries.map { entry in
            var entry = entry
            if let under = other[entry.key] { entry.value = entry.value.laid(over: under) }
            return entry
        }
        return replacing(.mapping(own + others.filter { self[$0.key] == nil }))
    }
}
