import TestSupport
import Model

@testable import Wire

enum Side { case client, server }

/// What two programs say to each other over one TCP connection, turn by turn, and the segments that carry it.
///
/// A side speaks only when it has heard the other's turn; within a turn it may pipeline.
struct Conversation {
    struct Turn {
        let side: Side
        let bytes: [UInt8]

        init(_ side: Side, _ bytes: [UInt8]) {
            self.side = side
            self.bytes = bytes
        }
    }

    struct Segment {
        var side: Side
        var sequence: UInt32
        var acknowledged: UInt32
        var flags: TCPSegment.Flags
        var payload: [UInt8]
        /// The turn whose bytes it carries.
        var turn: Int?
    }

    /// What the network and the capture do to the segments of a turn.
    struct Disturbance {
        /// A segment carries between 1 and so many bytes.
        var longest = 1460
        /// A segment may come so many places early or late.
        var window = 0
        /// One in so many segments comes again, at once or turns later; 0 for none.
        var repeats = 0
        /// Segments start before the end of the one before, as after a retransmission with another segment size.
        var overlaps = false
    }

    var turns: [Turn]
    var clientStart: UInt32 = 1000
    var serverStart: UInt32 = 9_000_000
    /// False when the capture begins in the middle of the connection.
    var hasHandshake = true
    var closes = true

    init(_ turns: [Turn]) { self.turns = turns }

    func segments(_ disturbance: Disturbance, _ random: inout SeededGenerator) -> [Segment] {
        var all: [Segment] = []
        var spoken: [Side: UInt32] = [.client: clientStart &+ 1, .server: serverStart &+ 1]
        if hasHandshake { all += handshake }
        for (number, turn) in turns.enumerated() {
            let start = spoken[turn.side] ?? 0
            let heard = spoken[turn.side == .client ? .server : .client] ?? 0
            var ranges: [Range<Int>] = random.cut(turn.bytes, longest: disturbance.longest).map(\.indices)
            if disturbance.overlaps {
                ranges = ranges.map { max(0, $0.lowerBound - Int.random(in: 0...40, using: &random))..<$0.upperBound }
            }
            ranges = disorder(ranges, disturbance.window, &random)
            var arrived = Arrived()
            for range in ranges {
                all.append(
                    Segment(
                        side: turn.side, sequence: start &+ UInt32(range.lowerBound), acknowledged: heard,
                        flags: .acknowledgement, payload: Array(turn.bytes[range]), turn: number))
                arrived.insert(range)
                if disturbance.repeats > 0, random.once(in: disturbance.repeats) {
                    // A late copy still carries the acknowledgement of its day.
                    let copies = all.filter { $0.turn != nil }
                    all += copies.randomElement(using: &random).map { [$0] } ?? []
                }
                if random.once(in: 3) {
                    // The receiver acknowledges what is whole, never more.
                    all.append(
                        Segment(
                            side: turn.side == .client ? .server : .client, sequence: heard,
                            acknowledged: start &+ UInt32(arrived.whole), flags: .acknowledgement, payload: []))
                }
            }
            spoken[turn.side] = start &+ UInt32(turn.bytes.count)
        }
        if closes { all += Self.farewell(spoken[.client] ?? 0, spoken[.server] ?? 0) }
        return all
    }

    private var handshake: [Segment] {
        [
            Segment(side: .client, sequence: clientStart, acknowledged: 0, flags: .syn, payload: []),
            Segment(
                side: .server, sequence: serverStart, acknowledged: clientStart &+ 1, flags: [.syn, .acknowledgement],
                payload: []),
            Segment(
                side: .client, sequence: clientStart &+ 1, acknowledged: serverStart &+ 1, flags: .acknowledgement,
                payload: []),
        ]
    }

    static func farewell(_ client: UInt32, _ server: UInt32) -> [Segment] {
        [
            Segment(
                side: .server, sequence: server, acknowledged: client, flags: [.fin, .acknowledgement], payload: []),
            Segment(
                side: .client, sequence: client, acknowledged: server &+ 1, flags: [.fin, .acknowledgement],
                payload: []),
            Segment(
                side: .server, sequence: server &+ 1, acknowledged: client &+ 1, flags: .acknowledgement, payload: []),
        ]
    }

    /// Moves each element at most `window` places.
    private func disorder<Element>(
        _ elements: [Element], _ window: Int, _ random: inout SeededGenerator
    ) -> [Element] {
        guard window > 0 else { return elements }
        var keyed: [(key: Int, element: Element)] = []
        for (index, element) in elements.enumerated() {
            keyed.append((index + Int.random(in: 0...window, using: &random), element))
        }
        return keyed.enumerated().sorted { ($0.element.key, $0.offset) < ($1.element.key, $1.offset) }
            .map(\.element.element)
    }

    /// Which bytes of a turn the receiver has, to know what it can acknowledge.
    private struct Arrived {
        private var pieces: [Range<Int>] = []
        private(set) var whole = 0

        mutating func insert(_ range: Range<Int>) {
            pieces.append(range)
            while let next = pieces.firstIndex(where: { $0.lowerBound <= whole }) {
                whole = max(whole, pieces.remove(at: next).upperBound)
            }
        }
    }
}

/// Where a conversation takes place: two endpoints and the way its packets were captured.
struct Place {
    var client = Endpoint(IPAddress(v4: 0x0a32_000a), 40_001)
    var server = Endpoint(IPAddress(v4: 0x0a32_0014), 80)
    var builder = PacketBuilder()
    var protocolName = ApplicationProtocol.http

    /// One of the link types, with IPv4 or IPv6.
    static func random(_ protocolName: ApplicationProtocol, _ random: inout SeededGenerator) -> Place {
        var place = Place()
        place.protocolName = protocolName
        place.builder.link = LinkType.all.randomElement(using: &random) ?? .ethernet
        if place.builder.link == .rawIPv6 || place.builder.link != .rawIPv4 && random.once(in: 2) {
            place.client.address = IPAddress(v6High: 0x2001_0db8_0000_0001, low: 10)
            place.server.address = IPAddress(v6High: 0x2001_0db8_0000_0001, low: 20)
        }
        return place
    }

    func packet(_ segment: Conversation.Segment) -> [UInt8] {
        let isClient = segment.side == .client
        return builder.packet(
            from: isClient ? client : server, to: isClient ? server : client, sequence: segment.sequence,
            acknowledged: segment.acknowledged, flags: segment.flags, payload: segment.payload)
    }

    /// What the dissector makes of the segments, one of them every millisecond.
    func events(_ segments: [Conversation.Segment]) -> Heard {
        var dissector = Dissector([WatchedServer(server, protocolName)])
        var events: [WireEvent] = []
        var time = Timestamp(nanoseconds: 0)
        for segment in segments {
            time = time + .milliseconds(1)
            let packet = packet(segment)
            dissector.accept(packet.span, link: builder.link, at: time) { events.append($0) }
        }
        dissector.finish(at: time) { events.append($0) }
        return Heard(events: events)
    }
}

extension LinkType {
    static let all: [LinkType] = [.null, .ethernet, .rawIP, .linuxSLL, .rawIPv4, .rawIPv6, .linuxSLL2]
}
