import Corpora
import Evaluation
import Foundation
import Testing

@Suite("Feature tables") struct FeatureTableTests {
    private let fields = [
        FeatureField("user", .token), FeatureField("tags", .tokenSequence, separator: "|"),
        FeatureField("price", .float), FeatureField("vector", .floatSequence), FeatureField("when", .time),
    ]

    private func read(_ text: String, _ fields: [FeatureField]? = nil, layout: TableLayout = .commaSeparated) throws
        -> FeatureTable
    {
        try FeatureTable.read(Data(text.utf8), file: "t.csv", layout: layout, fields: fields ?? self.fields)
    }

    @Test("All kinds are read by name, in any column order, quoted fields included, undeclared columns passed over")
    func kinds() throws {
        let table = try read(
            "\u{FEFF}when,skip,user,vector,tags,price\r\n"
                + "2014-04-07T10:51:09.277Z,x,\"Ada, \"\"L.\"\"\",1 2.5,red|blue,3.5\r\n"
                + "\r\n1396867869,\"a\nb\",bob,,blue,-1e3\r\n")
        #expect(table.rowCount == 2)
        let users = try table.tokens("user")
        #expect(users.vocabulary.tokens == ["Ada, \"L.\"", "bob"] && users.values == [0, 1])
        #expect(
            try table.column("tags")
                == .tokenSequence(offsets: [0, 2, 3], values: [0, 1, 1], vocabulary: IdentifierMap(["red", "blue"])))
        #expect(try table.numbers("price") == [3.5, -1_000])
        #expect(try table.column("vector") == .floatSequence(offsets: [0, 2, 2], values: [1, 2.5]))
        let times = try table.numbers("when")
        #expect(abs(times[0] - 1_396_867_869.277) < 1e-6 && times[1] == 1_396_867_869)
    }

    @Test(
        "Dates with offsets, fractions and days only are seconds since 1970",
        arguments: [
            ("1970-01-01", 0.0), ("2016-05-09", 1_462_752_000), ("2000-02-29T00:00:00Z", 951_782_400),
            ("2019-11-24 00:00:34.762830+00:00", 1_574_553_634.76283), ("2019-11-24T02:30:00+02:30", 1_574_553_600),
            ("2019-11-23T19:00:00-0500", 1_574_553_600), ("1969-12-31T23:59:59Z", -1),
        ])
    func dates(text: String, seconds: Double) throws {
        let table = try read("when\n\(text)\n", [FeatureField("when", .time)])
        #expect(abs(try table.numbers("when")[0] - seconds) < 1e-5)
    }

    @Test("A missing column, a wrong field count and a bad cell are errors that name file, line and column")
    func badFiles() throws {
        #expect(throws: InteractionError.missingColumn(file: "t.csv", column: "price", found: ["user", "cost"])) {
            try read("user,cost\na,1\n", [FeatureField("user", .token), FeatureField("price", .float)])
        }
        let pair = [FeatureField("user", .token), FeatureField("price", .float)]
        #expect(throws: InteractionError.fieldCount(file: "t.csv", line: 3, found: 3, expected: 2)) {
            try read("user,price\na,1\nb,2,3\n", pair)
        }
        #expect(
            throws: InteractionError.badValue(
                file: "t.csv", line: 2, column: "price", found: "cheap", wanted: "a number, true or false")
        ) {
            try read("user,price\na,cheap\n", pair)
        }
        #expect(throws: InteractionError.duplicateColumn(file: "t.csv", column: "price")) {
            try read("price,price\n1,1\n", [FeatureField("price", .float)])
        }
        #expect(throws: CorpusError.badLine(file: "t.csv", line: 2, detail: "a quoted field is never closed")) {
            try read("user,price\n\"a,1\nb,2\n", pair)
        }
        #expect(throws: CorpusError.empty(file: "t.csv", wanted: "a header and rows")) { try read("", pair) }
    }

    @Test("NaN, infinite and empty cells are refused, or become the declared fill", arguments: ["NaN", "inf", ""])
    func notFinite(cell: String) throws {
        let text = "user,price\na,\(cell)\nb,2\n"
        #expect(throws: InteractionError.self) {
            try read(text, [FeatureField("user", .token), FeatureField("price", .float)])
        }
        let filled = try read(
            text, [FeatureField("user", .token), FeatureField("price", .float, missing: .fill(7))])
        #expect(try filled.numbers("price") == [7, 2])
        let empty = try read("user,price\n,1\n", [FeatureField("user", .token, missing: .fill(0)), fields[2]])
        #expect(try empty.tokens("user").values == [-1])
    }

    @Test(
        "Values of lists stand between separators, blanks are none, repeated ones stay; what nobody declared is named")
    func lists() throws {
        let listed = [
            FeatureField("tags", .tokenSequence, separator: "|"),
            FeatureField("vector", .floatSequence, separator: "|"),
        ]
        let table = try read(
            "more,tags,vector,last\n1, red | blue|red,1| 2.5 ,x\n2,||,| |,y\n3, ,,z\n4,|a b|,4|,w\n", listed)
        let tags = try table.tokenLists("tags")
        #expect(tags.vocabulary.tokens == ["red", "blue", "a b"])
        #expect(tags.offsets == [0, 3, 3, 3, 4] && tags.values == [0, 1, 0, 2])
        let numbers = try table.numberLists("vector")
        #expect(numbers.offsets == [0, 2, 2, 2, 3] && numbers.values == [1, 2.5, 4])
        #expect(table.undeclared == ["more", "last"])
        let lines = """
            {"tags": [" red ", "blue", "", "red"], "vector": [1, 2.5], "more": 1}
            {"tags": "||", "vector": [], "last": "y"}
            {"tags": null, "vector": ""}
            {"tags": "|a b|", "vector": [4]}
            """
        let objects = try FeatureTable.readLines(Data(lines.utf8), file: "t.jsonl", fields: listed)
        for field in listed { #expect(try objects.column(field.name) == table.column(field.name)) }
        #expect(objects.undeclared == ["last", "more"])
        #expect(
            throws: InteractionError.columnKind(
                file: "t.csv", column: "tags", found: .tokenSequence, wanted: "float_seq")
        ) {
            try table.numberLists("tags")
        }
        #expect(
            throws: InteractionError.columnKind(
                file: "t.csv", column: "vector", found: .floatSequence, wanted: "token_seq")
        ) {
            try table.tokenLists("vector")
        }
        let atomic = try AtomicFiles.table(
            Data("item_id:token\tgenres:token_seq\nx\tDrama, War film\n".utf8), file: "x.item", separator: ",")
        #expect(try atomic.tokenLists("genres").vocabulary.tokens == ["Drama", "War film"])
    }

    @Test("JSON lines give the same table as the delimited text")
    func jsonLines() throws {
        let lines = """
            {"user": "ada", "tags": ["red", "blue"], "price": 3.5, "vector": [1, 2.5], "when": "2016-05-09", "more": {}}
            {"user": 12, "tags": [], "price": "4", "vector": [], "when": 10}
            """.replacingOccurrences(of: ", \"more\": {}", with: "")
        let table = try FeatureTable.readLines(Data(lines.utf8), file: "t.jsonl", fields: fields)
        let text = try read("user,tags,price,vector,when\nada,red|blue,3.5,1 2.5,2016-05-09\n12,,4,,10\n")
        for field in fields { #expect(try table.column(field.name) == text.column(field.name)) }
        #expect(
            throws: InteractionError.missingValue(file: "t.jsonl", line: 2, column: "price")
        ) {
            try FeatureTable.readLines(
                Data("{\"user\": \"a\", \"price\": 1}\n{\"user\": \"b\"}\n".utf8), file: "t.jsonl",
                fields: [FeatureField("user", .token), FeatureField("price", .float)])
        }
        #expect(throws: InteractionError.missingColumn(file: "t.jsonl", column: "price", found: ["user"])) {
            try FeatureTable.readLines(
                Data("{\"user\": \"a\"}\n".utf8), file: "t.jsonl",
                fields: [FeatureField("user", .token), FeatureField("price", .float, missing: .fill(0))])
        }
        // A key that later lines have is missing on its line, not from the file.
        #expect(throws: InteractionError.missingValue(file: "t.jsonl", line: 1, column: "price")) {
            try FeatureTable.readLines(
                Data("{\"user\": \"a\"}\n{\"user\": \"b\", \"price\": 1}\n".utf8), file: "t.jsonl",
                fields: [FeatureField("user", .token), FeatureField("price", .float)])
        }
        for value in ["1e999", "{\"a\": 1}"] {
            let error = #expect(throws: CorpusError.self) {
                try FeatureTable.readLines(
                    Data("{\"user\": \"a\", \"price\": \(value)}\n".utf8), file: "t.jsonl",
                    fields: [FeatureField("user", .token), FeatureField("price", .float)])
            }
            let found = try #require(error)
            #expect("\(found)".contains("field price: neither text, a finite number"), "\(value)")
        }
    }

    @Test("Whole numbers beyond double precision stay different identifiers, and are numbers where these are wanted")
    func largeIdentifiers() throws {
        let numbers = [
            "9007199254740993", "9007199254740992", "-9223372036854775808", "18446744073709551615", "17", "1e3",
        ]
        let lines = numbers.map { "{\"id\": \($0), \"size\": \($0)}" }.joined(separator: "\n")
        let table = try FeatureTable.readLines(
            Data(lines.utf8), file: "t.jsonl", fields: [FeatureField("id", .token), FeatureField("size", .float)])
        #expect(try table.tokens("id").vocabulary.tokens == numbers.dropLast() + ["1000"])
        #expect(
            try table.numbers("size") == [
                9_007_199_254_740_992, 9_007_199_254_740_992, -0x1p63, 0x1p64, 17, 1_000,
            ])
    }

    @Test("Flags are 1 and 0 whatever their case; names that are no UTF-8 are refused, not repaired into one")
    func flagsAndEncodings() throws {
        let pair = [FeatureField("user", .token), FeatureField("click", .float)]
        // A hand-written header has blanks, as cells may have.
        let table = try read("user, click\nada,true\nbob, False\neve,TRUE\nzoe,0\n", pair)
        #expect(try table.numbers("click") == [1, 0, 1, 0])
        #expect(
            throws: InteractionError.badValue(
                file: "t.csv", line: 3, column: "click", found: "yes", wanted: "a number, true or false")
        ) { try read("user,click\na,1\nb,yes\n", pair) }
        #expect(throws: InteractionError.self) { try read("when\ntrue\n", [FeatureField("when", .time)]) }

        let western = Data("user,click\na,1\nZo".utf8) + [0xEB] + Data(",1\n".utf8)
        #expect(
            throws: InteractionError.badValue(
                file: "t.csv", line: 3, column: "user", found: "Zo\u{FFFD}", wanted: "UTF-8 text")
        ) { try FeatureTable.read(western, file: "t.csv", layout: .commaSeparated, fields: pair) }
    }

    @Test("Names in one line: quoted where they hold commas or quotes, and written so that they are read again")
    func names() throws {
        let names = ["12", "Straße, 0", "\"hi\" he said", "item 7"]
        #expect(
            try CommaSeparatedNames.parse(" 12,\"Straße, 0\", \"\"\"hi\"\" he said\" ,, item 7 ", source: "--history")
                == names)
        #expect(CommaSeparatedNames.text(names) == "12, \"Straße, 0\", \"\"\"hi\"\" he said\", item 7")
        #expect(try CommaSeparatedNames.parse(CommaSeparatedNames.text(names), source: "") == names)
        #expect(try CommaSeparatedNames.parse("", source: "") == [])
        #expect(
            throws: CorpusError.badLine(file: "--history", line: 1, detail: "a quoted name is never closed")
        ) { try CommaSeparatedNames.parse("b, \"a", source: "--history") }
        #expect(throws: CorpusError.badLine(file: "--history", line: 1, detail: "text follows a closing quote")) {
            try CommaSeparatedNames.parse("\"a\"b", source: "--history")
        }
    }

    @Test("Atomic files declare their columns themselves; an unknown type is an error")
    func atomicFiles() throws {
        let text =
            "user_id:token\titem_id:token\trating:float\ttags:token_seq\tembedding:float_seq\n"
            + "u1\ti\"1\t4\ta b\t0.5 1\nu2\ti2\t3\t\t1 2\n"
        let table = try AtomicFiles.table(Data(text.utf8), file: "x.inter")
        #expect(table.fields.map(\.kind) == [.token, .token, .float, .tokenSequence, .floatSequence])
        #expect(try table.tokens("item_id").vocabulary.tokens == ["i\"1", "i2"])
        #expect(
            throws: InteractionError.unknownKind(
                file: "x.inter", column: "rating", found: "double",
                allowed: ["token", "token_seq", "float", "float_seq"])
        ) {
            try AtomicFiles.table(Data("user_id:token\trating:double\na\t1\n".utf8), file: "x.inter")
        }
    }

    @Test("Atomic files may be read with missing cells filled; keys have a value in every row all the same")
    func filledAtomicFiles() throws {
        func read(_ row: String) throws -> FeatureTable {
            try AtomicFiles.table(
                Data("user_id:token\ttimestamp:float\tplace:token\tage:float\n\(row)\n".utf8), file: "x.inter",
                missing: .fill(.nan), keys: ["user_id", "timestamp"])
        }
        let table = try read("u1\t5\t\tnan")
        #expect(try table.tokens("place").values == [-1])
        #expect(try table.numbers("age")[0].isNaN)
        #expect(throws: InteractionError.missingValue(file: "x.inter", line: 2, column: "user_id")) {
            try read("\t5\tp\t1")
        }
        #expect(throws: InteractionError.notFinite(file: "x.inter", line: 2, column: "timestamp", found: "nan")) {
            try read("u1\tnan\tp\t1")
        }
    }

    @Test("Features are aligned to the users of a log; users without features have row -1; empty groups are named")
    func alignment() throws {
        let features = try read("user,price\nb,1\na,2\nb,3\n", [FeatureField("user", .token), fields[2]])
        #expect(try features.rows(alignedTo: IdentifierMap(["a", "new", "b"]), key: "user") == [1, -1, 0])
        #expect(try features.groups("user") == [[0, 2], [1]])
        #expect(throws: InteractionError.columnKind(file: "t.csv", column: "price", found: .float, wanted: "token")) {
            try features.groups("price")
        }
        let sparse = try FeatureTable(
            name: "t", fields: [FeatureField("group", .token)],
            columns: [.token(values: [0, 0], vocabulary: IdentifierMap(["full", "empty"]))])
        #expect(throws: InteractionError.emptyGroup(column: "group", group: "empty")) { try sparse.groups("group") }
        #expect(try sparse.groups("group", allowsEmpty: true) == [[0, 1], []])
    }

    @Test(
        "A folder of atomic files is read with its optional tables, packed or not; without interactions it is missing")
    func atomicFolder() throws {
        try TestData.withTemporaryFolder { folder in
            let interactions = "user_id:token\titem_id:token\ttimestamp:float\na\tx\t5\nb\tx\t1\na\ty\t2\n"
            try Data(interactions.utf8).write(to: folder.appending(path: "set.inter"))
            try Gzip.compressed(Data("item_id:token\tclass:token_seq\nx\tDrama War\n".utf8)).write(
                to: folder.appending(path: "set.item.gz"))
            let files = try AtomicFiles(folder: folder, name: "set")
            #expect(files.users == nil && files.items?.rowCount == 1)
            let log = try files.log()
            #expect(log.itemIndices.map { log.items.tokens[Int($0)] } == ["y", "x", "x"])
            #expect(try files.items?.rows(alignedTo: log.items, key: "item_id") == [0, -1])
            #expect(throws: CorpusError.self) { try AtomicFiles(folder: folder, name: "other") }
            #expect(throws: InteractionError.self) { try files.log(time: "when") }
        }
    }

    @Test("Mutated files never trap: they are read or give a typed error")
    func mutations() throws {
        let text = "user,tags,price,vector,when\n\"a\"\"b\",x|y,1.5,1 2,2016-05-09T01:02:03Z\nb,,2,3,7\n"
        var generator = SeededGenerator(seed: 11)
        var read = 0
        var refused = 0
        for _ in 0..<4_000 {
            var bytes = Array(text.utf8)
            for _ in 0...generator.integer(below: 4) {
                let place = generator.integer(below: bytes.count)
                switch generator.integer(below: 3) {
                case 0: bytes[place] = UInt8(generator.integer(below: 256))
                case 1: bytes.remove(at: place)
                default: bytes.insert(generator.element(of: Array("\",\n\r|-: \u{0}".utf8)), at: place)
                }
            }
            do {
                _ = try FeatureTable.read(Data(bytes), file: "t", layout: .commaSeparated, fields: fields)
                read += 1
            } catch is InteractionError {
                refused += 1
            } catch is CorpusError {
                refused += 1
            }
        }
        #expect(read > 100 && refused > 100)
    }
}
