import Foundation
import Glibc
import OperatingSystem
import Testing

extension SystemTests.CloneTests {
    private struct Place {
        /// The words before a command that is to be run there.
        let inside: [String]
        let interface: String

        /// What the kernel there has thrown away for a wrong checksum.
        func wrongChecksums() throws -> [String] {
            let tcp = try ChildProcess.succeed(inside + ["cat", "/proc/net/snmp"]).split(separator: "\n")
                .filter { $0.hasPrefix("Tcp:") }.map { $0.split(separator: " ") }
            let column = try #require(tcp.first?.firstIndex(of: "InCsumErrors"))
            let others = try ChildProcess.succeed(inside + ["cat", "/proc/net/snmp6"]).split(separator: "\n")
                .filter { $0.contains("CsumErrors") && !$0.hasSuffix("\t0") }
            return (tcp[1][column] == "0" ? [] : ["TCP: \(tcp[1][column])"]) + others.map(String.init)
        }

        /// From now on the kernel computes checksums and segments itself, as one does whose card cannot: the other side's
        /// verifies each of them.
        func switchOffOffloading() throws {
            // SIOCETHTOOL with ETHTOOL_STXCSUM, and with ETHTOOL_GTXCSUM to see that it holds (linux/ethtool.h).
            let program = """
                import array, fcntl, socket, struct, sys
                control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                for command in (0x17, 0x16):
                    value = array.array("B", struct.pack("II", command, 0))
                    fcntl.ioctl(control, 0x8946, struct.pack("16sP", sys.argv[1].encode(), value.buffer_info()[0]))
                    assert struct.unpack("II", value.tobytes())[1] == 0
                """
            try ChildProcess.succeed(inside + ["python3", "-c", program, interface])
        }
    }

    /// The clone of the web tier answers at its IPv6 address, with what it fetches itself from a neighbour's. All checksums
    /// are right, by the kernels of both sides and by tshark, with the interfaces' offloading and without it.
    @Test func aCloneAnswersAndAsksOverIPv6() throws {
        let clone = try #require(
            try clone(
                "web1", "--neighbour", "10.50.0.1", "--neighbour", "fd00:50::1", "--neighbour", "fd00:50::20",
                "--prepare", "sed -i s/10.50.0.20/fd00:50::20/ /etc/hosts && nginx -s reload"
            ).first)
        let lab = try String(contentsOfFile: Whatif.state + "/lab/pid", encoding: .utf8).filter(\.isNumber)
        let leg = Place(
            inside: [
                "nsenter", "--target", lab, "--net", "--mount", "--", "nsenter", "--net=/run/netns/\(clone.domain)",
                "--",
            ], interface: "wip\(clone.id)")
        let own = Place(
            inside: ["nsenter", "--target", try #require(try LabHost.firstProcess(of: clone.domain)), "--net", "--"],
            interface: "eth0")

        let folder = Whatif.state + "/served"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let page = Data((0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) })
        try page.write(to: URL(fileURLWithPath: folder + "/page"))
        let server = try ChildProcess(
            leg.inside + ["python3", "-m", "http.server", "--bind", "fd00:50::20", "--directory", folder, "8080"])
        defer {
            kill(server.pid, SIGTERM)
            server.wait()
        }
        let capture = Whatif.state + "/ipv6.pcap"
        let sniffer = try ChildProcess(
            leg.inside + ["tcpdump", "-U", "-n", "-i", leg.interface, "-s", "200000", "-w", capture, "ip6"])
        #expect(Whatif.wait(seconds: 60) { (try? Data(contentsOf: URL(fileURLWithPath: capture)))?.isEmpty == false })
        let address = try #require(clone.addresses.last)
        for isOffloading in [true, false] {
            if !isOffloading {
                try leg.switchOffOffloading()
                try own.switchOffOffloading()
                // The neighbour is asked for once more.
                try ChildProcess.succeed(own.inside + ["ip", "-6", "neighbour", "flush", "dev", "eth0"])
            }
            Whatif.prepare()
            #expect(
                Whatif.wait(seconds: 60) {
                    let result = try? ChildProcess.run([
                        Whatif.binary, "sandbox", "exec", clone.id, "--", "curl", "--silent", "--fail", "--max-time",
                        "5",
                        "--output", folder + "/got", "http://[\(address)]/page",
                    ])
                    return result?.status == 0
                }, "offloading: \(isOffloading)")
            #expect(try Data(contentsOf: URL(fileURLWithPath: folder + "/got")) == page)
            for place in [leg, own] { #expect(try place.wrongChecksums() == []) }
            if isOffloading { try FileManager.default.removeItem(atPath: folder + "/got") }
        }
        kill(sniffer.pid, SIGTERM)
        sniffer.wait()
        let seen = { (filter: String) in
            try ChildProcess.succeed([
                "tshark", "-n", "-r", capture, "-o", "tcp.check_checksum:TRUE", "-Y", filter, "-T", "fields", "-e",
                "eth.src", "-e", "ipv6.src", "-e", "icmpv6.opt.linkaddr",
            ]).split(separator: "\n")
        }
        // Solicitations with the outside identity in them, and right (1 is tshark's word for that).
        let identity = clone.id.enumerated().map { ($0 % 2 == 0 ? ":" : "") + String($1) }.joined()
        let asked = try seen("icmpv6.type == 135 && icmpv6.checksum.status == 1")
        #expect(asked.count >= 2)
        #expect(asked.allSatisfy { $0 == "52:54:60\(identity)\t\(address)\t52:54:60\(identity)" }, "\(asked)")
        #expect(try seen("icmpv6.type == 135 && icmpv6.checksum.status != 1").isEmpty)
        // Those of the second round are whole; the first round's are left to a card that is not there.
        #expect(try seen("ipv6.src == \(address) && tcp.checksum.status == 1").count > 100)
        #expect(try seen("ipv6.addr == fd00:50::10 || eth.addr == 52:54:00:00:50:10").isEmpty)
        #expect(try Whatif.run("sandbox", "remove", clone.id).status == 0)
    }
}
