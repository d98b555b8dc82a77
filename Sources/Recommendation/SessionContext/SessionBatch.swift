import Tensors

/// Some sessions of a log as tensors. `S` sessions, `T` slots of the longest, `H` places of history, `N` exposed rows.
package struct SessionBatch {
    let sessionCount: Int
    let slotCount: Int
    let items: Tensor  // [S, T], 0 behind a session's end
    let clicks: Tensor  // [S, T]
    let profiles: Tensor  // [S]
    let history: Tensor  // [S, H], 0 where there is none
    let historyMask: Tensor  // [S, H]: 1 where there is an item
    /// The place `s · T + t` of each row.
    let rowPlaces: Tensor  // [N]
    let rowSessions: Tensor  // [N]
    let rowItems: Tensor  // [N]
    let rowSlots: Tensor  // [N], from 0
    package let rowClicks: Tensor  // [N]
    package let rowBrowses: Tensor  // [N]
    package let browseWeights: Tensor  // [N]: 0 where the label is censored
    package let clickWeights: Tensor  // [N]

    package var rowCount: Int { rowItems.count }

    init(_ log: SessionLog, sessions: some Collection<Int>, historyLength: Int, maximumSlots: Int) {
        let ranges = sessions.map { session in
            let rows = log.rows(ofSession: session)
            return rows.lowerBound..<min(rows.upperBound, rows.lowerBound + maximumSlots)
        }
        let slots = ranges.map(\.count).max() ?? 1
        let histories = History(
            sessions.map { log.history(ofSession: $0, most: historyLength) }, length: historyLength)
        var items = [Int](repeating: 0, count: ranges.count * slots)
        var clicks = [Float](repeating: 0, count: ranges.count * slots)
        var places: [Int] = []
        var owners: [Int] = []
        for (session, rows) in ranges.enumerated() {
            for (slot, row) in rows.enumerated() {
                items[session * slots + slot] = Int(log.items[row])
                clicks[session * slots + slot] = log.clicks[row] ? 1 : 0
                places.append(session * slots + slot)
                owners.append(session)
            }
        }
        let rows = ranges.flatMap { $0 }
        sessionCount = ranges.count
        slotCount = slots
        self.items = Tensor(items, shape: [ranges.count, slots])
        self.clicks = Tensor(clicks, shape: [ranges.count, slots])
        profiles = Tensor(sessions.map { Int(log.profiles[$0]) })
        history = histories.items
        historyMask = histories.mask
        rowPlaces = Tensor(places)
        rowSessions = Tensor(owners)
        rowItems = Tensor(rows.map { Int(log.items[$0]) })
        rowSlots = Tensor(places.map { $0 % slots })
        rowClicks = Tensor(rows.map { log.clicks[$0] ? Float(1) : 0 })
        rowBrowses = Tensor(rows.map { log.browses[$0] ? Float(1) : 0 })
        browseWeights = Tensor(rows.map { log.knowsBrowse[$0] ? Float(1) : 0 })
        clickWeights = Tensor(rows.map { log.clickWeights[$0] })
    }

    /// Clicked items padded to one length.
    struct History {
        let items: Tensor  // [S, H]
        let mask: Tensor  // [S, H]

        init(_ histories: [ArraySlice<Int32>], length: Int) {
            var items = [Int](repeating: 0, count: histories.count * length)
            var mask = [Float](repeating: 0, count: histories.count * length)
            for (session, history) in histories.enumerated() {
                for (place, item) in history.suffix(length).enumerated() {
                    items[session * length + place] = Int(item)
                    mask[session * length + place] = 1
                }
            }
            self.items = Tensor(items, shape: [histories.count, length])
            self.mask = Tensor(mask, shape: [histories.count, length])
        }
    }
}
