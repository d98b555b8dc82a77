import Corpora
import Foundation
import Testing

@Suite("Home folders")
struct WallfacerHomeTests {
    @Test("Without variables, downloads and products go to the user's usual folders")
    func defaults() {
        let home = WallfacerHome(environment: ["HOME": "/home/ada"])
        #expect(home.cache.path == "/home/ada/.cache/wallfacer")
        #expect(home.data.path == "/home/ada/.local/share/wallfacer")
        #expect(home.dataSets.path == "/home/ada/.cache/wallfacer/data")
        #expect(home.runStore.path == "/home/ada/.local/share/wallfacer/runs.sqlite")
        #expect(home.givenDataSets == nil)
    }

    @Test("WALLFACER_HOME moves both, before the XDG variables")
    func rootWins() {
        let home = WallfacerHome(environment: [
            "HOME": "/home/ada", "XDG_CACHE_HOME": "/x", "WALLFACER_HOME": "/srv/w", "WALLFACER_DATA": "/sets",
        ])
        #expect(home.cache.path == "/srv/w")
        #expect(home.artefacts.path == "/srv/w/artefacts")
        #expect(home.dataSets.path == "/srv/w/data")
        #expect(home.givenDataSets?.path == "/sets")
        #expect(WallfacerHome(root: URL(fileURLWithPath: "/srv/w")).data == home.data)
    }

    @Test("Absolute XDG folders are used; relative and empty ones are ignored")
    func xdg() {
        let home = WallfacerHome(environment: [
            "HOME": "/home/ada", "XDG_CACHE_HOME": "/fast", "XDG_DATA_HOME": "relative", "WALLFACER_HOME": "",
        ])
        #expect(home.cache.path == "/fast/wallfacer")
        #expect(home.data.path == "/home/ada/.local/share/wallfacer")
    }
}
