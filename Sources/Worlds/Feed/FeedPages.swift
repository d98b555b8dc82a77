/// Pages: a policy fixes the next items of each user before any of them is seen.
///
/// Users do not influence one another, so all active lanes may stand at the beginning of a page at once, however far each
/// has browsed the page before.
extension FeedBatch {
    /// What a policy puts on the next page of each active lane.
    ///
    /// The policy is asked for one item at a time. It is shown what it has placed so far: slots and repetitions move on,
    /// satisfaction by what is expected of it, `page(of:)` names the items; histories, intents and everything else stay
    /// as they were when the page began, because nothing of it has been seen. Where it names an item of the page again,
    /// the next one of the catalogue that is not on the page takes the place.
    ///
    /// - Parameters:
    ///   - length: items of a page, 1 to the number of items; 1 is the feed slot by slot.
    ///   - pages: replaced by `[active lanes, length]`, as `step` wants them.
    /// - Throws: `WorldError.invalid`.
    public func fillPages<Policy: FeedPolicy>(
        of length: Int, by policy: inout Policy, into pages: inout [Int32]
    ) throws {
        guard (1...world.items.count).contains(length) else {
            throw WorldError.invalid(
                world: "feed", field: "pageLength", found: "\(length)", allowed: "1 to \(world.items.count) (itemCount)"
            )
        }
        if pages.count != activeLanes.count * length {
            pages = [Int32](repeating: 0, count: activeLanes.count * length)
        }
        guard length > 1 else { return policy.choose(for: self, into: &pages) }
        var unseen = self
        unseen.openPages = [[Int32]](repeating: [], count: users.count)
        var choices = [Int32](repeating: 0, count: activeLanes.count)
        for place in 0..<length {
            policy.choose(for: unseen, into: &choices)
            for (row, lane) in activeLanes.enumerated() {
                pages[row * length + place] = unseen.place(choices[row], lane: Int(lane))
            }
        }
    }

    /// The items that stand on the page which is being filled, from the top; policies leave them out. Empty where feeds go
    /// slot by slot.
    @inline(__always)
    public func page(of lane: Int) -> [Int32] { openPages.isEmpty ? [] : openPages[lane] }

    /// Puts an item on the page of a lane, as if it had been seen without anybody looking at what came of it.
    /// - Returns: the item, or the one in its place.
    private mutating func place(_ wanted: Int32, lane: Int) -> Int32 {
        let count = Int32(world.items.count)
        guard (0..<count).contains(wanted) else { return wanted }  // refused by `step`
        var item = wanted
        while openPages[lane].contains(item) { item = (item + 1) % count }
        openPages[lane].append(item)
        satisfactions[lane] = FeedTruth(batch: self, lane: lane).lookAhead(item: Int(item)).satisfaction
        slots[lane] += 1
        repeatTopic(Int(world.items.topics[Int(item)]), lane: lane)
        return item
    }

    /// - Throws: `WorldError.actionCount`, `.unknownAction`, `.invalid`.
    func check(_ choices: [Int32], pageLength: Int) throws {
        guard pageLength >= 1, choices.count == activeLanes.count * pageLength else {
            throw WorldError.actionCount(
                world: "feed", found: choices.count, expected: activeLanes.count * max(1, pageLength))
        }
        let itemCount = world.items.count
        for item in choices where item < 0 || Int(item) >= itemCount {
            throw WorldError.unknownAction(world: "feed", found: Int(item), count: itemCount)
        }
        guard pageLength > 1 else { return }
        for start in stride(from: 0, to: choices.count, by: pageLength) {
            let page = choices[start..<(start + pageLength)]
            for (place, item) in page.enumerated() where page.prefix(place).contains(item) {
                throw WorldError.invalid(
                    world: "feed", field: "page", found: "item \(item) twice", allowed: "different items")
            }
        }
    }
}
