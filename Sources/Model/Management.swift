/// How a service is managed: when its promise counts as broken, what may be changed, when, and how often.
package struct ManagementTerms: Hashable, Sendable {
    package enum Act: String, CaseIterable, Sendable {
        /// A plan waits for `whatif apply`.
        case propose
        case apply
    }

    package var act: Act
    /// From one check to the next.
    package var every: Duration
    /// That many of the last checks have to be violated, and the next one predicted to be.
    package var violated: CheckCount
    /// When the SLA's figure stays below that part of its limit in all the last checks, less may do; nil gives nothing back.
    package var giveBack: Double?
    /// From the end of one decision to the next.
    package var cooldown: Duration
    package var changesPerHour: Int
    /// Outside of these, plans wait; empty allows any time.
    package var windows: [DailyWindow]
    /// How long a plan may wait.
    package var expires: Duration
    /// How long the effect of a change is watched, at least over the SLA's own window.
    package var verify: Duration
    /// Which tiers may be changed, and in what: by name, in the order of the file.
    package var tiers: [ManagedTier]

    package init(
        act: Act = .propose, every: Duration = .seconds(10), violated: CheckCount = CheckCount(least: 3, of: 5),
        giveBack: Double? = 0.5, cooldown: Duration = .seconds(600), changesPerHour: Int = 6,
        windows: [DailyWindow] = [], expires: Duration = .seconds(1800), verify: Duration = .seconds(60),
        tiers: [ManagedTier]
    ) {
        (self.act, self.every, self.violated, self.giveBack) = (act, every, violated, giveBack)
        (self.cooldown, self.changesPerHour, self.windows) = (cooldown, changesPerHour, windows)
        (self.expires, self.verify, self.tiers) = (expires, verify, tiers)
    }

    /// Until when a plan of that time may be applied: one that waits for a maintenance window may do so until its end.
    package func expiry(of time: Timestamp) -> Timestamp {
        let usual = time + expires
        guard act == .apply, !windows.isEmpty else { return usual }
        var end = time
        // Windows are of every day: within two there is one with its end.
        for _ in 0..<2880 where !mayChange(at: end) { end = end + .seconds(60) }
        for _ in 0..<2880 where mayChange(at: end) { end = end + .seconds(60) }
        return max(usual, end)
    }

    package func mayChange(at time: Timestamp) -> Bool { windows.isEmpty || windows.contains { $0.contains(time) } }
}

/// What of a tier may be changed.
package struct ManagedTier: Hashable, Sendable {
    package var name: String
    package var axes: [Axis]

    package init(_ name: String, axes: [Axis]) { (self.name, self.axes) = (name, axes) }
}

/// `3 of 5`: so many of the last so many.
package struct CheckCount: Hashable, Sendable, CustomStringConvertible {
    package let least: Int
    package let of: Int

    package init(least: Int, of: Int) { (self.least, self.of) = (least, of) }

    package init(parsing text: String) throws(UnitError) {
        let words = text.split(separator: " ")
        guard words.count == 3, words[1] == "of", let least = Int(words[0]), let of = Int(words[2]),
            (1...1000).contains(of), (1...of).contains(least)
        else { throw UnitError(found: text, expected: "how many of the last checks, such as '3 of 5'") }
        self.init(least: least, of: of)
    }

    package var description: String { "\(least) of \(of)" }
}

/// `22:00-06:00`, every day, in UTC; one that ends before it begins goes over midnight.
package struct DailyWindow: Hashable, Sendable, CustomStringConvertible {
    /// Minutes since midnight.
    package let start, end: Int

    private static let day = 1440

    package init(parsing text: String) throws(UnitError) {
        let times = text.split(separator: "-", omittingEmptySubsequences: false).map(Self.minutes)
        guard times.count == 2, let start = times[0], let end = times[1], start != end, start < Self.day else {
            throw UnitError(found: text, expected: "two times of the day in UTC, such as '22:00-06:00'")
        }
        (self.start, self.end) = (start, end)
    }

    private static func minutes(_ text: Substring) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let isPair = { (part: Substring) in part.utf8.count == 2 && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
        }
        guard parts.count == 2, parts.allSatisfy(isPair),
            let hour = Int(parts[0]), let minute = Int(parts[1]), minute < 60, hour < 24 || hour == 24 && minute == 0
        else { return nil }
        return hour * 60 + minute
    }

    package func contains(_ time: Timestamp) -> Bool {
        let minute = Int((time.nanoseconds / 60_000_000_000) % Int64(Self.day))
        return start < end ? (start..<end).contains(minute) : minute >= start || minute < end
    }

    package var description: String { "\(Self.clock(start))-\(Self.clock(end))" }

    private static func clock(_ minutes: Int) -> String {
        let two = { (number: Int) in number < 10 ? "0\(number)" : "\(number)" }
        return "\(two(minutes / 60)):\(two(minutes % 60))"
    }
}
