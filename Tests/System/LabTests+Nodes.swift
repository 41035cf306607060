import Foundation
import OperatingSystem
import Testing

extension SystemTests.LabTests {
    private func states() throws -> [String: String] {
        let said = try Whatif.run("lab", "power", "--json")
        let list = try JSONSerialization.jsonObject(with: Data(said.output.utf8)) as? [[String: Any]] ?? []
        return Dictionary(
            uniqueKeysWithValues: list.map { ($0["node"] as? String ?? "", $0["state"] as? String ?? "") })
    }

    private func places() throws -> [String: String] {
        let said = try Whatif.run("lab", "status", "--json")
        let list = try JSONSerialization.jsonObject(with: Data(said.output.utf8)) as? [[String: Any]] ?? []
        let guests = list.compactMap { domain in
            (domain["node"] as? String).map { (domain["name"] as? String ?? "", $0) }
        }
        return Dictionary(uniqueKeysWithValues: guests)
    }

    /// Three nodes with a machine each; a plan leaves one of them on, and every machine where it is reached as before.
    @Test func theLabsNodesAreEmptiedAndPoweredOff() throws {
        try Whatif.run("lab", "down")
        let before = try machine()
        let up = try Whatif.run("lab", "up", "--nodes", "3")
        #expect(up.status == 0, "\(up.errors)")
        #expect(try places() == ["guest1": "node1", "guest2": "node2", "guest3": "node3"])
        let token = { (guest: Int) in
            let said = try LabHost.run([
                "curl", "--silent", "--max-time", "60", "http://10.50.0.5\(guest)/cgi-bin/state",
            ])
            return said.output.split(separator: "\n").first { $0.hasPrefix("token=") }.map(String.init) ?? ""
        }
        let tokens = try (1...3).map(token)
        #expect(Set(tokens).count == 3 && !tokens.contains(""), "\(tokens)")

        let file = Whatif.root + "/Experiments/lab-centre.yaml"
        let plan = try Whatif.run("plan", file, "--json")
        #expect(plan.status == 0, "\(plan.errors)")
        let path = Whatif.state + "/plan.json"
        try plan.output.write(toFile: path, atomically: true, encoding: .utf8)
        let done = try Whatif.run("apply", file, "--plan", path, "--yes")
        #expect(done.status == 0, "\(done.errors)")
        let (states, places) = (try states(), try places())
        #expect(states.values.sorted() == ["off", "off", "on"], "\(states)")
        #expect(places.count == 3 && places.values.allSatisfy { states[$0] == "on" }, "\(places)")
        #expect(try (1...3).map(token) == tokens)

        let off = try #require(states.keys.sorted().first { states[$0] == "off" })
        let on = try Whatif.run("lab", "power", off, "on")
        #expect(try on.status == 0 && self.states()[off] == "on", "\(on.errors)")
        let unknown = try Whatif.run("lab", "power", "node7", "off")
        #expect(unknown.status == 2 && unknown.errors.contains("it has node1, node2, node3"), "\(unknown)")

        let down = try Whatif.run("lab", "down")
        #expect(down.status == 0, "\(down.errors)")
        #expect(try machine() == before)
        let left = try FileManager.default.contentsOfDirectory(atPath: Whatif.state).filter { $0.hasPrefix("lab") }
        #expect(left.isEmpty, "\(left)")
    }
}
