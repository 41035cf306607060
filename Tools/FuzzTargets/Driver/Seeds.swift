import Foundation
import FuzzEntries
import Model
import Wire

/// First inputs: without them the fuzzer would have to find out by itself what a request looks like.
struct Seeds {
    private struct Packet {
        var bytes: [UInt8]
        var time: Timestamp
    }

    private var inputs: [(target: String, bytes: [UInt8])] = []
    let captures: [String]

    init(captures: [String]) { self.captures = captures }

    func write(to folder: String) throws {
        var seeds = self
        for path in captures { try seeds.read(path) }
        for (target, text) in Self.texts { seeds.inputs.append((target, Array(text.utf8))) }
        for (target, bytes) in Self.steps + LogInSeeds.all { seeds.inputs.append((target, bytes)) }
        for (number, input) in seeds.inputs.enumerated() {
            guard let target = FuzzTarget.named(input.target) else { continue }
            let directory = "\(folder)/\(target.name)"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try Data(input.bytes.prefix(target.longest)).write(to: URL(fileURLWithPath: "\(directory)/seed-\(number)"))
        }
    }

    private mutating func read(_ path: String) throws {
        let capture = try Capture.file(path)
        var packets: [Packet] = []
        while try capture.process({ bytes, time in packets.append(Packet(bytes: [UInt8](bytes), time: time)) }) {}
        let links: [LinkType] = [.ethernet, .null, .rawIP, .loop, .linuxSLL, .rawIPv4, .rawIPv6, .linuxSLL2]
        guard let link = links.firstIndex(of: capture.link) else { return }
        var input: [UInt8] = [UInt8(link)]
        for packet in packets where packet.bytes.count < 1500 && input.count < 4000 {
            input += [UInt8(packet.bytes.count >> 8), UInt8(packet.bytes.count & 255)] + packet.bytes
        }
        inputs.append(("packet", input))
        for said in conversations(packets, capture.link) {
            for entry in ProtocolTable.all where entry.recognise(said.client.span, said.server.span) > .unsure {
                inputs.append((entry.name.rawValue, [0, 7] + said.turns))
                // From the middle.
                inputs.append((entry.name.rawValue, [2, 0] + said.turns))
                // To the out-proxy.
                inputs.append(("answers-" + entry.name.rawValue, [15] + said.client))
            }
            if HTTPParser.canStart(.requests, said.client.span) {
                inputs.append(("http-requests", [40, 0] + said.client.prefix(2000)))
                inputs.append(("http-replies", [40, 0] + said.server.prefix(2000)))
            } else {
                inputs.append(("postgresql-frontend", [41] + said.client.prefix(2000)))
                inputs.append(("postgresql-backend", [0, 7] + said.server.prefix(2000)))
            }
        }
    }

    /// What both sides of each connection say, in turn and with the steps of `ReaderEntry`.
    private struct Said {
        var client: [UInt8] = []
        var server: [UInt8] = []
        var turns: [UInt8] = []
        var isClient = true
        var halves = (HalfStream(), HalfStream())
    }

    private func conversations(_ packets: [Packet], _ link: LinkType) -> [Said] {
        struct Ends: Hashable {
            let client: Endpoint
            let server: Endpoint
        }
        var all: [Ends: Said] = [:]
        var order: [Ends] = []
        for packet in packets {
            guard case .segment(let segment) = PacketDecoder.decode(packet.bytes.span, link: link) else { continue }
            var isClient = true
            var ends = Ends(client: segment.source, server: segment.destination)
            if all[ends] == nil {
                let back = Ends(client: segment.destination, server: segment.source)
                if all[back] != nil { (ends, isClient) = (back, false) } else { order.append(ends) }
            }
            var said = all[ends] ?? Said()
            var bytes: [UInt8] = []
            let payload = packet.bytes.span.extracting(segment.payload)
            let keep = { (span: Span<UInt8>, _: Timestamp) in bytes += [UInt8](span) }
            if isClient {
                said.halves.0.accept(
                    segment.sequence, payload, cutOff: 0, at: packet.time, deliver: keep, gap: { _ in })
            } else {
                said.halves.1.accept(
                    segment.sequence, payload, cutOff: 0, at: packet.time, deliver: keep, gap: { _ in })
            }
            if !bytes.isEmpty {
                if isClient { said.client += bytes } else { said.server += bytes }
                if isClient != said.isClient {
                    said.turns += [
                        ReaderEntry.escape, (isClient ? ReaderEntry.Step.client : .server).rawValue,
                    ]
                    said.isClient = isClient
                }
                for byte in bytes {
                    said.turns.append(byte)
                    if byte == ReaderEntry.escape { said.turns.append(ReaderEntry.Step.literal.rawValue) }
                }
            }
            all[ends] = said
        }
        return order.compactMap { all[$0] }.filter { !$0.client.isEmpty }
    }

    /// The beginning of an image of libvirt: 92 bytes, of which the last 56 are not used, then XML and cookie.
    private static func saveImage(_ data: String, cookie: UInt8 = 0, compression: UInt8 = 0) -> [UInt8] {
        let words: [UInt8] = [2, UInt8(data.utf8.count), 1, compression, cookie]
        var bytes = Array("LibvirtQemudSave".utf8)
        for word in words { bytes += [word, 0, 0, 0] }
        return bytes + [UInt8](repeating: 0, count: 56) + Array(data.utf8)
    }

