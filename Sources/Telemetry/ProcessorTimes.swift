import Foundation
import Glibc

/// What all processors of the node have done since they started, in seconds (the first line of /proc/stat, proc(5)).
package struct ProcessorTimes: Hashable, Sendable {
    /// All but `idle`, `iowait`, and `guest`, which is in `user`.
    package var busy: Double
    /// What they were ready to do, and the host of a node that is itself virtual did not let them (`steal`).
    package var stolen: Double

    package init(busy: Double, stolen: Double) { (self.busy, self.stolen) = (busy, stolen) }

    /// Nil where it cannot be read.
    package init?(path: String = "/proc/stat") {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8),
            let line = text.split(separator: "\n").first, line.hasPrefix("cpu ")
        else { return nil }
        let times = line.split(separator: " ").dropFirst().compactMap { Double($0) }
        guard times.count >= 7 else { return nil }
        let ticks = Double(sysconf(CInt(_SC_CLK_TCK)))
        busy = (times[0] + times[1] + times[2] + times[5] + times[6]) / ticks
        stolen = times.count > 7 ? times[7] / ticks : 0
    }

    /// The share of the processor time that was wanted since `earlier` and not given; 0 when none was wanted.
    package func shareStolen(since earlier: ProcessorTimes) -> Double {
        let (busy, stolen) = (busy - earlier.busy, stolen - earlier.stolen)
        return busy + stolen > 0 ? max(0, stolen / (busy + stolen)) : 0
    }
}
