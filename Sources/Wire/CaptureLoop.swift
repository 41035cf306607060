package import Model
package import OperatingSystem

/// Listens at interfaces, as everything here does that listens: waits for packets, and takes those that have come, each
/// with its time by the steady clock. Used by one thread.
package struct CaptureLoop {
    private let captures: [Capture]
    private var packetClocks: [PacketClock]
    private let poller: Poller
    private let clock: SteadyClock
    /// When the last turn began to take packets.
    package private(set) var asked = Timestamp.distantPast
    private static let endToken = UInt64.max

    /// `end` is a descriptor that turns readable when there is enough.
    package init(_ captures: [Capture], _ clock: SteadyClock, end: CInt? = nil) throws(SystemError) {
        self.captures = captures
        self.clock = clock
        poller = try Poller()
        for (place, capture) in captures.enumerated() { try poller.add(capture.descriptor, token: UInt64(place)) }
        if let end { try poller.add(end, token: Self.endToken) }
        packetClocks = Array(repeating: PacketClock(clock.reading), count: captures.count)
    }

    /// Waits for packets, but not for long, and hands on those that have come: the place of their capture in the list, and
    /// their times. False when `end` has come.
    package mutating func turn(
        _ take: (_ place: Int, _ packet: Span<UInt8>, _ link: LinkType, _ time: Timestamp) -> Void
    ) throws -> Bool {
        let clock = clock
        if try poller.wait(nanoseconds: 50_000_000).contains(where: { $0.token == Self.endToken }) { return false }
        asked = now
        for (place, capture) in captures.enumerated() {
            var packetClock = packetClocks[place]
            defer { packetClocks[place] = packetClock }
            packetClock.note(clock.reading)
            let link = capture.link
            _ = try capture.process { packet, stamp in
                take(place, packet, link, packetClock.time(of: stamp) { clock.reading })
            }
        }
        return true
    }

    package var now: Timestamp { Timestamp(nanoseconds: clock.now) }

    /// What each capture has come to, in the order of the list.
    package var statistics: [CaptureStatistics] { captures.map { $0.statistics() } }
}
