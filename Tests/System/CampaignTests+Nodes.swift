import Foundation
import Model
import OperatingSystem
import Store
import Testing

/// Campaigns over classes of nodes: clones on another libvirt, whose containers share a part of a processor.
extension SystemTests.CampaignTests {
    private static let small = "lxc+unix:///system?socket=/run/small/libvirt/libvirt-sock"

    @Test func nodesAreTried() throws {
        if !FileManager.default.fileExists(atPath: Whatif.state + "/lab/small") {
            try ChildProcess.run([Whatif.root + "/Sandbox/lab/second-node", Whatif.state, "small", "60"])
                .expectSuccess()
        }
        let file = try Self.serviceFile(
            [
                ("cpu: [28%, 60%, 80%, 100%]", "node: [small, as-is]"),
                ("campaign:", "nodes: { small: { connect: \"\(Self.small)\", node: lab } }\ncampaign:"),
            ], named: "nodes.yaml")
        let (production, inventory) = (try LabHost.production(), try LabHost.inventory())
        let runs = { (clone: String, connect: String) in
            try LabHost.run(["virsh", "--connect", connect, "domstate", clone]).output.hasPrefix("running")
        }
        let (status, seen) = try Whatif.campaign(file) { clone in
            "\(try runs(clone, "lxc:///system")) \(try runs(clone, Self.small))"
        }
        #expect([0, 3].contains(status), "\(Whatif.log("run.log"))")
        #expect(seen.isSuperset(of: ["true false", "false true"]) && !seen.contains("true true"), "\(seen)")
        #expect(try LabHost.production() == production && LabHost.inventory() == inventory)
        let left = try LabHost.run(["virsh", "--connect", Self.small, "list", "--all", "--name"])
        #expect(left.status == 0 && left.output.filter { !$0.isWhitespace } == "")

        let record = try #require(try MatrixStore(Whatif.state + "/matrices.db").campaign(nil))
        #expect(record.onLine == Allocation([.node: .asIs]))
        #expect(record.matrix.cells.map(\.state) == ["measured", "measured"])
        for measurement in record.matrix.cells.compactMap(\.measurement) {
            #expect(measurement.requests.captured == measurement.requests.sent && measurement.requests.failed == 0)
        }
    }
}
