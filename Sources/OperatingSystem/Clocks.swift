import Glibc

/// The wall clock read through the monotonic one: it starts at the right time of day and never jumps, so that recorded
/// and replayed times stay comparable when the machine's clock is set.
package struct SteadyClock: Sendable {
    private let offset: Int64

    package init() {
        offset = Self.read(CLOCK_REALTIME) - Self.read(CLOCK_MONOTONIC)
    }

    /// Nanoseconds since 1970-01-01 00:00 UTC.
    package var now: Int64 { Self.read(CLOCK_MONOTONIC) + offset }

    /// How far the machine's clock has been set since the start, in nanoseconds: what its time stamps have to be
    /// corrected by.
    package var skew: Int64 { Self.read(CLOCK_REALTIME) - now }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
