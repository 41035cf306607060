import Model

/// Packets as a pcapng file (draft-ietf-opsawg-pcapng), which Wireshark, tshark, tcpdump and capinfos read; unlike the
/// older pcap it holds several link types, each described once before its first packet, and says so in nanoseconds.
package struct PcapNG {
    private var interfaces: [UInt16: UInt32] = [:]

    package init() {}

    /// What the file begins with: little-endian, version 1.0, length of the section unknown.
    package func start() -> [UInt8] {
        var body = TraceEncoder()
        body.little32(0x1a2b_3c4d)
        body.little16(1)
        body.little16(0)
        body.little64(.max)
        return Self.block(0x0a0d_0d0a, body.bytes)
    }

    /// The packet's block, with that of its interface in front when it is the first of its link type.
    package mutating func encode(_ packet: TracePacket) -> [UInt8] {
        var result: [UInt8] = []
        let interface: UInt32
        if let known = interfaces[packet.link] {
            interface = known
        } else {
            interface = UInt32(interfaces.count)
            interfaces[packet.link] = interface
            var body = TraceEncoder()
            body.little16(packet.link)
            body.little16(0)
            body.little32(0)  // No limit on length.
            // Option 9: time stamps in units of 10⁻⁹ seconds; then the end of options.
            body.raw([9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0])
            result = Self.block(1, body.bytes)
        }
        var body = TraceEncoder()
        let time = UInt64(bitPattern: packet.time.nanoseconds)
        body.little32(interface)
        body.little32(UInt32(truncatingIfNeeded: time >> 32))
        body.little32(UInt32(truncatingIfNeeded: time))
        body.little32(UInt32(truncatingIfNeeded: packet.bytes.count))
        body.little32(UInt32(truncatingIfNeeded: max(packet.bytes.count, packet.originalLength)))
        body.raw(packet.bytes)
        return result + Self.block(6, body.bytes)
    }

    /// Type, total length, body filled up to 32 bits, total length again.
    private static func block(_ type: UInt32, _ body: [UInt8]) -> [UInt8] {
        var encoder = TraceEncoder()
        let padding = (4 - body.count % 4) % 4
        let length = UInt32(truncatingIfNeeded: 12 + body.count + padding)
        encoder.little32(type)
        encoder.little32(length)
        encoder.raw(body + [UInt8](repeating: 0, count: padding))
        encoder.little32(length)
        return encoder.bytes
    }
}
