import Model

/// A part of an IP datagram (RFC 791, section 3.2; RFC 8200, section 4.5). The payload is a range of the packet's bytes.
package struct IPFragment: Sendable {
    package struct Key: Hashable, Sendable {
        let source: IPAddress
        let destination: IPAddress
        let identification: UInt32
    }

    let key: Key
    /// Where the payload stands in the datagram's.
    let place: Int
    let isLast: Bool
    let payload: Range<Int>
}

/// Puts datagrams together from fragments that come in any order.
///
/// As Linux does since CVE-2018-5391, a datagram with fragments that overlap is dropped whole, and so for IPv6 says
/// RFC 5722, with the fragments still to come; a fragment that comes again is passed over. At most `limit` datagrams
/// wait, each for `patience`; the oldest go first. Together they hold 16 MiB at most.
struct FragmentTable: Sendable {
    private struct Datagram: Sendable {
        var began: Timestamp
        var bytes: [UInt8] = []
        /// Which parts are there, in order and apart from each other.
        var parts: [Range<Int>] = []
        var length: Int?
        /// Contradicted itself and was counted: what still comes of it is passed over.
        var isSpoilt = false
    }

    static let limit = 256
    /// RFC 8200, section 4.5.
    static let patience = Duration.seconds(60)

    private var datagrams: [IPFragment.Key: Datagram] = [:]
    /// Datagrams that were given up.
    private(set) var lost = 0

    /// The datagram's payload when this fragment makes it whole.
    mutating func accept(_ fragment: IPFragment, _ payload: Span<UInt8>, at time: Timestamp) -> [UInt8]? {
        if let known = datagrams[fragment.key], known.began + Self.patience < time { remove(fragment.key) }
        if datagrams[fragment.key] == nil { makeRoom(at: time) }
        var datagram = datagrams.removeValue(forKey: fragment.key) ?? Datagram(began: time)
        let range = fragment.place..<fragment.place + payload.count
        if datagram.isSpoilt || datagram.parts.contains(range) {
            datagrams[fragment.key] = datagram
            return nil
        }
        let contradicts =
            datagram.parts.contains { $0.overlaps(range) }
            || datagram.length.map { range.upperBound > $0 || fragment.isLast && range.upperBound != $0 } == true
            || fragment.isLast && (datagram.parts.last?.upperBound ?? 0) > range.upperBound
        guard !contradicts else {
            lost += 1
            datagrams[fragment.key] = Datagram(began: datagram.began, isSpoilt: true)
            return nil
        }
        if fragment.isLast { datagram.length = range.upperBound }
        datagram.parts.insert(
            range, at: datagram.parts.firstIndex { $0.lowerBound > range.lowerBound } ?? datagram.parts.count)
        if datagram.bytes.count < range.upperBound {
            datagram.bytes += [UInt8](repeating: 0, count: range.upperBound - datagram.bytes.count)
        }
        for index in payload.indices { datagram.bytes[range.lowerBound + index] = payload[index] }
        if let length = datagram.length, datagram.parts.reduce(0, { $0 + $1.count }) == length { return datagram.bytes }
        datagrams[fragment.key] = datagram
        return nil
    }

    private mutating func makeRoom(at time: Timestamp) {
        guard datagrams.count >= Self.limit else { return }
        let oldest = datagrams.values.map(\.began).min() ?? time
        let limit = max(oldest, time - Self.patience)
        for key in datagrams.filter({ $0.value.began <= limit }).keys { remove(key) }
    }

    private mutating func remove(_ key: IPFragment.Key) {
        if datagrams.removeValue(forKey: key)?.isSpoilt == false { lost += 1 }
    }

    var waiting: Int { datagrams.count }

    /// The end of a capture: what waits will not become whole.
    mutating func giveUp() {
        for key in Array(datagrams.keys) { remove(key) }
    }
}
