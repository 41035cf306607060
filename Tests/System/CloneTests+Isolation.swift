import Foundation
import Glibc
import OperatingSystem
import Testing

extension SystemTests.CloneTests {
    static let probes = Whatif.root + "/Tests/System/Probes/"

    /// Listens in a network namespace for frames that bear a mark.
    private final class Listener {
        private let process: ChildProcess
        private let path: String
        private var hasEnded = false

        init(_ name: String, in pid: String, _ prefix: [String] = []) throws {
            path = "\(Whatif.state)/heard-\(name)"
            let output = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC)
            process = try ChildProcess(
                ["nsenter", "--target", pid, "--net"] + prefix + ["--", SystemTests.CloneTests.probes + "hear-frames"],
                output: output.raw, errors: output.raw)
            #expect(Whatif.wait(seconds: 60) { self.text.contains("listening") }, "\(name): \(text)")
        }

        // Of a test that failed: it would keep the lab from going.
        deinit { if !hasEnded { process.end() } }

        private var text: String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

        /// Interface and frame.
        func end() -> Set<[String]> {
            hasEnded = true
            kill(process.pid, SIGTERM)
            #expect(process.wait() == 0, "\(text)")
            return Set(text.split(separator: "\n").dropFirst().map { $0.split(separator: " ").map(String.init) })
        }
    }

    /// A clone says all that can be said on a wire. What bears its own addresses comes to its proxies and to nobody else;
    /// of the rest nothing is heard but at the clone's own port.
    @Test func aCloneReachesNothingElse() throws {
        let clones = try clone("app1", "--count", "2")
        #expect(clones.count == 2)
        let (one, other) = (clones[0], clones[1])
        let process = { (domain: String) in try #require(try LabHost.firstProcess(of: domain)) }
        let lab = try String(contentsOfFile: Whatif.state + "/lab/pid", encoding: .utf8).filter(\.isNumber)
        let leg = { (clone: Made) in ["--mount", "nsenter", "--net=/run/netns/\(clone.domain)"] }
        let listeners = [
            "node": try Listener("node", in: lab), "original": try Listener("original", in: process("app1")),
            "neighbour": try Listener("neighbour", in: process("db1")),
            "other": try Listener("other", in: process(other.domain)),
            "other's leg": try Listener("other-leg", in: lab, leg(other)),
        ]
        let ownLeg = try Listener("leg", in: lab, leg(one))
        let mac = { (text: String) in
            try #require(text.split(separator: " ").drop { $0 != "link/ether" }.dropFirst().first.map(String.init))
        }
        let inside = try process(one.domain)
        let link = try ChildProcess.succeed([
            "nsenter", "--target", inside, "--net", "ip", "-o", "link", "show", "eth0",
        ])
        let neighbour = try ChildProcess.succeed(
            ["nsenter", "--target", process("db1"), "--net", "ip", "-o", "link", "show", "eth0"])
        let bridge = try LabHost.run(["ip", "-o", "link", "show", "wib\(one.id)"]).output
        let sent = try ChildProcess.succeed([
            "nsenter", "--target", inside, "--net", "--", Self.probes + "send-frames", "eth0", try mac(link),
            "10.50.0.20", other.addresses[0], "10.50.0.30", try mac(neighbour), try mac(bridge),
            "fd00:50::20", other.addresses[1], "fd00:50::30",
        ]).split(separator: "\n").map { $0.split(separator: " ", maxSplits: 2).map(String.init) }
        let own = Set(sent.filter { $0[1] == "own" }.map { $0[0] })
        #expect(own.count >= 18 && sent.count - own.count > 250)

        let heardAtLeg = ownLeg.end()
        for number in Set(heardAtLeg.map { $0[1] }).symmetricDifference(own) {
            Issue.record("at the leg: \(sent.first { $0[0] == number }?.joined(separator: " ") ?? number)")
        }
        for (name, listener) in listeners {
            for heard in listener.end() {
                let what = sent.first { $0[0] == heard[1] }?.joined(separator: " ") ?? heard[1]
                let isItsPort = name == "node" && heard[0] == "wic\(one.id)"
                let isWayToProxies = name == "node" && heard[0] == "wil\(one.id)" && own.contains(heard[1])
                #expect(isItsPort || isWayToProxies, "\(name) heard at \(heard[0]): \(what)")
            }
        }
        // All of it is counted, but for what is addressed to bridges themselves (IEEE 802.1D, table 7-10).
        let shown = try Whatif.run("sandbox", "show", one.id, "--json").output
        let record = try JSONSerialization.jsonObject(with: Data(shown.utf8)) as? [String: Any]
        #expect(record?["dropped"] as? Int ?? 0 >= sent.count - own.count - 3)
        try expectNothingComesIn(one, process(one.domain), leg(one), lab)
        for clone in clones { #expect(try Whatif.run("sandbox", "remove", clone.id).status == 0) }
    }

    /// What the proxies' end says reaches the clone only as far as the clone may say it, too: no router's word above all.
    private func expectNothingComesIn(_ clone: Made, _ inside: String, _ leg: [String], _ lab: String) throws {
        let listener = try Listener("inside", in: inside)
        let identity = clone.id.enumerated().map { ($0 % 2 == 0 ? ":" : "") + String($1) }.joined()
        let (legMAC, outsideMAC) = ("52:54:62" + identity, "52:54:60" + identity)
        let sent = try ChildProcess.succeed(
            ["nsenter", "--target", lab, "--net"] + leg + [
                "--", Self.probes + "send-frames", "wip\(clone.id)", legMAC, "10.50.0.1", "10.60.0.7",
                clone.addresses[0], outsideMAC, outsideMAC, "fd00:50::1", "fd00:50::7", clone.addresses[1],
            ]
        ).split(separator: "\n").map { $0.split(separator: " ", maxSplits: 2).map(String.init) }
        let heard = Set(listener.end().map { $0[1] })
        for frame in sent where heard.contains(frame[0]) {
            #expect(frame[1] != "never", "the clone heard \(frame[2])")
        }
        // The clone does hear what it may.
        for what in ["UDP to a neighbour", "UDP over IPv6", "TCP over IPv6", "an echo over IPv6"] {
            let frame = try #require(sent.first { $0[2] == what })
            #expect(heard.contains(frame[0]), "the clone did not hear \(what)")
        }
    }
}
