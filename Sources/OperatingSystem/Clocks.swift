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

    /// Waits until so many nanoseconds since 1970; a signal may end it early.
    package func sleep(until time: Int64) {
        let time = time - offset
        var moment = timespec(tv_sec: Int(time / 1_000_000_000), tv_nsec: Int(time % 1_000_000_000))
        unsafe clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, nil)
    }

    /// How far the machine's clock has been set since the start, in nanoseconds: what its time stamps have to be
    /// corrected by.
    package var skew: Int64 { Self.read(CLOCK_REALTIME) - now }

    /// A time stamp of the machine's clock on this one. The clock was set only if the two are well apart: they are not read
    /// at the same instant.
    package func steady(_ stamp: Int64) -> Int64 {
        let skew = skew
        return abs(skew) > 1_000_000 ? stamp - skew : stamp
    }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
