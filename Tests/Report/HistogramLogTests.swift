import Foundation
import Compression
import Model
import Report
import TestSupport
import Testing

@Suite struct HistogramLogTests {
    private static let logs = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Logs")
    private static let sample = logs.appendingPathComponent("jHiccup-2.0.7S.logV2.hlog")

    /// A log of another program; the figures are those that HdrHistogram_c's own test states (`decode_v2_log`).
    @Test func aLogOfAnotherProgramIsRead() throws {
        let text = try String(contentsOf: Self.sample, encoding: .utf8)
        let log = try HistogramLog(text)
        #expect(log.start == Timestamp(nanoseconds: 1_441_812_279_474_000_000))
        #expect(log.entries.count == 62)
        var all = LatencyHistogram()
        for entry in log.entries { all.merge(entry.histogram) }
        #expect(all.count == 48_761)
        #expect(all.bucket(at: 0.999)?.upperBound == 1_745_879_039)
        #expect(all.bucket(at: 1)?.upperBound == 1_796_210_687)
        #expect(all.maximum == 1.796210687)

        // Its first line: 0.127,1.007,2.769,…
        let first = try #require(log.entries.first)
        #expect(first.start == Timestamp(nanoseconds: 1_441_812_279_601_000_000))
        #expect(first.length == .milliseconds(1007))
        // Two digits, of units of 16,384 ns.
        #expect(abs((first.histogram.maximum ?? 0) - 0.002769) < 0.002769 / 128)
    }

    /// The same values recorded by us and by HdrHistogram_c: the same figures, and the same bytes before compression.
    @Test func theOtherProgramsBytesAreOurs() throws {
        let text = try String(contentsOf: Self.logs.appendingPathComponent("HdrHistogram_c.hlog"), encoding: .utf8)
        let figures: [(count: UInt64, p50: Int64, p95: Int64, p999: Int64, maximum: Int64)] = [
            (0, 0, 0, 0, 0), (500, 23327, 230_317_621_247, 2_525_440_770_047, 2_525_440_770_047),
            (1000, 31567, 308_700_774_399, 4_163_970_793_471, 4_252_017_623_039),
            (1500, 16343, 188_173_254_655, 3_813_930_958_847, 4_206_920_466_431),
            (2000, 19807, 273_133_076_479, 4_140_348_473_343, 4_264_902_524_927),
        ]
        let entries = try HistogramLog(text).entries
        let lines = text.split(separator: "\n").filter { $0.hasPrefix("Tag=") }
        try #require(entries.count == figures.count && lines.count == figures.count)
        var random: UInt64 = 1
        for (number, (entry, line)) in zip(entries, lines).enumerated() {
            var ours = LatencyHistogram()
            for _ in 0..<number * 500 {
                random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let bits = (random >> 58) % 43
                random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                ours.record(.nanoseconds(bits == 0 ? 0 : Int64(random >> (64 - bits))))
            }
            let base64 = String(try #require(line.split(separator: ",").last))
            let bytes = [UInt8](try #require(Data(base64Encoded: base64)))
            let theirs = try Zlib.expand(Array(bytes[8...]), limit: LatencyHistogram.encodedLimit)
            #expect(ours.encoded == theirs)
            #expect(entry.tag == "tier\(number)")
            for histogram in [ours, entry.histogram] {
                #expect(histogram.count == figures[number].count)
                #expect(histogram.bucket(at: 0.50)?.upperBound ?? 0 == figures[number].p50)
                #expect(histogram.bucket(at: 0.95)?.upperBound ?? 0 == figures[number].p95)
                #expect(histogram.bucket(at: 0.999)?.upperBound ?? 0 == figures[number].p999)
                #expect(histogram.bucket(at: 1)?.upperBound ?? 0 == figures[number].maximum)
            }
        }
    }

    @Test(arguments: 1...5)
    func whatIsWrittenIsReadAgain(_ seed: Int) throws {
        var random = SeededGenerator(UInt64(seed))
        let start = Timestamp(nanoseconds: 1_800_000_000_123_000_000)
        var text = HistogramLog.header(start: start)
        var entries: [HistogramLogEntry] = []
        for number in 0..<10 {
            var histogram = LatencyHistogram()
            for _ in 0..<Int.random(in: 0...300, using: &random) {
                let bits = Int.random(in: 0...41, using: &random)
                histogram.record(.nanoseconds(Int64.random(in: 0...(1 << Int64(bits)), using: &random)))
            }
            let entry = HistogramLogEntry(
                tag: number % 3 == 0 ? nil : "tier\(number)", start: start + .seconds(number), length: .seconds(1),
                histogram: histogram)
            entries.append(entry)
            text += try HistogramLog.line(entry, since: start)
        }
        let log = try HistogramLog(text)
        #expect(log.start == start)
        #expect(log.entries.count == entries.count)
        for (read, written) in zip(log.entries, entries) {
            #expect(read.tag == written.tag && read.start == written.start && read.length == written.length)
            #expect(read.histogram.count == written.histogram.count)
            #expect(read.histogram.encoded == written.histogram.encoded)
            for quantile in [0.1, 0.5, 0.95, 0.999] {
                #expect(read.histogram.bucket(at: quantile) == written.histogram.bucket(at: quantile))
            }
        }
    }

    @Test func aTagCannotBreakItsLine() throws {
        let entry = HistogramLogEntry(
            tag: "a,b\nc d", start: Timestamp(nanoseconds: 0), length: .seconds(1), histogram: LatencyHistogram())
        let line = try HistogramLog.line(entry, since: Timestamp(nanoseconds: 0))
        #expect(line.hasPrefix("Tag=a_b_c_d,0.000,1.000,0.000,HISTF"))
        #expect(line.split(separator: "\n").count == 1)
    }

    @Test(arguments: [
        ("1,2,3", "line 1"), ("x,1,2,HIST", "a number of seconds"), ("1,1,1,!", "not base64"),
        ("1,1,1,AAAA", "cut off"), ("1,1,1,HISTFAAAAEA=", "cut off"), ("1,1,1,HISTCAAAAAA=", "cookie"),
        ("1,1,1,HISTFAAAAAA=", "cut off"), ("-1,1,1,HIST", "a number of seconds"), ("Tag=a", "0 fields"),
        ("\n\n# a\n1e300,1,1,A", "line 4"),
    ])
    func foreignLinesAreRefused(_ text: String, _ words: String) throws {
        let error = try #require(throws: HistogramLogError.self) { try HistogramLog(text) }
        #expect(error.description.contains(words), "\(error)")
    }

    /// A stream that would expand to gigabytes is refused, not expanded.
    @Test func aBombIsRefused() throws {
        let bomb = try Zlib.compress([UInt8](repeating: 0, count: 20 << 20))
        #expect(bomb.count < 100_000)
        #expect(throws: ZlibError.self) { try Zlib.expand(bomb, limit: LatencyHistogram.encodedLimit) }
    }

    @Test func spoiltLogsNeverTrap() throws {
        let bytes = [UInt8](try Data(contentsOf: Self.sample)).prefix(3000)
        var random = SeededGenerator(7)
        var refused = 0
        for _ in 0..<300 {
            var copy = Array(bytes)
            for _ in 0..<3 {
                copy[Int.random(in: 0..<copy.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if (try? HistogramLog(String(decoding: copy, as: UTF8.self))) == nil { refused += 1 }
        }
        #expect(refused > 200)
    }
}
