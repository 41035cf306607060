import Glibc
import Model
import OperatingSystem
import Synchronization
import Testing

@testable import Wire

/// libpcap's files: what is read, and in which words what cannot be read is refused.
@Suite struct CaptureFileTests {
    private let packet = Place().packet(
        Conversation.Segment(side: .client, sequence: 1, acknowledged: 0, flags: .syn, payload: []))

    @Test(arguments: [(0xa1b2_c3d4, 1000), (0xa1b2_3c4d, 1)] as [(UInt32, Int64)])
    func timesAreInNanoseconds(_ magic: UInt32, _ unit: Int64) throws {
        try CaptureFile.with(magic: magic, [packet, packet]) { path in
            let times = try CapturedPackets(path: path).packets.map(\.time.nanoseconds)
            #expect(times == [1_700_000_000_000_000_000, 1_700_000_000_000_000_000 + unit])
        }
    }

    @Test func moreThanOneCallTakes() throws {
        try CaptureFile.with([[UInt8]](repeating: packet, count: 5000)) { path in
            let count = try CapturedPackets(path: path).packets.count
            #expect(count == 5000)
        }
    }

    @Test func aFilterLeavesOut() throws {
        try CaptureFile.with([packet, packet]) { path in
            var count = 0
            let capture = try Capture.file(path, filter: "tcp port 81")
            while try capture.process({ _, _ in count += 1 }) {}
            #expect(count == 0)
            #expect(capture.statistics() == CaptureStatistics())
        }
    }

    @Test func aFileThatEndsInAPacket() throws {
        try CaptureFile.with([packet, packet], cut: 9) { path in
            let capture = try Capture.file(path)
            var count = 0
            #expect(throws: CaptureError.self) { while try capture.process({ _, _ in count += 1 }) {} }
            #expect(count == 1)
        }
    }

    @Test func whatIsNoCaptureIsRefusedByName() throws {
        try CaptureFile.with(magic: 7) { path in
            let error = #expect(throws: CaptureError.self) { try Capture.file(path) }
            #expect(error?.source == path && error?.isPermission == false)
        }
        #expect(throws: CaptureError.self) { try Capture.file("/nonexistent/capture.pcap") }
        // IEEE 802.11.
        try CaptureFile.with(link: 105) { path in
            let error = #expect(throws: CaptureError.self) { try Capture.file(path) }
            #expect(error?.description == "cannot capture on \(path): link type IEEE802_11 is not read")
        }
        try CaptureFile.with { path in
            let error = #expect(throws: CaptureError.self) { try Capture.file(path, filter: "tcp prot 80") }
            #expect(error?.reason.hasPrefix("the filter 'tcp prot 80' is not understood: ") == true)
        }
    }

    /// Raw IP has another number in the library than in files.
    @Test(
        arguments: [
            (101, LinkType.rawIP), (228, .rawIPv4), (229, .rawIPv6), (113, .linuxSLL), (276, .linuxSLL2), (0, .null),
        ] as [(UInt32, LinkType)])
    func linkTypes(_ number: UInt32, _ link: LinkType) throws {
        try CaptureFile.with(link: number) { path in
            let read = try Capture.file(path).link
            #expect(read == link)
        }
    }
}

enum Privileges {
    static let mayCapture = (try? Capture.live(interface: "lo", CaptureSetting(CaptureFilter("tcp port 1")))) != nil
}

/// The loopback, listened to while this process talks to itself.
@Suite(.enabled(if: Privileges.mayCapture, "capturing needs root or CAP_NET_RAW"))
struct LiveCaptureTests {
    @Test func anExchangeOnTheLoopback() throws {
        let port = UInt16(20_000 + getpid() % 10_000)
        let loopback: UInt32 = 0x7f00_0001
        let listener = try Sockets.listen(loopback, port)
        let capture = try Capture.live(interface: "lo", CaptureSetting(CaptureFilter("tcp port \(port)")))
        try talk(listener, loopback, port)

        var dissector = Dissector([WatchedServer(Endpoint(IPAddress(v4: loopback), port), .http)])
        var events: [WireEvent] = []
        let poller = try Poller()
        try poller.add(capture.descriptor, token: 0)
        // The kernel hands blocks over within milliseconds; ten seconds mean that it does not.
        let deadline = ContinuousClock.now + .seconds(10)
        while Heard(events: events).closed == 0, ContinuousClock.now < deadline {
            _ = try poller.wait(nanoseconds: 100_000_000)
            _ = try capture.process { packet, time in
                dissector.accept(packet, link: capture.link, at: time) { events.append($0) }
            }
        }
        let heard = Heard(events: events)
        #expect(heard.exchanges.map(\.request.target) == ["/live"] && heard.losses.isEmpty && heard.closed == 1)
        #expect(heard.timesAreInOrder && heard.exchanges.allSatisfy { $0.responseTime < .seconds(10) })
        #expect(capture.statistics().received > 0 && capture.statistics().dropped == 0)
    }

    private func talk(_ listener: Descriptor, _ address: UInt32, _ port: UInt16) throws {
        let client = try Sockets.connect(to: address, port)
        let server = try #require(try wait(for: listener) { try Sockets.accept(listener) })
        for (sender, receiver, text) in [
            (client, server, "GET /live HTTP/1.1\r\nHost: a\r\n\r\n"), (server, client, "HTTP/1.1 200 OK\r\n\r\n"),
        ] {
            let bytes = Array(text.utf8)
            #expect(Sockets.send(sender, bytes, from: 0) == bytes.count)
            var buffer = [UInt8](repeating: 0, count: 1000)
            let received: Int? = try wait(for: receiver) {
                if case .bytes(let count, _) = Sockets.receive(receiver, into: &buffer) { count } else { nil }
            }
            #expect(received == bytes.count)
        }
    }

    /// What `attempt` gives once the descriptor is ready; nil after ten seconds.
    private func wait<Value>(for descriptor: Descriptor, _ attempt: () throws -> Value?) throws -> Value? {
        let poller = try Poller()
        try poller.add(descriptor.raw, token: 0)
        let deadline = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < deadline {
            if let value = try attempt() { return value }
            _ = try poller.wait(nanoseconds: 100_000_000)
        }
        return nil
    }

    /// Looked at between going down and being removed, it may come up again for libpcap; then it is gone.
    @Test(.enabled(if: getuid() == 0, "making a network namespace needs root")) func anInterfaceThatGoesIsSaid() throws
    {
        let reason = Mutex("")
        let thread = try WorkerThread("capture") {
            try Namespaces.leaveNetwork()
            let change = { (lines: String) in _ = try ChildProcess.succeed(["ip", "-batch", "-"], input: lines) }
            try change("link add name leg type veth peer name other\nlink set dev leg up\nlink set dev other up\n")
            let capture = try Capture.live(interface: "leg", CaptureSetting(.everything))
            _ = try capture.process { _, _ in }
            try change("link set dev leg down\n")
            // What has come, and that it is down.
            for _ in 0..<10 { _ = try capture.process { _, _ in } }
            try change("link delete dev leg\n")
            do {
                _ = try capture.process { _, _ in }
            } catch {
                reason.withLock { $0 = "\(error)" }
            }
        }
        try thread.join()
        #expect(reason.withLock { $0 } == "cannot capture on leg: The interface disappeared")
    }

    @Test func anInterfaceThatIsNotThere() {
        let error = #expect(throws: CaptureError.self) {
            try Capture.live(interface: "none0", CaptureSetting(.everything))
        }
        #expect(error?.source == "none0" && error?.isPermission == false && error?.reason.isEmpty == false)
    }
}
