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
    /// - Throws: `CorpusError` where ESConv is there but damaged: what was asked for must not be replaced in silence.
    static func find(home: WallfacerHome, mayDownload: Bool, say: (String) -> Void) async throws -> DemoData {
        let directory = DataDirectory(home: home)
        if try isPresent(in: directory) { return real }
        if mayDownload, let dataSet = DataSet.named("esconv") {
            say("ESConv is not here; trying its origin (\(dataSet.licence))")
            do {
                try await Downloader().fetch(dataSet, into: home.dataSets)
                if try isPresent(in: directory) { return real }
            } catch {
                say("ESConv cannot be had now: \(error)")
            }
        }
        say("using simulated support conversations: a simulator with known states, rendered by templates")
        return simulator
    }

    private static func isPresent(in directory: DataDirectory) throws -> Bool {
        do {
            _ = try directory.supportConversations()
            return true
        } catch CorpusError.missing {
            return false
        }
    }

    /// The conversations themselves.
    func corpus(home: WallfacerHome) throws -> SupportCorpus {
        recipeName == Self.real.recipeName
            ? try DataDirectory(home: home).supportConversations() : SupportRenderer.reading.corpus()
    }
}
