package import Compression
import Foundation
package import Model

/// One interval of a histogram log.
package struct HistogramLogEntry: Sendable, Hashable {
    /// Whose response times these are; nil where the log says nothing.
    package var tag: String?
    package var start: Timestamp
    package var length: Duration
    package var histogram: LatencyHistogram

    package init(tag: String?, start: Timestamp, length: Duration, histogram: LatencyHistogram) {
        self.tag = tag
        self.start = start
        self.length = length
        self.histogram = histogram
    }
}

/// A text line that is no line of a histogram log.
package struct HistogramLogError: Error, CustomStringConvertible {
    package let line: Int
    package let reason: String

    package var description: String { "line \(line) of the histogram log: \(reason)" }
}

/// HdrHistogram's log format 1.3 (Java's `HistogramLogWriter` and `HistogramLogReader`, HdrHistogram_c's
/// `hdr_histogram_log.c`): what `HistogramLogProcessor` and the plotters of that family read. Response times are
/// recorded in nanoseconds; the column Interval_Max is in milliseconds, as is usual there.
package struct HistogramLog: Sendable {
    package var start: Timestamp?
    package var entries: [HistogramLogEntry] = []

    /// The lines before the first entry. Entries tell their times from `start` on.
    package static func header(start: Timestamp) -> String {
        let date = Date(timeIntervalSince1970: Double(start.nanoseconds) / 1e9)
        return """
            #[Histogram log format version 1.3]
            #[StartTime: \(Format.decimal(Double(start.nanoseconds) / 1e9, 3)) (seconds since epoch), \
            \(date.formatted(.iso8601))]
            "StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"

            """
    }

    /// The line of an entry, with its end of line. A tag keeps its letters; what would end it becomes `_`.
    package static func line(_ entry: HistogramLogEntry, since start: Timestamp) throws(ZlibError) -> String {
        let tag = entry.tag.map { tag in
            "Tag=" + String(tag.map { $0 == "," || $0.isWhitespace || $0.isNewline ? "_" : $0 }) + ","
        }
        let fields = [
            Format.decimal(max(0, (entry.start - start).seconds), 3), Format.decimal(entry.length.seconds, 3),
            Format.decimal((entry.histogram.maximum ?? 0) * 1e3, 3), try compressed(entry.histogram),
        ]
        return (tag ?? "") + fields.joined(separator: ",") + "\n"
    }

    /// Compressed V2 in base64.
    package static func compressed(_ histogram: LatencyHistogram) throws(ZlibError) -> String {
        let deflated = try Zlib.compress(histogram.encoded)
        var bytes: [UInt8] = []
        BigEndian.append(LatencyHistogram.compressedCookie | LatencyHistogram.wordSizeBits, to: &bytes)
        BigEndian.append(UInt32(deflated.count), to: &bytes)
        return Data(bytes + deflated).base64EncodedString()
    }

    /// The reverse. Foreign text never traps, and never takes more memory than the largest histogram.
    package static func histogram(compressed text: some StringProtocol) throws -> LatencyHistogram {
        let limit = LatencyHistogram.encodedLimit
        guard text.utf8.count <= limit * 2 else { throw HistogramFormatError.tooLong(limit: limit * 2) }
        guard let data = Data(base64Encoded: String(text)) else { throw HistogramFormatError.notBase64 }
        let bytes = [UInt8](data)
        guard let cookie = BigEndian.word(bytes, at: 0), let length = BigEndian.word(bytes, at: 4) else {
            throw HistogramFormatError.cutOff
        }
        guard cookie & ~0xf0 == LatencyHistogram.compressedCookie else { throw HistogramFormatError.cookie(cookie) }
        guard Int(length) <= bytes.count - 8 else { throw HistogramFormatError.cutOff }
        return try LatencyHistogram(encoded: Zlib.expand(Array(bytes[8..<8 + Int(length)]), limit: limit))
    }

    package init(_ text: String) throws(HistogramLogError) {
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (number, line) in lines.enumerated() where !line.isEmpty {
            do {
                try read(line)
            } catch {
                throw HistogramLogError(line: number + 1, reason: "\(error)")
            }
        }
    }

    private mutating func read(_ line: Substring) throws {
        if line.hasPrefix("#[StartTime: "), let seconds = line.split(separator: " ").dropFirst().first {
            start = Timestamp(nanoseconds: try Self.seconds(seconds).nanoseconds)
        }
        if line.hasPrefix("#") || line.hasPrefix("\"") { return }
        var fields = line.split(separator: ",", omittingEmptySubsequences: false)
        var tag: String?
        if let first = fields.first, first.hasPrefix("Tag=") {
            tag = String(first.dropFirst(4))
            fields.removeFirst()
        }
        guard fields.count == 4 else {
            throw Unexpected("\(fields.count) fields", expected: "a start, a length, a maximum and a histogram")
        }
        let (time, length) = (try Self.seconds(fields[0]), try Self.seconds(fields[1]))
        entries.append(
            HistogramLogEntry(
                tag: tag, start: absolute(time), length: length, histogram: try Self.histogram(compressed: fields[3])))
    }

    /// Java's reader takes times more than a year before the log's start for offsets from it; so do we.
    private func absolute(_ time: Duration) -> Timestamp {
        let stamp = Timestamp(nanoseconds: time.nanoseconds)
        guard let start, start - stamp > .seconds(365 * 86_400) else { return stamp }
        return start + time
    }

    private static func seconds(_ text: Substring) throws(Unexpected) -> Duration {
        // Not through Double: 16 digits of a second are not enough for today's nanoseconds.
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = parts.count > 1 ? parts[1].prefix(9) : ""
        guard let whole = UInt32(parts[0]), let rest = UInt32("0" + fraction), parts[0].first != "+",
            fraction.first != "+"
        else { throw Unexpected("'\(text.prefix(20))'", expected: "a number of seconds") }
        let scale = (fraction.count..<9).reduce(Int64(1)) { scale, _ in scale * 10 }
        return .seconds(Int64(whole)) + .nanoseconds(Int64(rest) * scale)
    }
}

/// What stood where something else was expected.
private struct Unexpected: Error, CustomStringConvertible {
    let description: String

    init(_ found: String, expected: String) { description = "found \(found), expected \(expected)" }
}
