import Model
import Testing
import Wire

@testable import Manager

@Suite struct TierWatchTests {
    private let start = Timestamp(nanoseconds: 1_800_000_000_000_000_000)

    /// Sources: two domains of web, one of db.
    private func watch(_ statistic: ResponseStatistic = .p95, over: Duration = .seconds(60)) -> TierWatch {
        TierWatch(
            tiers: ["web", "db"], sources: [0, 0, 1], entry: "web",
            sla: SLA(statistic, below: .milliseconds(40), over: over), start: start)
    }

    private func passage(_ milliseconds: Int) -> Passage {
        let time = start + .milliseconds(milliseconds)
        return Passage(firstByte: time, lastByte: time, byteCount: 10)
    }

    private func request(_ id: ConnectionID) -> WireEvent {
        .request(id, Request(number: 0, passage: passage(0), key: 1))
    }

    private func exchange(_ id: ConnectionID, _ milliseconds: Int, isError: Bool = false) -> WireEvent {
        .exchange(
            id,
            Exchange(
                .http, request: Request(number: 0, passage: passage(0), key: 1),
                reply: Reply(passage: passage(milliseconds), status: isError ? 500 : 200, isError: isError)))
    }

    @Test func everyTierIsCountedAtItsOwnDomains() {
        var watch = watch()
        for source in [0, 1] { watch.take(exchange(1, 10), from: source) }
        watch.take(exchange(1, 2, isError: true), from: 2)
        watch.take(.lost(2, count: 3, .gap, start), from: 2)
        let rows = watch.close(at: start + .seconds(2))
        #expect(rows.map(\.tier) == ["web", "db"])
        #expect(rows.map(\.requests) == [2, 1] && rows.map(\.rate) == [1, 0.5])
        #expect(rows.map(\.errors) == [0, 1] && rows.map(\.lost) == [0, 3])
        #expect(rows[0].histogram.mean == 0.01 && rows[1].histogram.mean == 0.002)
        #expect(rows[0].sla != nil && rows[1].sla == nil)
    }

    @Test func anIntervalBeginsAnew() {
        var watch = watch()
        watch.take(exchange(1, 10), from: 0)
        watch.unseen(Unseen(dropped: 5), at: 0)
        watch.unseen(Unseen(dropped: 1), at: 1)
        #expect(watch.close(at: start + .seconds(1))[0].unseen.dropped == 6)
        watch.unseen(Unseen(dropped: 7), at: 0)
        let row = watch.close(at: start + .seconds(3))[0]
        #expect(row.requests == 0 && row.unseen.dropped == 2 && row.rate == 0)
        #expect(row.start == start + .seconds(1) && row.length == .seconds(2))
        let total = watch.totals[0]
        #expect(total.requests == 1 && total.unseen.dropped == 8 && total.length == .seconds(3))
    }

    /// Requests without a reply: counted per connection and source, and not twice when a connection ends.
    @Test func whatWaitsIsShown() {
        var watch = watch()
        let waiting = { (watch: inout TierWatch) in watch.close(at: start + .seconds(1)).map(\.waiting) }
        for _ in 0..<3 { watch.take(request(1), from: 0) }
        watch.take(request(1), from: 1)
        watch.take(request(9), from: 2)
        #expect(waiting(&watch) == [4, 1])
        watch.take(exchange(1, 1), from: 0)
        #expect(waiting(&watch) == [3, 1])
        watch.take(.closed(1, ConnectionAccount(), start), from: 0)
        watch.take(.lost(1, count: 1, .cutOff, start), from: 1)
        watch.take(exchange(9, 1), from: 2)
        // A reply before the end of its request.
        watch.take(exchange(9, 1), from: 2)
        #expect(waiting(&watch) == [0, 0])
    }

    @Test(arguments: [(19, 10, SLAState.tooFew), (20, 10, .meets), (20, 50, .violated), (0, 0, .tooFew)])
    func theStateNeedsRequests(_ count: Int, _ milliseconds: Int, _ state: SLAState) {
        var watch = watch()
        for _ in 0..<count { watch.take(exchange(1, milliseconds), from: 0) }
        let reading = watch.close(at: start + .seconds(1))[0].sla
        #expect(reading?.state == state)
        #expect(reading?.requests == UInt64(count) && reading?.seen == .seconds(1))
        #expect((reading?.value == nil) == (count == 0))
    }

    /// A tier that hangs: no reply comes, and the promise is broken all the same once the limit has passed.
    @Test func whatHangsIsViolated() {
        var watch = watch()
        for _ in 0..<30 { watch.take(request(1), from: 0) }
        #expect(watch.close(at: start + .milliseconds(40))[0].sla?.state == .tooFew)
        let row = watch.close(at: start + .milliseconds(140))[0]
        #expect(row.sla?.state == .violated && row.sla?.requests == 30 && row.requests == 0)
        #expect(abs((row.sla?.value ?? 0) - 0.14) < 0.14 / 2048)
        // Each counts once, when its reply comes.
        for _ in 0..<30 { watch.take(exchange(1, 200), from: 0) }
        #expect(watch.close(at: start + .milliseconds(240))[0].sla?.requests == 30)
    }

    /// Slow for a second, then fast: violated for as long as the window reaches back to it.
    @Test(arguments: [(60, 1000), (10, 1000), (1, 1000), (7, 5000), (6, 25), (6, 13)])
    func theWindowForgets(_ over: Int, _ every: Int) throws {
        var watch = watch(.mean, over: .seconds(over))
        var now = start
        var states: [(Duration, SLAReading)] = []
        for step in 0..<(3 * over * 1000 / every + 10) {
            for _ in 0..<10 { watch.take(exchange(1, step == 0 ? 1_000_000 : 1), from: 0) }
            now = now + .milliseconds(every)
            states.append((now - start, try #require(watch.close(at: now)[0].sla)))
        }
        // The slow interval is the first; the window keeps it until `over` lies behind it, and one step more at most.
        let step = max(Duration.seconds(over) / 60, .milliseconds(every)) + .milliseconds(every)
        let first = Duration.milliseconds(every)
        for (time, reading) in states {
            if time < .seconds(over) + first { #expect(reading.state == .violated, "\(time)") }
            if time > .seconds(over) + first + step { #expect(reading.state == .meets, "\(time)") }
            #expect(reading.seen <= max(.seconds(over), first) + step)
            #expect(reading.seen >= min(time, .seconds(over)))
        }
    }
}
