import Corpora
import Foundation
import Worlds

/// The support conversations of the demo: ESConv where it is at hand or can be fetched, else the built-in simulator.
struct DemoData: Sendable {
    let name: String
    /// What a recipe calls it.
    let recipeName: String

    static let real = DemoData(name: "ESConv", recipeName: "esconv")
    static let simulator = DemoData(name: "simulated", recipeName: "simulator")

    /// - Parameter say: hears where the conversations come from.
    static func find(home: WallfacerHome, mayDownload: Bool, say: (String) -> Void) async -> DemoData {
        let directory = DataDirectory(home: home)
        if (try? directory.supportConversations()) != nil { return real }
        if mayDownload, let dataSet = DataSet.named("esconv") {
            say("ESConv is not here; trying its origin (\(dataSet.licence))")
            do {
                try await Downloader().fetch(dataSet, into: home.dataSets)
                if (try? directory.supportConversations()) != nil { return real }
            } catch {
                say("ESConv cannot be had now: \(error)")
            }
        }
        say("using simulated support conversations: a simulator with known states, rendered by templates")
        return simulator
    }

    /// The conversations themselves.
    func corpus(home: WallfacerHome) throws -> SupportCorpus {
        recipeName == Self.real.recipeName
            ? try DataDirectory(home: home).supportConversations() : SupportRenderer.reading.corpus()
    }
}
