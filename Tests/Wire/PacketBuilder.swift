import Model

@testable import Wire

/// Packets as a network card would hand them over: the reverse of `PacketDecoder`, for tests.
///
/// Checksums stay zero: a capture on the sending machine sees them so too, and nothing here reads them.
struct PacketBuilder {
    var link = LinkType.ethernet
    /// VLAN tags (IEEE 802.1Q), outermost first; on Ethernet and Linux "cooked" captures.
    var tags: [UInt16] = []
    /// Extension headers between IPv6 and TCP: type and bytes, the first two of which are filled in.
    var extensions: [(type: UInt8, length: Int)] = []
    /// Bytes behind the IP packet, such as the padding of short Ethernet frames.
    var padding = 0
    /// Leave the IP length zero, as segmentation offload does.
    var omitsLength = false
    /// The field of IPv4 that holds "more fragments" and the offset.
    var fragment: UInt16 = 0
    /// Options of the TCP header, in 32-bit words.
    var optionWords = 0

    func packet(
        from source: Endpoint, to destination: Endpoint, sequence: UInt32, acknowledged: UInt32 = 0,
        flags: TCPSegment.Flags, payload: [UInt8] = []
    ) -> [UInt8] {
        var tcp = big16(source.port) + big16(destination.port) + big32(sequence) + big32(acknowledged)
        tcp += [UInt8(5 + optionWords) << 4, flags.rawValue] + big16(65_535) + [0, 0, 0, 0]
        tcp += [UInt8](repeating: 1, count: optionWords * 4) + payload
        let internet =
            source.address.family == .v4
            ? ipv4(tcp, source.address, destination.address) : ipv6(tcp, source.address, destination.address)
        let frame = header(isIPv4: source.address.family == .v4) + internet
        return frame + [UInt8](repeating: 0xee, count: padding)
    }

    private func header(isIPv4: Bool) -> [UInt8] {
        let type: UInt16 = isIPv4 ? 0x0800 : 0x86dd
        let types = tags.flatMap { big16(0x8100) + big16($0) } + big16(type)
        return switch link {
        case .ethernet: [UInt8](repeating: 2, count: 12) + types
        case .linuxSLL: [UInt8](repeating: 0, count: 14) + types
        case .linuxSLL2: big16(type) + [UInt8](repeating: 0, count: 18)
        case .null, .loop: [isIPv4 ? 2 : 30, 0, 0, 0]
        case .rawIP, .rawIPv4, .rawIPv6: []
        }
    }

    private func ipv4(_ tcp: [UInt8], _ source: IPAddress, _ destination: IPAddress) -> [UInt8] {
        let length = omitsLength ? 0 : UInt16(truncatingIfNeeded: 20 + tcp.count)
        return [0x45, 0] + big16(length) + [0, 0] + big16(fragment) + [64, 6, 0, 0] + big32(source.v4 ?? 0)
            + big32(destination.v4 ?? 0) + tcp
    }

    private func ipv6(_ tcp: [UInt8], _ source: IPAddress, _ destination: IPAddress) -> [UInt8] {
        var options: [UInt8] = []
        for (index, header) in extensions.enumerated() {
            let next = index + 1 < extensions.count ? extensions[index + 1].type : 6
            options += [next, UInt8(header.length / 8 - 1)] + [UInt8](repeating: 0, count: header.length - 2)
        }
        let length = omitsLength ? 0 : UInt16(truncatingIfNeeded: options.count + tcp.count)
        let addresses = [source.high, source.low, destination.high, destination.low].flatMap(big64)
        return [0x60, 0, 0, 0] + big16(length) + [extensions.first?.type ?? 6, 64] + addresses + options + tcp
    }
}

func big16(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }
func big32(_ value: UInt32) -> [UInt8] { big16(UInt16(value >> 16)) + big16(UInt16(value & 0xffff)) }
func big64(_ value: UInt64) -> [UInt8] { big32(UInt32(value >> 32)) + big32(UInt32(value & 0xffff_ffff)) }
