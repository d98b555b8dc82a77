import Foundation
import Testing
import Worlds

@Suite("Virtual Taobao") struct VirtualTaobaoTests {
    /// `WALLFACER_DATA`, or a `shared/data` folder beside the checkout.
    static let folder: URL? = {
        var root = URL(filePath: #filePath)
        for _ in 0..<5 { root.deleteLastPathComponent() }
        let given = ProcessInfo.processInfo.environment["WALLFACER_DATA"].map { URL(filePath: $0) }
        let folder = (given ?? root.appending(path: "shared/data")).appending(path: "virtual-taobao")
        return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
    }()

    @Test(
        "The networks give what NumPy gives on the same weights",
        .enabled(if: folder != nil, "needs the data set virtual-taobao"))
    func networks() throws {
        let folder = try #require(Self.folder)
        let generator = try VirtualTaobao.network(folder.appending(path: "generator_model.npz"), inputs: 128)
        let logits = generator((0..<128).map { Float($0 % 10) / 10 })
        #expect(abs(logits[0] - 1.2179677) < 1e-4 && abs(logits[2] - 1.0381547) < 1e-4)
        #expect(abs(logits.reduce(0, +) - 31.99214) < 1e-3)
        var start = 0
        var customer = [Float](repeating: 0, count: 88)
        for width in VirtualTaobao.attributeWidths {
            let best = (start..<(start + width)).max { logits[$0] < logits[$1] }!
            customer[best] = 1
            start += width
        }
        #expect(customer.indices.filter { customer[$0] == 1 } == [1, 11, 26, 31, 48, 55, 60, 62, 65, 75, 87])

        let action = try VirtualTaobao.network(folder.appending(path: "action_model.npz"), inputs: 116)
        func expectedClicks(page: Float) -> Double {
            let clicks = action(customer + [page] + [Float](repeating: 0, count: 27)).prefix(11).map(Double.init)
            let weights = clicks.map { exp($0 - clicks.max()!) }
            return zip(weights, 0...).reduce(0) { $0 + $1.0 * Double($1.1) } / weights.reduce(0, +)
        }
        #expect(abs(expectedClicks(page: 1) - 0.966597) < 1e-4)
        #expect(abs(expectedClicks(page: 3) - 5.025597) < 1e-3)
        let leave = try VirtualTaobao.network(folder.appending(path: "leave_model.npz"), inputs: 88)
        #expect(leave(customer).count == 101)
    }

    @Test(
        "Visits: eleven attributes, clicks as often as stated, the same customers for every policy",
        .enabled(if: folder != nil, "needs the data set virtual-taobao"))
    func visits() throws {
        let world = try VirtualTaobao(folder: try #require(Self.folder))
        var clicks = 0.0
        var expected = 0.0
        var pages = 0
        for customer in 0..<150 {
            var visit = world.visit(customer: customer, seed: 5)
            #expect(visit == world.visit(customer: customer, seed: 5))
            #expect(visit.attributes.reduce(0, +) == 11 && visit.state.count == VirtualTaobao.stateDimensions)
            var left = false
            while !left {
                let outcome = try world.step(&visit, action: [Float](repeating: 0, count: 27), seed: 5)
                clicks += Double(outcome.clicks)
                expected += Double(outcome.expectedClicks)
                pages += 1
                left = outcome.left
                #expect(visit.page <= 101)
            }
        }
        #expect(abs(clicks - expected) < 4 * Double(pages).squareRoot() * 3)
        #expect(abs(clicks / expected - 1) < 0.15)
        var visit = world.visit(customer: 0, seed: 5)
        #expect(throws: WorldError.self) { try world.step(&visit, action: [0], seed: 5) }
        #expect(throws: WorldError.self) {
            try world.step(&visit, action: [Float](repeating: 1.5, count: 27), seed: 5)
        }
    }

    @Test("Networks whose layers do not fit each other are refused")
    func badNetworks() throws {
        #expect(throws: WorldError.self) {
            try DenseNetwork(layers: [([1, 2, 3], [0])], inputs: 2, file: "n")
        }
        #expect(throws: WorldError.self) { try DenseNetwork(layers: [([1, .nan], [0])], inputs: 2, file: "n") }
        let network = try DenseNetwork(layers: [([1, -1, 2, 0], [0, 1]), ([1, 1], [0.5])], inputs: 2, file: "n")
        // Hidden (1 - 3, 2 + 1): leaky to (-0.02, 3), sum 2.98, plus 0.5.
        #expect(abs(network([1, 3])[0] - 3.48) < 1e-6)
        #expect(throws: WorldError.self) {
            try VirtualTaobao(generator: network, action: network, leave: network)
        }
    }
}
