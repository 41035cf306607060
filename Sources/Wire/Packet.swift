package import Model

/// The link layers that are read, by the numbers of the capture file formats (tcpdump.org/linktypes.html).
package enum LinkType: Int32, Sendable {
    case null = 0
    case ethernet = 1
    case rawIP = 101
    /// As `null`, with the family in network order.
    case loop = 108
    case linuxSLL = 113
    case rawIPv4 = 228
    case rawIPv6 = 229
    case linuxSLL2 = 276
}

/// One TCP segment of a packet. The payload is a range of the packet's bytes, so that nothing is copied here.
package struct TCPSegment: Sendable {
    package struct Flags: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let fin = Flags(rawValue: 1)
        package static let syn = Flags(rawValue: 2)
        package static let reset = Flags(rawValue: 4)
        package static let acknowledgement = Flags(rawValue: 16)
    }

    package let source: Endpoint
    package let destination: Endpoint
    package let sequence: UInt32
    package let acknowledged: UInt32
    package let flags: Flags
    /// As sent, without the scale that the handshake agreed on: only whether it is zero is of use here.
    package let window: UInt16
    package let payload: Range<Int>
    /// Payload bytes that were on the wire but were cut off by the capture's snap length.
    package let cutOff: Int

    package init(
        source: Endpoint, destination: Endpoint, sequence: UInt32, acknowledged: UInt32, flags: Flags,
        window: UInt16 = 0xffff, payload: Range<Int>, cutOff: Int = 0
    ) {
        self.source = source
        self.destination = destination
        self.sequence = sequence
        self.acknowledged = acknowledged
        self.flags = flags
        self.window = window
        self.payload = payload
        self.cutOff = cutOff
    }
}

