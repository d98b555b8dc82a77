import Foundation

/// Check-ins at venues with coordinates (the Foursquare New York layout): `NYC.npy` holds user, venue and minute of the
/// period, `NYC_POI.npy` venue, latitude and longitude. Users' rows are not in the order of time in the file.
public struct CheckIns: Sendable {
    /// Times are minutes of the period.
    public let log: InteractionLog
    /// Degrees, by the log's item index.
    public let latitudes: [Double]
    public let longitudes: [Double]

    /// - Throws: ``InteractionError``, ``CorpusError``.
    public init(folder: URL, name: String = "NYC") throws {
        let visits = try UserSequenceSet.file("\(name).npy", in: folder, set: "foursquare")
        let places = try UserSequenceSet.file("\(name)_POI.npy", in: folder, set: "foursquare")
        try self.init(
            visits: NumericArray(file: visits), visitFile: visits.lastPathComponent,
            places: NumericArray(file: places), placeFile: places.lastPathComponent)
    }

    /// - Throws: ``CorpusError`` for arrays of another shape, numbers that are no identifiers, coordinates out of range;
    ///   ``InteractionError/unknownIdentifier(kind:token:known:)`` for a venue without coordinates.
    public init(visits: NumericArray, visitFile: String, places: NumericArray, placeFile: String) throws {
        for (array, file) in [(visits, visitFile), (places, placeFile)]
        where array.shape.count != 2 || array.shape[1] != 3 {
            throw CorpusError.unsupported(
                file: file, found: "an array of shape \(array.shape)", allowed: "rows of three numbers")
        }
        func identifier(_ value: Double, _ file: String, _ row: Int) throws -> String {
            guard let number = Int(exactly: value), number >= 0 else {
                throw CorpusError.damaged(
                    file: file, format: "check-in", detail: "row \(row): \(value) is not an identifier")
            }
            return String(number)
        }
        var items = IdentifierMap()
        var latitudes: [Double] = []
        var longitudes: [Double] = []
        for row in 0..<places.shape[0] {
            let token = try identifier(places[row, 0], placeFile, row)
            guard (-90...90).contains(places[row, 1]), (-180...180).contains(places[row, 2]), items[token] == nil else {
                throw CorpusError.damaged(
                    file: placeFile, format: "venue",
                    detail:
                        "row \(row): venue \(token) at \(places[row, 1]), \(places[row, 2]) is no place or stands twice"
                )
            }
            items.insert(token)
            latitudes.append(places[row, 1])
            longitudes.append(places[row, 2])
        }
        var users = IdentifierMap()
        var userIndices: [Int32] = []
        var itemIndices: [Int32] = []
        var times: [Double] = []
        for row in 0..<visits.shape[0] {
            userIndices.append(users.insert(try identifier(visits[row, 0], visitFile, row)))
            itemIndices.append(try items.index(of: identifier(visits[row, 1], visitFile, row), kind: "venue"))
            guard visits[row, 2].isFinite else {
                throw CorpusError.damaged(
                    file: visitFile, format: "check-in", detail: "row \(row): time \(visits[row, 2])")
            }
            times.append(visits[row, 2])
        }
        log = try InteractionLog(
            users: users, items: items, userIndices: userIndices, itemIndices: itemIndices, times: times,
            name: visitFile)
        self.latitudes = latitudes
        self.longitudes = longitudes
    }

    /// The cell of each venue in a regular grid over all venues, `rows * columns` cells, row by row from the south-west.
    public func cells(rows: Int, columns: Int) -> [Int32] {
        precondition(rows > 0 && columns > 0, "a grid of \(rows) × \(columns) cells")
        func places(_ values: [Double], _ count: Int) -> [Int] {
            guard let low = values.min(), let high = values.max(), high > low else { return values.map { _ in 0 } }
            return values.map { min(Int(($0 - low) / (high - low) * Double(count)), count - 1) }
        }
        return zip(places(latitudes, rows), places(longitudes, columns)).map { Int32($0 * columns + $1) }
    }
}
