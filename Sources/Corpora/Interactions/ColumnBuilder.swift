import Foundation

/// Where a cell stands, for errors.
struct CellPlace {
    let file: String
    let line: Int
}

/// Collects the cells of one column.
struct ColumnBuilder {
    let field: FeatureField
    private var integers: [Int32] = []
    private var doubles: [Double] = []
    private var floats: [Float] = []
    private var offsets: [Int32] = [0]
    private var vocabulary = IdentifierMap()

    init(_ field: FeatureField) { self.field = field }

    /// - Throws: ``InteractionError``.
    mutating func append(_ cell: UnsafeBufferPointer<UInt8>, _ place: CellPlace) throws {
        let trimmed = Self.trimmed(cell)
        switch field.kind {
        case .token:
            if trimmed.isEmpty {
                try refuse(place)
                integers.append(-1)
            } else {
                integers.append(vocabulary.insert(try text(trimmed, place)))
            }
        case .tokenSequence:
            for part in trimmed.split(separator: field.separator) {
                try append(UnsafeBufferPointer(rebasing: part), in: place)
            }
            offsets.append(Int32(integers.count))
        case .float, .time:
            doubles.append(try number(UnsafeBufferPointer(rebasing: trimmed[...]), place))
        case .floatSequence:
            for part in trimmed.split(separator: field.separator) {
                let trimmed = Self.trimmed(UnsafeBufferPointer(rebasing: part))
                if !trimmed.isEmpty { floats.append(Float(try number(trimmed, place))) }
            }
            offsets.append(Int32(floats.count))
        }
    }

    /// - Throws: ``InteractionError``.
    mutating func append(_ value: JSONCell, _ place: CellPlace) throws {
        func bad(_ found: String) -> InteractionError {
            .badValue(
                file: place.file, line: place.line, column: field.name, found: found,
                wanted: "of type \(field.kind.rawValue)")
        }
        switch (value, field.kind) {
        case (.list(let parts), .tokenSequence):
            for part in parts {
                guard var text = part.text else { throw bad("\(part)") }
                try text.withUTF8 { try append($0, in: place) }
            }
            offsets.append(Int32(integers.count))
        case (.list(let parts), .floatSequence):
            for part in parts {
                guard case .number(let number) = part else { throw bad("\(part)") }
                floats.append(Float(number))
            }
            offsets.append(Int32(floats.count))
        case (.list, _): throw bad("a list")
        case (.number(let number), .float), (.number(let number), .time): doubles.append(number)
        default:
            var text = value.text ?? ""
            try text.withUTF8 { try append($0, place) }
        }
    }

    /// One value of a list of tokens; blanks are none.
    private mutating func append(_ part: UnsafeBufferPointer<UInt8>, in place: CellPlace) throws {
        let trimmed = Self.trimmed(part)
        if !trimmed.isEmpty { integers.append(vocabulary.insert(try text(trimmed, place))) }
    }

    /// Names must not be repaired: two of them could become one.
    private func text(_ cell: UnsafeBufferPointer<UInt8>, _ place: CellPlace) throws -> String {
        guard let text = String(validating: cell, as: UTF8.self) else {
            throw InteractionError.badValue(
                file: place.file, line: place.line, column: field.name, found: String(decoding: cell, as: UTF8.self),
                wanted: "UTF-8 text")
        }
        return text
    }

    var column: FeatureColumn {
        switch field.kind {
        case .token: .token(values: integers, vocabulary: vocabulary)
        case .tokenSequence: .tokenSequence(offsets: offsets, values: integers, vocabulary: vocabulary)
        case .float, .time: .float(doubles)
        case .floatSequence: .floatSequence(offsets: offsets, values: floats)
        }
    }

    private func refuse(_ place: CellPlace) throws {
        if field.missing == .refuse {
            throw InteractionError.missingValue(file: place.file, line: place.line, column: field.name)
        }
    }