/// From the bytes of a packet to its TCP segment (RFC 791, 8200, 9293; IEEE 802.1Q).
package enum PacketDecoder {
    package enum Result: Sendable {
        case segment(TCPSegment)
        /// A part of an IP datagram that may carry TCP; nil when it cannot be put together with others, as it is cut
        /// off or malformed.
        case fragment(IPFragment?)
        /// Not TCP over IP, or cut short.
        case other
    }

    package static func decode(_ bytes: Span<UInt8>, link: LinkType) -> Result {
        var offset = 0
        switch link {
        case .ethernet:
            guard bytes.count >= 14 else { return .other }
            offset = 12
            return network(bytes, at: &offset)
        case .linuxSLL:
            guard bytes.count >= 16 else { return .other }
            offset = 14
            return network(bytes, at: &offset)
        case .linuxSLL2:
            guard bytes.count >= 20 else { return .other }
            let type = bytes.big16(0)
            return internet(bytes, at: 20, type: type)
        case .null, .loop:
            // The family is in the byte order of the capturing machine; the IP version says the same.
            return version(bytes, at: 4)
        case .rawIP, .rawIPv4, .rawIPv6:
            return version(bytes, at: 0)
        }
    }

    /// An EtherType at `offset`, behind any VLAN tags.
    private static func network(_ bytes: Span<UInt8>, at offset: inout Int) -> Result {
        for _ in 0..<4 {
            guard bytes.count >= offset + 2 else { return .other }
            let type = bytes.big16(offset)
            guard type == 0x8100 || type == 0x88a8 || type == 0x9100 else {
                return internet(bytes, at: offset + 2, type: type)
            }
            offset += 4
        }
        return .other
    }

    private static func version(_ bytes: Span<UInt8>, at offset: Int) -> Result {
        guard bytes.count > offset else { return .other }
        return internet(bytes, at: offset, type: bytes[offset] >> 4 == 6 ? 0x86dd : 0x0800)
    }

    private static func internet(_ bytes: Span<UInt8>, at offset: Int, type: UInt16) -> Result {
        switch type {
        case 0x0800: ipv4(bytes, at: offset)
        case 0x86dd: ipv6(bytes, at: offset)
        default: .other
        }
    }

    private static func ipv4(_ bytes: Span<UInt8>, at offset: Int) -> Result {
        guard bytes.count >= offset + 20, bytes[offset] >> 4 == 4 else { return .other }
        let header = Int(bytes[offset] & 15) * 4
        guard header >= 20, bytes.count >= offset + header, bytes[offset + 9] == 6 else { return .other }
        var total = Int(bytes.big16(offset + 2))
        // With segmentation offload the length does not fit and is zero: the packet goes to its end.
        if total == 0 { total = bytes.count - offset }
        guard total >= header else { return .other }
        let source = IPAddress(v4: bytes.big32(offset + 12))
        let destination = IPAddress(v4: bytes.big32(offset + 16))
        let place = bytes.big16(offset + 6)
        // More fragments, or an offset: not a whole segment.
        if place & 0x3fff != 0 {
            return fragment(
                bytes, at: offset + header, length: total - header, place: Int(place & 0x1fff) * 8,
                isLast: place & 0x2000 == 0,
                IPFragment.Key(
                    source: source, destination: destination, identification: UInt32(bytes.big16(offset + 4))))
        }
        return tcp(
            bytes, at: offset + header, length: total - header, source: source, destination: destination)
    }

    private static func ipv6(_ bytes: Span<UInt8>, at offset: Int) -> Result {
        guard bytes.count >= offset + 40, bytes[offset] >> 4 == 6 else { return .other }
        var length = Int(bytes.big16(offset + 4))
        if length == 0 { length = bytes.count - offset - 40 }
        let end = offset + 40 + length
        var next = bytes[offset + 6]
        var position = offset + 40
        let source = IPAddress(v6High: bytes.big64(offset + 8), low: bytes.big64(offset + 16))
        let destination = IPAddress(v6High: bytes.big64(offset + 24), low: bytes.big64(offset + 32))
        // A bounded walk, as headers may be forged.
        for _ in 0..<10 {
            switch next {
            case 6:
                guard end >= position else { return .other }
                return tcp(
                    bytes, at: position, length: end - position, source: source, destination: destination)
            case 0, 43, 60, 135, 139, 140:
                // Hop-by-hop, routing, destination options, mobility, HIP, Shim6 (RFC 6564).
                guard bytes.count >= position + 8 else { return .other }
                next = bytes[position]
                position += 8 + Int(bytes[position + 1]) * 8
            case 51:
                // Authentication counts in words of four bytes (RFC 4302, section 2.2).
                guard bytes.count >= position + 8 else { return .other }
                next = bytes[position]
                position += (Int(bytes[position + 1]) + 2) * 4
            case 44:
                guard bytes.count >= position + 8, end >= position + 8 else { return .other }
                next = bytes[position]
                let place = bytes.big16(position + 2)
                let identification = bytes.big32(position + 4)
                position += 8
                // A fragment that is the whole datagram is no fragment (RFC 6946).
                if place & 0xfff9 == 0 { continue }
                guard next == 6 else { return .other }
                return fragment(
                    bytes, at: position, length: end - position, place: Int(place & 0xfff8), isLast: place & 1 == 0,
                    IPFragment.Key(source: source, destination: destination, identification: identification))
            default:
                return .other
            }
        }
        return .other
    }

    private static func fragment(
        _ bytes: Span<UInt8>, at offset: Int, length: Int, place: Int, isLast: Bool, _ key: IPFragment.Key
    ) -> Result {
        // All but the last are a multiple of eight bytes; what was cut off by the snap length cannot be put together.
        guard length > 0, isLast || length % 8 == 0, offset + length <= bytes.count, place + length <= 65_535 else {
            return .fragment(nil)
        }
        return .fragment(IPFragment(key: key, place: place, isLast: isLast, payload: offset..<offset + length))
    }

    /// The segment in a datagram's payload that was put together from fragments.
    static func segment(_ payload: Span<UInt8>, _ key: IPFragment.Key) -> TCPSegment? {
        guard
            case .segment(let segment) = tcp(
                payload, at: 0, length: payload.count, source: key.source, destination: key.destination)
        else { return nil }
        return segment
    }

    private static func tcp(
        _ bytes: Span<UInt8>, at offset: Int, length: Int, source: IPAddress, destination: IPAddress
    ) -> Result {
        guard length >= 20, bytes.count >= offset + 20 else { return .other }
        let header = Int(bytes[offset + 12] >> 4) * 4
        guard header >= 20, header <= length, bytes.count >= offset + header else { return .other }
        let end = min(bytes.count, offset + length)
        return .segment(
            TCPSegment(
                source: Endpoint(source, bytes.big16(offset)),
                destination: Endpoint(destination, bytes.big16(offset + 2)),
                sequence: bytes.big32(offset + 4), acknowledged: bytes.big32(offset + 8),
                flags: .init(rawValue: bytes[offset + 13]), window: bytes.big16(offset + 14),
                payload: offset + header..<end, cutOff: offset + length - end))
    }
}
