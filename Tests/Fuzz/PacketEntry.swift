import Model
import Wire

/// Whole captures: packets of any link type, through fragments, reassembly and readers.
///
/// The first byte says the link type and how small the limits are. Then packets: the four upper bits of a length of 16
/// bits say how much later it comes than the one before.
enum PacketEntry {
    private static let links: [LinkType] = [
        .ethernet, .null, .rawIP, .loop, .linuxSLL, .rawIPv4, .rawIPv6, .linuxSLL2,
    ]

    static func run(_ bytes: [UInt8]) throws(BrokenInvariant) {
        var input = FuzzInput(bytes)
        let setting = input.byte()
        let link = links[Int(setting & 7)]
        var limits = DissectorLimits()
        if setting & 8 != 0 { limits.connections = 2 }
        if setting & 16 != 0 { limits.bytes = 600 }
        var packets: [(bytes: [UInt8], time: Timestamp)] = []
        var time = Timestamp(nanoseconds: 1_000_000_000)
        while !input.isAtEnd {
            let length = input.big16()
            time = time + .milliseconds(1 << (length >> 12) * 2)
            packets.append((input.take(length & 0xfff), time))
        }

        // What is kept counts for the limit on bytes, so the two agree only without it.
        let kept = try events(packets, link, limits, keepsPayload: true)
        let counted = try events(packets, link, limits, keepsPayload: false)
        if setting & 16 == 0 {
            try BrokenInvariant.unless(kept == counted, "keeping payload changes what is said")
        }
    }

    private static func events(
        _ packets: [(bytes: [UInt8], time: Timestamp)], _ link: LinkType, _ limits: DissectorLimits, keepsPayload: Bool
    ) throws(BrokenInvariant) -> EventPrefix {
        var dissector = Dissector(.everything, keepsPayload: keepsPayload, limits: limits)
        var consistency = Consistency(keepsPayload: keepsPayload)
        var said = EventPrefix(endsAtLoss: false)
        for packet in packets {
            dissector.accept(packet.bytes.span, link: link, at: packet.time) { event in
                consistency.take(event)
                said.take(event)
            }
            try BrokenInvariant.unless(dissector.connectionCount <= limits.connections, "too many connections")
        }
        dissector.finish(at: packets.last?.time ?? .distantPast) { event in
            consistency.take(event)
            said.take(event)
        }
        if let problem = consistency.problems.first { throw BrokenInvariant(problem) }
        try BrokenInvariant.unless(consistency.open.isEmpty && dissector.connectionCount == 0, "not all were closed")
        try BrokenInvariant.unless(dissector.counters.packets == packets.count, "a packet that nobody counted")
        return said
    }
}