    private func number(_ cell: UnsafeBufferPointer<UInt8>, _ place: CellPlace) throws -> Double {
        if cell.isEmpty {
            try refuse(place)
        } else {
            let text = String(decoding: cell, as: UTF8.self)
            if let value = Double(text) {
                if value.isFinite { return value }
                guard field.missing != .refuse else {
                    throw InteractionError.notFinite(
                        file: place.file, line: place.line, column: field.name, found: text)
                }
            } else if field.kind == .time, let seconds = DateText.seconds(text) {
                return seconds
            } else if field.kind != .time, let flag = Self.flags[text.lowercased()] {
                return flag
            } else {
                throw InteractionError.badValue(
                    file: place.file, line: place.line, column: field.name, found: text,
                    wanted: field.kind == .time ? "a number or an ISO 8601 date" : "a number, true or false")
            }
        }
        guard case .fill(let value) = field.missing else { return .nan }
        return value
    }

    /// Flags are numbers, as in JSON.
    private static let flags = ["true": 1.0, "false": 0.0]

    private static func trimmed(_ cell: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        var start = cell.startIndex
        var end = cell.endIndex
        while start < end, cell[start] == 0x20 || cell[start] == 0x0D { start += 1 }
        while end > start, cell[end - 1] == 0x20 || cell[end - 1] == 0x0D { end -= 1 }
        return UnsafeBufferPointer(rebasing: cell[start..<end])
    }
}

/// Dates as they stand in logs: `2014-04-07T10:51:09.277Z`, `2019-11-24 00:00:34.762830+00:00`, `2016-05-09`.
enum DateText {
    /// Seconds since 1970-01-01 UTC; nil when the text is no such date. Without an offset the time is UTC.
    static func seconds(_ text: String) -> Double? {
        let bytes = Array(text.utf8)
        func integer(_ range: Range<Int>) -> Int? {
            guard range.upperBound <= bytes.count else { return nil }
            var value = 0
            for byte in bytes[range] {
                guard (0x30...0x39).contains(byte) else { return nil }
                value = value * 10 + Int(byte - 0x30)
            }
            return value
        }
        func byte(_ index: Int) -> UInt8? { index < bytes.count ? bytes[index] : nil }
        guard let year = integer(0..<4), byte(4) == 0x2D, let month = integer(5..<7), byte(7) == 0x2D,
            let day = integer(8..<10), (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        var seconds = Double(daysSince1970(year, month, day)) * 86_400
        guard bytes.count > 10 else { return seconds }
        guard byte(10) == 0x54 || byte(10) == 0x20, let hour = integer(11..<13), byte(13) == 0x3A,
            let minute = integer(14..<16), hour < 24, minute < 60
        else { return nil }
        seconds += Double(hour * 3_600 + minute * 60)
        var index = 16
        if byte(index) == 0x3A {
            guard let whole = integer(17..<19), whole <= 60 else { return nil }
            seconds += Double(whole)
            index = 19
            if byte(index) == 0x2E {
                index += 1
                var scale = 0.1
                while let digit = byte(index), (0x30...0x39).contains(digit) {
                    seconds += Double(digit - 0x30) * scale
                    scale /= 10
                    index += 1
                }
            }
        }
        guard let mark = byte(index) else { return seconds }
        if mark == 0x5A { return index + 1 == bytes.count ? seconds : nil }
        guard mark == 0x2B || mark == 0x2D, let hours = integer((index + 1)..<(index + 3)) else { return nil }
        let minutesAt = byte(index + 3) == 0x3A ? index + 4 : index + 3
        let minutes = minutesAt < bytes.count ? integer(minutesAt..<(minutesAt + 2)) : 0
        guard let minutes, bytes.count <= minutesAt + 2 else { return nil }
        let offset = Double(hours * 3_600 + minutes * 60)
        return mark == 0x2B ? seconds - offset : seconds + offset
    }

    /// Days of the proleptic Gregorian calendar, counted in eras of 400 years that begin in March.
    private static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month > 2 ? year : year - 1
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}
