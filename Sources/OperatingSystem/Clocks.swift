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

    /// Both clocks at one moment.
    package struct Reading: Sendable, Hashable {
        /// Nanoseconds since 1970-01-01 00:00 UTC, steadily.
        package let now: Int64
        /// How far the machine's clock has been set since the start, in nanoseconds.
        package let skew: Int64

        package init(now: Int64, skew: Int64) {
            self.now = now
            self.skew = skew
        }
    }

    /// Two clocks cannot be read at once: of some attempts the one counts that was interrupted least.
    package var reading: Reading {
        var best = Reading(now: 0, skew: 0)
        var least = Int64.max
        for _ in 0..<Self.attempts where least > Self.uninterrupted {
            let before = now
            let machine = Self.read(CLOCK_REALTIME)
            let after = now
            guard after - before < least else { continue }
            least = after - before
            best = Reading(now: after, skew: machine - before - least / 2)
        }
        return best
    }

    private static let attempts = 5
    /// Nanoseconds that reading both takes at most when nothing comes between.
    private static let uninterrupted: Int64 = 20_000

    /// A time stamp of the machine's clock on this one, by a reading that is not much older. The clock was set only if the
    /// two are well apart: they are not read at the same instant.
    package func steady(_ stamp: Int64, by reading: Reading) -> Int64 {
        abs(reading.skew) > 1_000_000 ? stamp - reading.skew : stamp
    }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
