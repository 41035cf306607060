import Foundation
import Glibc
package import Model
package import Planning
import Telemetry

/// How busy the node has been lately, and what memory it has left.
package struct NodeMeter {
    private var before: (time: Timestamp, busy: Double)?
    private var busy: Double?
    private var granted = 0.0

    package init(at time: Timestamp) { before = ProcessorTimes().map { (time, $0.busy) } }

    /// Takes what was done since the last look, if that counts; too short a time says nothing.
    package mutating func look(at time: Timestamp, counts: Bool) {
        guard let now = ProcessorTimes() else { return }
        let length = before.map { time - $0.time } ?? .zero
        if counts, let before, length < Self.shortest, before.time <= time { return }
        if counts, let before {
            let latest = (now.busy - before.busy) / length.seconds
            // Exponentially smoothed: one look may fall on anything.
            busy = busy.map { $0 + Self.weight * (latest - $0) } ?? latest
            granted = 0
        }
        before = (time, now.busy)
    }

    /// What was given and is not seen in use yet.
    mutating func grant(_ processors: Double) { granted += processors }

    private static let weight = 0.3
    private static let shortest = Duration.seconds(1)

    /// Nil where nothing was seen yet.
    package var room: NodeRoom? {
        busy.map {
            NodeRoom(processors: Double(sysconf(CInt(_SC_NPROCESSORS_ONLN))), busy: $0 + granted, memory: Self.memory)
        }
    }

    /// Why the node has not the memory for these changes now; nil where it has, or that is not known.
    package static func lackOfMemory(for changes: [AllocationChange]) -> String? {
        NodeRoom(processors: 0, busy: 0, memory: memory).lackOfMemory(for: changes)
    }

    /// Bytes that could be given to somebody without swapping (`MemAvailable` of /proc/meminfo, proc(5)).
    private static var memory: Double? {
        guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("MemAvailable:") }),
            let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ Double($0) })
        else { return nil }
        return kibibytes * 1024
    }
}
