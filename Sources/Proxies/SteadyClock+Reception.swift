import Model
import OperatingSystem

extension SteadyClock {
    /// No stamp that is right is older: the kernel keeps nothing for so long without our looking.
    private static let oldest = Duration.seconds(10)

    /// When the kernel got what was taken at `present`: by its stamp, unless there is none or the machine's clock was set
    /// in between. `reading` is of the look that found it.
    func heard(_ stamp: Int64?, _ reading: Reading, by present: Timestamp) -> Timestamp {
        guard let stamp else { return present }
        let time = Timestamp(nanoseconds: steady(stamp, by: reading))
        return present - time > Self.oldest ? present : min(present, time)
    }
}
