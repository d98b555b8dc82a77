import Foundation
import Testing

#if os(Linux)
    @Suite struct LaunchTests {
        /// The environment of the process that a user's call becomes, seen from inside the system.
        private func environment(_ variables: [String: String]) throws -> [String] {
            let tool = try Tool()
            defer { tool.clean() }
            let model = try TinyModel(in: tool.home)
            let process = try tool.start(["tokenize", "--model", model.folder.path], environment: variables)
            defer {
                process.terminate()
                process.waitUntilExit()
            }
            let data = try Data(contentsOf: URL(fileURLWithPath: "/proc/\(process.processIdentifier)/environ"))
            let name = try String(contentsOfFile: "/proc/\(process.processIdentifier)/comm", encoding: .utf8)
            #expect(name == "wallfacer\n")
            return data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        }

        @Test("The OpenMP runtime finds a passive wait, once, where nothing is said")
        func passiveWait() throws {
            let variables = try environment([:])
            #expect(variables.filter { $0.hasPrefix("OMP_WAIT_POLICY=") } == ["OMP_WAIT_POLICY=PASSIVE"])
            #expect(variables.filter { $0.hasPrefix("GOMP_SPINCOUNT=") } == ["GOMP_SPINCOUNT=2000"])
            #expect(variables.filter { $0.hasPrefix("WALLFACER_LAUNCHED=") } == ["WALLFACER_LAUNCHED=1"])
        }

        @Test("What the user says about the wait stays")
        func usersChoice() throws {
            let variables = try environment(["OMP_WAIT_POLICY": "ACTIVE"])
            #expect(variables.filter { $0.hasPrefix("OMP_WAIT_POLICY=") } == ["OMP_WAIT_POLICY=ACTIVE"])
            #expect(variables.filter { $0.hasPrefix("WALLFACER_LAUNCHED=") } == [])
            let spins = try environment(["GOMP_SPINCOUNT": "7"])
            #expect(spins.filter { $0.hasPrefix("GOMP_SPINCOUNT=") } == ["GOMP_SPINCOUNT=7"])
            #expect(spins.filter { $0.hasPrefix("OMP_WAIT_POLICY=") } == ["OMP_WAIT_POLICY=PASSIVE"])
        }
    }
#endif
