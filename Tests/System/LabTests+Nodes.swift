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

    /// Three nodes with a machine each. A plan leaves one of them on, another brings all of them back, and every machine is
    /// reached as before. What plans say to controllers, and on the wire, is what switches nodes: node 3 by IPMI 2.0, spoken
    /// with OpenIPMI's controller; node 2 off by the lab, and on by a magic packet that is read from a wire of the test's own.
    @Test func theLabsNodesAreEmptiedPoweredOffAndWoken() throws {
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
        let shown = try Whatif.run("plan", Whatif.root + "/Experiments/lab-centre.yaml")
        #expect(shown.status == 0 && shown.output.contains("power off node"), "\(shown)")

        let wire = try PowerWire(Whatif.state + "/power")
        defer { wire.remove() }
        let off = try wire.apply(
            PowerWire.centre(wire.folder, cpu: "40%", state: "on", on: ["node1", "node2", "node3"]))
        #expect(off.status == 0, "\(off.errors)")
        #expect(try states() == ["node1": "on", "node2": "off", "node3": "off"])
        #expect(try places() == ["guest1": "node1", "guest2": "node1", "guest3": "node1"])
        #expect(try (1...3).map(token) == tokens)
        // Each of them is too much for what is left of another node.
        let on = try wire.apply(
            PowerWire.centre(wire.folder, cpu: "120%", state: "off", on: ["node1", "node1", "node1"]))
        #expect(on.status == 0, "\(on.errors)")
        #expect(try states().values.allSatisfy { $0 == "on" })
        #expect(try Set(places().values).count == 3)
        #expect(try (1...3).map(token) == tokens)
        let said = try wire.said()
        #expect(said.filter { $0.hasPrefix("0x20 set") } == ["0x20 set shutdown 1", "0x20 set power 1"], "\(said)")
        #expect(said.filter { $0 == "woken: \(PowerWire.address)" }.count == 1, "\(said)")

        let unknown = try Whatif.run("lab", "power", "node7", "off")
        #expect(unknown.status == 2 && unknown.errors.contains("it has node1, node2, node3"), "\(unknown)")
        let down = try Whatif.run("lab", "down")
        #expect(down.status == 0, "\(down.errors)")
        #expect(try machine() == before)
        let left = try FileManager.default.contentsOfDirectory(atPath: Whatif.state).filter { $0.hasPrefix("lab") }
        #expect(left.isEmpty, "\(left)")
    }
}
