import Model
import Testing

@testable import Wire

/// From packet bytes to segments, for every link type and both versions of IP.
@Suite struct PacketDecoderTests {
    private static let v4 = (Endpoint(IPAddress(v4: 0x0a32_000a), 40_001), Endpoint(IPAddress(v4: 0x0a32_0014), 80))
    private static let v6 = (
        Endpoint(IPAddress(v6High: 0x2001_0db8_0000_0001, low: 10), 40_001),
        Endpoint(IPAddress(v6High: 0xfe80_0000_0000_0000, low: 0xffff_ffff_ffff_fff0), 5432)
    )
    private static let payload = Array("payload".utf8)

    private func bytes(_ builder: PacketBuilder, isIPv4: Bool = true, _ payload: [UInt8] = payload) -> [UInt8] {
        let (source, destination) = isIPv4 ? Self.v4 : Self.v6
        return builder.packet(
            from: source, to: destination, sequence: 0xffff_fff0, acknowledged: 0x8000_0001,
            flags: [.fin, .acknowledgement], payload: payload)
    }

    private func segment(_ packet: [UInt8], _ link: LinkType) -> TCPSegment? {
        guard case .segment(let segment) = PacketDecoder.decode(packet.span, link: link) else { return nil }
        return segment
    }

    /// The ways a packet may be wrapped that do not change what it says.
    static let builders: [(String, PacketBuilder)] = [
        ("plain", PacketBuilder()),
        ("VLAN", PacketBuilder(tags: [100])),
        ("VLAN in VLAN", PacketBuilder(tags: [100, 200])),
        ("padded frame", PacketBuilder(padding: 6)),
        ("TCP options", PacketBuilder(optionWords: 10)),
        ("length left to the network card", PacketBuilder(omitsLength: true)),
        ("IPv6 extension headers", PacketBuilder(extensions: [(0, 8), (43, 24), (60, 16)])),
    ]

    @Test(arguments: LinkType.all, builders.indices) func everyWrapping(_ link: LinkType, _ index: Int) throws {
        var builder = Self.builders[index].1
        builder.link = link
        for isIPv4 in [true, false] {
            let packet = bytes(builder, isIPv4: isIPv4)
            let segment = try #require(self.segment(packet, link))
            #expect((segment.source, segment.destination) == (isIPv4 ? Self.v4 : Self.v6))
            #expect(segment.sequence == 0xffff_fff0 && segment.acknowledged == 0x8000_0001)
            #expect(segment.flags == [.fin, .acknowledgement] && segment.cutOff == 0)
            #expect(Array(packet[segment.payload]) == Self.payload)
        }
    }

    /// The snap length cuts packets: what is there is used, what is not is counted.
    @Test(arguments: LinkType.all) func cutPackets(_ link: LinkType) {
        for isIPv4 in [true, false] {
            let whole = bytes(PacketBuilder(link: link), isIPv4: isIPv4)
            for count in 0..<whole.count {
                let cut = Array(whole[..<count])
                let missing = whole.count - count
                guard missing <= Self.payload.count else {
                    #expect(segment(cut, link) == nil, "\(count) bytes")
                    continue
                }
                #expect(segment(cut, link)?.cutOff == missing)
                #expect(segment(cut, link)?.payload.count == Self.payload.count - missing)
            }
        }
    }

    @Test(arguments: [0x2000, 0x0001, 0x20ff] as [UInt16]) func fragments(_ field: UInt16) {
        guard case .fragment = PacketDecoder.decode(bytes(PacketBuilder(fragment: field)).span, link: .ethernet) else {
            Issue.record("a fragment is not told")
            return
        }
    }

    @Test func dontFragmentIsNoFragment() {
        #expect(segment(bytes(PacketBuilder(fragment: 0x4000)), .ethernet) != nil)
    }

    /// RFC 6946: a fragment that is the whole datagram.
    @Test func atomicFragmentsAreSegments() {
        #expect(segment(bytes(PacketBuilder(extensions: [(44, 8)]), isIPv4: false), .ethernet) != nil)
    }

    /// Headers that contradict themselves are not followed out of the packet.
    @Test(arguments: [
        ("no IP version", 14, 0x15), ("short IP header", 14, 0x44), ("long IP header", 14, 0x4f),
        ("IP length below its header", 17, 10), ("UDP", 23, 17), ("short TCP header", 46, 0x40),
        ("TCP header beyond the packet", 46, 0xf0), ("ARP", 13, 0x06),
    ])
    func contradictions(_ name: String, _ offset: Int, _ value: UInt8) {
        var packet = bytes(PacketBuilder())
        packet[offset] = value
        #expect(segment(packet, .ethernet) == nil)
    }

    @Test func endlessExtensionHeaders() {
        let builder = PacketBuilder(extensions: Array(repeating: (0, 8), count: 40))
        #expect(segment(bytes(builder, isIPv4: false), .ethernet) == nil)
    }
}
