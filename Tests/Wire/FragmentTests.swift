import Model
import TestSupport
import Testing

@testable import Wire

/// IP fragments become the segment that was sent, in whatever order they come.
@Suite struct FragmentTests {
    private static let place = Place()
    private static let payload = Array("GET /fragmented HTTP/1.1\r\nHost: a\r\n\r\n".utf8)

    /// Ethernet packets of at most `size` bytes of IP payload each.
    private func fragments(_ size: Int, isIPv4: Bool) -> [[UInt8]] {
        var place = Self.place
        if !isIPv4 {
            place.client.address = IPAddress(v6High: 1, low: 10)
            place.server.address = IPAddress(v6High: 1, low: 20)
        }
        let whole = place.packet(
            Conversation.Segment(
                side: .client, sequence: 1, acknowledged: 1, flags: .acknowledgement, payload: Self.payload))
        let header = isIPv4 ? 34 : 54
        let datagram = Array(whole[header...])
        return stride(from: 0, to: datagram.count, by: size).map { start in
            let part = Array(datagram[start..<min(start + size, datagram.count)])
            let hasMore = start + part.count < datagram.count
            var head = Array(whole[..<header])
            if isIPv4 {
                head.replaceSubrange(16..<18, with: big16(UInt16(20 + part.count)))
                head.replaceSubrange(18..<22, with: big16(77) + big16(UInt16(start / 8) | (hasMore ? 0x2000 : 0)))
                return head + part
            }
            head.replaceSubrange(18..<21, with: big16(UInt16(8 + part.count)) + [44])
            return head + [6, 0] + big16(UInt16(start) | (hasMore ? 1 : 0)) + big32(77) + part
        }
    }

    private func requests(_ packets: [[UInt8]], isIPv4: Bool = true) -> (labels: [String], counters: DissectorCounters)
    {
        var dissector = Dissector(.everything)
        var labels: [String] = []
        for packet in packets {
            dissector.accept(packet.span, link: .ethernet, at: Timestamp(nanoseconds: 0)) { event in
                if case .request(_, let request) = event { labels.append(request.label) }
            }
        }
        dissector.finish(at: Timestamp(nanoseconds: 0)) { _ in }
        return (labels, dissector.counters)
    }

    @Test(arguments: [8, 16, 24, 40], [true, false]) func anyOrder(_ size: Int, _ isIPv4: Bool) {
        var random = SeededGenerator(UInt64(size))
        for _ in 0..<20 {
            let packets = fragments(size, isIPv4: isIPv4).shuffled(using: &random)
            let repeated = packets + packets.prefix(1)
            for order in [packets, [packets[0]] + packets, repeated] {
                #expect(requests(order).labels == ["GET /fragmented"])
            }
        }
    }

    @Test func aMissingOneIsALossThatIsTold() {
        let packets = fragments(16, isIPv4: true)
        let (labels, counters) = requests(Array(packets.dropFirst()))
        #expect(labels.isEmpty && counters.fragments == packets.count - 1 && counters.segments == 0)
        #expect(counters.datagramsLost == 1)
    }

    /// RFC 5722, and Linux for IPv4 too: what overlaps was made to deceive.
    @Test func overlapsDropTheDatagram() {
        var packets = fragments(16, isIPv4: true)
        // The second says it begins eight bytes earlier.
        packets[1].replaceSubrange(20..<22, with: big16(0x2001))
        let (labels, counters) = requests(packets)
        #expect(labels.isEmpty && counters.datagramsLost == 1)
    }

    /// An identification that comes round again is another datagram's.
    @Test func whatWaitedTooLongIsNotMixedIn() {
        var table = FragmentTable()
        let key = IPFragment.Key(source: IPAddress(v4: 1), destination: IPAddress(v4: 2), identification: 7)
        let (old, new) = ([UInt8](repeating: 1, count: 8), [UInt8](repeating: 2, count: 8))
        let first = IPFragment(key: key, place: 0, isLast: false, payload: 0..<8)
        let last = IPFragment(key: key, place: 8, isLast: true, payload: 0..<8)
        let later = Timestamp(nanoseconds: 0) + FragmentTable.patience + .nanoseconds(1)
        #expect(table.accept(first, old.span, at: Timestamp(nanoseconds: 0)) == nil)
        #expect(table.accept(last, new.span, at: later) == nil)
        #expect(table.lost == 1)
        #expect(table.accept(first, new.span, at: later) == new + new)
    }

    @Test func waitingIsBounded() {
        var table = FragmentTable()
        let part = [UInt8](repeating: 0, count: 8)
        for number in 0..<5000 {
            let key = IPFragment.Key(
                source: IPAddress(v4: 1), destination: IPAddress(v4: 2), identification: UInt32(number))
            let fragment = IPFragment(key: key, place: 0, isLast: false, payload: 0..<8)
            #expect(table.accept(fragment, part.span, at: Timestamp(nanoseconds: Int64(number))) == nil)
        }
        #expect(table.waiting <= FragmentTable.limit && table.waiting + table.lost == 5000)
    }
}
