import Glibc
import Model
import OperatingSystem
import Report

/// The file of `--log`: HdrHistogram's log format, an entry at a time.
struct HistogramFile {
    private let file: Descriptor
    private let start: Timestamp

    init(_ path: String, start: Timestamp) throws {
        file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC)
        self.start = start
        try file.writeAll(Array(HistogramLog.header(start: start).utf8))
    }

    func add(_ entry: HistogramLogEntry) throws {
        try file.writeAll(Array(HistogramLog.line(entry, since: start).utf8))
    }
}
