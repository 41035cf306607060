/// How much sooner than something is due a thread asks to be woken, as the kernel and a hypervisor take their time to
/// wake it: half of the waits then end before what is due, and the rest of those is spent looking at the clock.
///
/// Follows the median of what waits took longer than asked, by steps of a fixed size in its direction (Robbins and
/// Monro's approximation, for a quantile), so that a wait which the machine interrupted moves it no more than another.
struct WakeLead: Sendable {
    /// Nanoseconds.
    private(set) var nanoseconds: Int64 = 0

    /// Looking at the clock for longer than this costs more than it mends.
    static let bound: Int64 = 100_000
    private static let step: Int64 = 250

    /// A wait that nothing else ended took so many nanoseconds longer than was asked for.
    mutating func note(overshoot: Int64) {
        nanoseconds += overshoot > nanoseconds ? Self.step : -Self.step
        nanoseconds = min(max(nanoseconds, 0), Self.bound)
    }
}