    /// In order, out of order, repeated, acknowledged early, and ended.
    private static let steps: [(String, [UInt8])] = [
        ("save-image", saveImage("<domain/>\0<cookie/>\0\0\0\0", cookie: 10)),
        ("save-image", saveImage("<domain/>\0\0\0", compression: 1)),
        ("reassembly", [0, 0, 0, 64, 10, 0, 0, 0, 84, 10, 0, 0, 0, 74, 10, 0, 4, 0, 100, 0, 0, 7, 0, 100, 0, 0]),
        ("reassembly", [9, 2, 0, 64, 10, 5, 1, 0, 70, 20, 0, 6, 0, 0, 0, 0, 3, 0, 64, 9, 0, 11, 0, 64, 9, 0]),
        (
            "connection",
            [0, 8, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 19, 0, 1, 0, 0, 41, 9, 0, 0, 19, 200, 20, 1, 0, 41, 200, 90]
        ),
        (
            "connection",
            [1, 10, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 19, 48, 0, 0, 0, 0, 19, 0, 1, 0, 0, 200, 60, 5, 0, 200, 0, 99]
        ),
    ]

    private static let texts: [(String, String)] = [
        ("http-requests", "\u{1}\u{0}GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (
            "http-requests",
            "\u{9}\u{0}POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nX: 1\r\n\r\nGET /2 HTTP/1.0\n\n"
        ),
        (
            "http-replies",
            "\u{9}\u{1}HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nabHTTP/1.1 204 No\r\n\r\n"
        ),
        (
            "http-replies",
            "\u{9}\u{2}HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip,\r\n chunked\r\n\r\nA \r\n0123456789\r\n0\r\n\r\nHTTP/1.0 404 No\r\n\r\nx"
        ),
        (
            "yaml",
            """
            service: auction
            connect: lxc:///system
            node: lab
            sla: { p95: 50 ms, over: 60 s }
            tiers:
              - { name: web, domains: [web1],  serves: http:80,         calls: [app] }
              - { name: app, domains: [app1],  serves: http:8080,       calls: [db] }
              - { name: db,  domains: [db1],   serves: postgresql:5432 }
            software: { tuned: "true" }
            variants: { virtio: a.xml }
            nodes: { big: { connect: "lxc:///system", node: lab } }
            campaign:
              tier: app
              clone: disk
              axes: { cpu: [20%, 60%, 40%], memory: [1 GiB, 512 MiB], cpu-set: [0, 0-1], software: [as-is, tuned] }
              experiment: 20 s
              warm-up: 5 s
              time-bound: 4 min
              time-shift: 2 s
              boot-limit: 30 s
              find: cheapest
              check: { threshold: 10% }
              limits: { lost: 0.1%, unmatched: 1% }
              control: { mean: 15%, throughput: 2% }
              energy: { core: 10 W }
              sessions:
                - { name: cart, from: { pattern: 'cart="(?<id>[^"()]+)\\s*"' }, to: { header: X-Cart } }
                - { name: a, from: { json: "a[].b" }, to: { json: "c[0].d" } }
            """
        ),
        ("yaml", "a: [1, 2.5, ~, true]\nb: |\n  text\n  more\n'c': {d: \"e\\n\\u0041\", ? f : g}\n# said\n--- \n"),
        (
            "session",
            "\u{0}\u{28}\u{28}<input type=hidden name=t value=a1b2c3d4e5f6><a href=/items/42?x=1>a</a><p>\nnow 12:01\n</p>\n"
                + "<input type=hidden name=t value=k9l8m7n6o5p4><a href=/items/57?x=1>a</a><p>\nnow 12:02\n</p>\nt=a1b2c3d4e5f6"
        ),
        (
            "session",
            "\u{1}\u{14}\u{14}{\"id\":42,\"t\":[\"a1b2c3d4e5f6\"],\"n\":{}}{\"id\":57,\"t\":[\"k9l8m7n6o5p4\"],\"n\":{}}{\"id\":42}"
        ),
        (
            "lvm-report",
            """
            {"report":[{"lv":[{"vg_name":"g","lv_name":"a","lv_attr":"owi-a-s---","lv_size":"1048576","origin":"","pool_lv":"",
            "segtype":"linear","data_percent":"","metadata_percent":"","vg_free":"0","vg_extent_size":"4096",
            "lv_kernel_major":"253","lv_kernel_minor":"0"},{"vg_name":"g","lv_name":"s","lv_attr":"swi-a-s---",
            "lv_size":"4096","origin":"a","pool_lv":"p","segtype":"thin","data_percent":"12.5","metadata_percent":"1.0",
            "vg_free":"0","vg_extent_size":"4096","lv_kernel_major":"-1","lv_kernel_minor":"-1"}]}]}
            """
        ),
        (
            "domain-xml",
            """
            <domain type='lxc' id='3'><name>a</name><uuid>u</uuid><memory unit='MiB'>64</memory><vcpu current='1'>2</vcpu>
            <os><type>exe</type><init>/sbin/init</init></os><devices><filesystem type='mount'><source dir='/a'/><target dir='/'/>
            </filesystem><interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='b'/><target dev='v'/>
            <ip address='10.0.0.2' prefix='24'/><bandwidth><inbound average='100'/></bandwidth></interface><console type='pty'
            tty='/dev/pts/1'><source path='/dev/pts/1'/></console></devices></domain>
            """
        ),
        ("matrix-query", "p95 < 50ms and cpu >= 40%\n-cpu"), ("matrix-query", "throughput != 40/s and energy<=80 mJ"),
        ("matrix-query", "\np95"), ("matrix-query", "cpu-used > 35% AND mean = 0.1 s\nmean"),
        ("question", "cheapest cpu, memory where p95 < 50 ms and (energy < 80 mJ or cpu-used <= 20%) at load 1.5?"),
        ("question", "lowest p99 where memory in (1 GiB, 2 GiB) and not cpu > 60% at software 'tuned', cpu-set 0-1"),
        ("question", "does p95 < 50 ms and throughput >= 40/s hold at cpu = 60%"), ("question", "p99 at cpu 70%"),
    ]
}
