package import Model
package import OperatingSystem

/// From the time stamps of packets to the steady clock's time. Stamps are the machine's clock, which may be set while we
/// listen; requests keep their distances all the same. Pure: stamps and readings in, times out, in the order of one
/// capture.
///
/// Packets come some time after they were stamped, so that some of those that come after the clock was set were stamped
/// before. Of the settings that are possible, that one is right by which a packet is latest but not in the future.
package struct PacketClock: Sendable {
    private struct Setting: Sendable {
        let skew: Duration
        let since: Timestamp
    }

    /// What the next packet may have been stamped by: the setting of the one before, and what has been read since.
    private var settings: [Setting]
    private var reading: SteadyClock.Reading
    private var lastStamp = Timestamp.distantPast
    /// No packet is earlier than the one before it.
    private var last = Timestamp.distantPast

    /// Less is the readings' own uncertainty.
    private static let least = Duration.milliseconds(1)
    /// How late packets come when we are not behind.
    private static let usual = Duration.milliseconds(100)
    /// No packet comes so late.
    private static let patience = Duration.seconds(10)

    package init(_ reading: SteadyClock.Reading) {
        self.reading = reading
        let skew = Duration.nanoseconds(reading.skew)
        let isSet = skew > Self.least || skew < .zero - Self.least
        settings = [Setting(skew: isSet ? skew : .zero, since: Timestamp(nanoseconds: reading.now))]
    }

    private var now: Timestamp { Timestamp(nanoseconds: reading.now) }

    package mutating func note(_ reading: SteadyClock.Reading) {
        self.reading = reading
        let skew = Duration.nanoseconds(reading.skew)
        if let newest = settings.last {
            let change = skew - newest.skew
            if change > Self.least || change < .zero - Self.least { settings.append(Setting(skew: skew, since: now)) }
        }
        while settings.count > 1, now - settings[1].since > Self.patience { settings.removeFirst() }
    }

    /// `read` is called when the clock may have been set since the reading before: when a stamp is earlier than the one
    /// before it, or is not of the moments before the reading.
    package mutating func time(of stamp: Timestamp, _ read: () -> SteadyClock.Reading) -> Timestamp {
        let delay = now - (stamp - settings[0].skew)
        if stamp < lastStamp || delay < .zero || delay > Self.usual { note(read()) }
        lastStamp = stamp
        // Stamps come in their order: a setting that was passed does not come back.
        if settings.count > 1 { settings.removeFirst(place(of: stamp)) }
        // Heard already: it cannot be later.
        last = max(last, min(now + Self.least, stamp - settings[0].skew))
        return last
    }

    /// The setting by which the stamp is latest, but not in the future; the nearest when it is in the future by all.
    private func place(of stamp: Timestamp) -> Int {
        var best = 0
        for place in settings.indices.dropFirst() {
            let (time, other) = (stamp - settings[place].skew, stamp - settings[best].skew)
            let isPossible = time <= now + Self.least
            if other > now + Self.least ? time < other : isPossible && time > other { best = place }
        }
        return best
    }
}
