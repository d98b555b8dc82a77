import Evaluation
import Testing
import Worlds

@Suite("Item-type world") struct ItemTypeTests {
    @Test("Types have their own attributes and fields; volumes are 10 : 3 : 1; rich-only users stay in the first type")
    func shape() throws {
        let world = try ItemTypeWorld(ItemTypeConfiguration(), seed: 1)
        #expect(world.types.map(\.attributeCount) == [24, 16, 12])
        for items in world.types {
            #expect(items.attributes.count == items.count * items.attributeCount)
            #expect(items.fields.count == items.count * items.fieldCount)
            #expect(Set(items.fields) == Set(0..<6))
        }
        let interactions = (0..<14_000).map { world.interaction($0, stream: 1) }
        let counts = (0..<3).map { type in interactions.count { $0.type == Int32(type) } }
        #expect(abs(counts[0] - 10_000) < 300 && abs(counts[1] - 3_000) < 250 && abs(counts[2] - 1_000) < 150)
        #expect(interactions.allSatisfy { $0.type == 0 || !world.richOnly[Int($0.user)] })
        #expect(abs(Double(world.richOnly.count { $0 }) / 2_000 - 0.3) < 0.05)
        let predicted = interactions.map { Double($0.probability) }
        #expect(try Calibration.expectedError(confidences: predicted, correct: interactions.map(\.liked)) < 0.02)
    }

    @Test("A user's taste is one for all types; in the null world tastes of types have nothing in common")
    func tastes() throws {
        func similarity(_ configuration: ItemTypeConfiguration) throws -> Double {
            let world = try ItemTypeWorld(configuration, seed: 2)
            return try #require(
                try Correlation.pearson(world.tastes[0].map(Double.init), world.tastes[2].map(Double.init)))
        }
        let shared = try similarity(ItemTypeConfiguration())
        let independent = try similarity(.null)
        #expect(abs(shared - 1) < 1e-9)
        #expect(abs(independent) < 0.05)
    }

    @Test("Attributes carry the hidden vector: near items in one are near in the other more often than chance")
    func attributes() throws {
        let world = try ItemTypeWorld(ItemTypeConfiguration(), seed: 3)
        let items = world.types[0]
        var raw: [Double] = []
        var hidden: [Double] = []
        for pair in 0..<500 {
            let (a, b) = (2 * pair % 1_000, (2 * pair + 1) % 1_000)
            raw.append(distance(items.attributes, a, b, items.attributeCount))
            hidden.append(distance(world.hidden[0], a, b, 8))
        }
        let agreement = try #require(try Correlation.spearman(raw, hidden))
        #expect(agreement > 0.5)
    }

    private func distance(_ values: [Float], _ a: Int, _ b: Int, _ width: Int) -> Double {
        (0..<width).reduce(0.0) {
            let difference = Double(values[a * width + $1] - values[b * width + $1])
            return $0 + difference * difference
        }
    }

    @Test("One number per type is needed everywhere")
    func invalid() {
        var configuration = ItemTypeConfiguration()
        configuration.itemCounts = [10]
        #expect(
            throws: WorldError.invalid(
                world: "item type", field: "itemCounts", found: "1", allowed: "one number per type (3)")
        ) {
            try ItemTypeWorld(configuration, seed: 1)
        }
    }
}
