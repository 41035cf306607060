import Model
import OperatingSystem
import Testing

@testable import Wire

/// What the kernel is asked for, on packets of a file: the same expressions, compiled by libpcap.
@Suite struct CaptureFilterTests {
    private static let v4 = WatchedServer(Endpoint(IPAddress(v4: 0x0a32_0014), 80), .http)
    private static let v6 = WatchedServer(
        Endpoint(IPAddress(v6High: 0x2001_0db8_0000_0000, low: 20), 5432), .postgresql)

    /// How many of the packets tcpdump's own compiler lets through.
    private func passing(_ filter: CaptureFilter, _ packets: [[UInt8]], _ link: LinkType = .ethernet) throws -> Int {
        var count = 0
        try CaptureFile.with(link: UInt32(link.rawValue), packets) { path in
            let capture = try Capture.file(path, filter: filter.expression(link))
            while try capture.process({ _, _ in count += 1 }) {}
        }
        return count
    }

    private func packet(_ server: Endpoint, _ builder: PacketBuilder = PacketBuilder()) -> [UInt8] {
        var client = server
        client.port = 40_000
        client.address =
            server.address.family == .v4 ? IPAddress(v4: 0x0a32_000a) : IPAddress(v6High: 0x2001_0db8 << 32, low: 10)
        return builder.packet(
            from: client, to: server, sequence: 1, acknowledged: 1, flags: .acknowledgement, payload: [1])
    }

    @Test(arguments: [v4, v6]) func theServersPacketsPassTaggedOrNot(_ server: WatchedServer) throws {
        let filter = CaptureFilter([server])
        var other = server.endpoint
        other.port = 81
        let packets = [packet(server.endpoint), packet(server.endpoint, PacketBuilder(tags: [7])), packet(other)]
        #expect(try passing(filter, packets) == 2)
        #expect(try passing(CaptureFilter([Self.v4, Self.v6]), packets) == 2)
        #expect(try passing(.everything, packets) == 3)
    }

    /// A later fragment does not say its port.
    @Test func fragmentsOfTheServersPass() throws {
        let fragment = packet(Self.v4.endpoint, PacketBuilder(fragment: 0x0010))
        let stranger = packet(Endpoint(IPAddress(v4: 0x0a32_0015), 80), PacketBuilder(fragment: 0x0010))
        #expect(try passing(CaptureFilter([Self.v4]), [fragment, stranger]) == 1)
        #expect(try passing(.everything, [fragment, stranger]) == 2)
    }

    /// Links without VLANs take the expression too.
    @Test(arguments: [LinkType.rawIPv4, .linuxSLL, .linuxSLL2]) func otherLinks(_ link: LinkType) throws {
        var builder = PacketBuilder()
        builder.link = link
        #expect(try passing(CaptureFilter([Self.v4]), [packet(Self.v4.endpoint, builder)], link) == 1)
    }
}
