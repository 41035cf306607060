import Foundation
import Glibc
import OperatingSystem
import Testing

extension SystemTests.CloneTests {
    private static let probes = Whatif.root + "/Tests/System/Probes/"

    /// Listens in a network namespace for frames that bear a mark.
    private final class Listener {
        private let process: ChildProcess
        private let path: String

        init(_ name: String, in pid: String, _ prefix: [String] = []) throws {
            path = "\(Whatif.state)/heard-\(name)"
            let output = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC)
            process = try ChildProcess(
                ["nsenter", "--target", pid, "--net"] + prefix + ["--", SystemTests.CloneTests.probes + "hear-frames"],
                output: output.raw, errors: output.raw)
            #expect(Whatif.wait(seconds: 10) { self.text.contains("listening") }, "\(name): \(text)")
        }

        private var text: String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

        /// Interface and frame.
        func end() -> Set<[String]> {
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
            "10.50.0.20",
            other.address, "10.50.0.30", try mac(neighbour), try mac(bridge),
        ]).split(separator: "\n").map { $0.split(separator: " ", maxSplits: 2).map(String.init) }
        let own = Set(sent.filter { $0[1] == "own" }.map { $0[0] })
        #expect(own.count >= 8 && sent.count - own.count > 40)

        let heardAtLeg = ownLeg.end()
        #expect(Set(heardAtLeg.map { $0[1] }) == own)
        for (name, listener) in listeners {
            for heard in listener.end() {
                let what = sent.first { $0[0] == heard[1] }?.joined(separator: " ") ?? heard[1]
                let isItsPort = name == "node" && heard[0] == "wic\(one.id)"
                let isWayToProxies = name == "node" && heard[0] == "wil\(one.id)" && own.contains(heard[1])
                #expect(isItsPort || isWayToProxies, "\(name) heard at \(heard[0]): \(what)")
            }
        }
        for clone in clones { #expect(try Whatif.run("sandbox", "remove", clone.id).status == 0) }
    }
}
