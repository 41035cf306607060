import Foundation
import Model
import Report
import Testing

@Suite struct WatchTextTests {
    private func rows() -> [TierInterval] {
        let start = Timestamp(nanoseconds: 1_795_260_000_000_000_000)
        var web = TierInterval(tier: "web", start: start)
        web.length = .seconds(1)
        for milliseconds in 1...40 { web.histogram.record(.milliseconds(milliseconds)) }
        (web.errors, web.lost, web.waiting) = (1, 2, 4)
        web.unseen = Unseen(dropped: 3, gaps: 5, missingBytes: 6)
        web.sla = SLAReading(state: .violated, value: 0.0412, requests: 1203, seen: .milliseconds(60_400))
        var db = TierInterval(tier: "db", start: start)
        db.length = .seconds(1)
        return [web, db]
    }

    @Test func theTable() {
        let expected = """
            tier    rate  requests  errors  lost  dropped  gaps  waiting     mean      p50      p95      p99    p99.9  SLA
            web   40.0/s        40       1     2        3     5        4  20.5 ms  20.0 ms  38.0 ms  40.0 ms  40.0 ms  violated
            db    0.00/s         0       0     0        0     0        0        –        –        –        –        –
            """
        #expect(WatchText.table(rows()) == expected)
    }

    @Test func theLines() {
        #expect(
            rows().map(WatchText.line) == [
                "2026-11-21T11:20:00Z web 40.0/s, 1 errors, 2 lost, 3 dropped, 5 gaps, 4 waiting; mean 20.5 ms, p50 20.0 ms, "
                    + "p95 38.0 ms, p99 40.0 ms, p99.9 40.0 ms; SLA violated",
                "2026-11-21T11:20:00Z db 0.00/s, 0 errors, 0 lost, 0 dropped, 0 gaps, 0 waiting; mean –, p50 –, p95 –, p99 –, "
                    + "p99.9 –",
            ])
        #expect(
            WatchText.sla(rows(), SLA(.p95, below: .milliseconds(40), over: .seconds(60)))
                == "SLA p95 < 40.0 ms at web: violated, 41.2 ms over 60 s (1203 requests)")
        #expect(WatchText.sla([], SLA(.p95, below: .milliseconds(40), over: .seconds(60))) == nil)
    }

    /// The documented form: the same keys in every line, null for what there is not.
    @Test func theJSON() throws {
        let keys: Set = [
            "tier", "start", "seconds", "requests", "rate", "errors", "lost", "dropped", "gaps", "missingBytes",
            "encrypted",
            "waiting", "mean", "p50", "p95", "p99", "p999", "maximum", "sla", "slaValue", "slaSeconds",
        ]
        var objects: [[String: Any]] = []
        for row in rows() {
            let line = try WatchRecord(row).line()
            #expect(!line.contains("\n"))
            objects.append(try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]))
        }
        #expect(objects.allSatisfy { Set($0.keys) == keys })
        #expect(objects[0]["sla"] as? String == "violated")
        #expect(abs((objects[0]["p999"] as? Double ?? 0) - 0.04) <= 0.04 / 2048)
        #expect(objects[0]["start"] as? Double == 1_795_260_000 && objects[0]["waiting"] as? Int == 4)
        #expect(objects[1]["sla"] is NSNull && objects[1]["mean"] is NSNull && objects[1]["requests"] as? Int == 0)
    }
}
