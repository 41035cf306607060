import Model
import Proxies
import Testing
import Wire

/// Questions that are ahead of the recording.
@Suite struct WaitingTests {
    private static func get(_ path: String) -> [UInt8] { Array("GET \(path) HTTP/1.1\r\n\r\n".utf8) }

    private static func exchange(_ path: String, says body: String, at milliseconds: Int64) -> [Exchange] {
        let reply = "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        return Recorded.exchanges(.http, [.client(get(path)), .server(Array(reply.utf8))], from: milliseconds)
    }

    /// A session whose clone lives a second behind, and a recording up to 5 ms.
    private func session(_ change: (inout AnswerPolicy) -> Void = { _ in }) -> AskedSession {
        var policy = AnswerPolicy()
        policy.timeShift = .seconds(1)
        policy.wait = .milliseconds(300)
        change(&policy)
        return AskedSession(.http, Self.exchange("/1", says: "one", at: 4), policy)
    }

    private func body(_ replies: [TimedReply]) -> String {
        String(decoding: replies.flatMap(\.bytes), as: UTF8.self).split(separator: "\r\n\r\n").last.map(String.init)
            ?? ""
    }

    @Test func aQuestionAheadOfTheRecordingWaitsForItsOwnAnswer() {
        var waiting = session()
        #expect(waiting.ask(Self.get("/2"), at: 1_050).isEmpty)
        #expect(waiting.session.waiting?.deadline == Recorded.at(1_350))
        // What is asked behind it waits too, though its answer is there.
        #expect(waiting.ask(Self.get("/1"), at: 1_060).isEmpty)
        for exchange in Self.exchange("/2", says: "two", at: 20) { waiting.book.add(exchange, of: 2) }
        let replies = waiting.resume(at: 1_100)
        #expect(replies.count == 2 && body(replies) == "one")
        // The time waited is part of the delay: the answer took a millisecond on-line.
        #expect(replies.first?.due == Recorded.at(1_100))
        #expect(waiting.account.exact == 2 && waiting.account.waited == 1)
        #expect(waiting.session.waiting == nil)
    }

    @Test func whenTheRecordingHasPassedAnotherAnswerIsTaken() {
        var waiting = session()
        #expect(waiting.ask(Self.get("/2"), at: 1_050).isEmpty)
        #expect(waiting.session.waiting?.present == Recorded.at(50))
        waiting.book.noteHeard(Recorded.at(50))
        #expect(body(waiting.resume(at: 1_090)) == "one")
        #expect(waiting.account.template == 1 && waiting.account.waited == 1)
    }

    @Test func theWaitIsBounded() {
        var waiting = session()
        #expect(waiting.ask(Self.get("/2"), at: 1_050).isEmpty)
        #expect(waiting.resume(at: 1_349).isEmpty)
        #expect(body(waiting.resume(at: 1_350)) == "one")
    }

    /// A clone that goes on asking while its first question waits does not fill the memory.
    @Test func whatIsAskedBehindAWaitingQuestionIsBounded() {
        var waiting = session { $0.unsentLimit = 1_000 }
        #expect(waiting.ask(Self.get("/2"), at: 1_050).isEmpty)
        var replies: [TimedReply] = []
        for _ in 0..<100 where replies.isEmpty { replies = waiting.ask(Self.get("/2"), at: 1_051) }
        #expect(replies.map(\.closes) == [true])
        #expect(waiting.session.waiting == nil && waiting.ask(Self.get("/1"), at: 1_052).isEmpty)
    }

    /// Where the recording is known to be further on, nothing is waited for.
    @Test func behindTheRecordingNothingWaits() {
        var session = session()
        #expect(body(session.ask(Self.get("/2"), at: 1_005)) == "one")
        #expect(session.account.waited == 0)
    }

    @Test func whatNothingAnswersMayWaitLonger() {
        var waiting = session { $0.unmatched = .wait(.milliseconds(500)) }
        #expect(waiting.ask(Self.get("/x/y"), at: 1_000).isEmpty == false)
        var patient = session {
            $0.unmatched = .wait(.milliseconds(500))
            $0.match = .template
        }
        #expect(patient.ask(Self.get("/x/y"), at: 1_000).isEmpty)
        #expect(patient.session.waiting?.deadline == Recorded.at(1_500))
        #expect(body(patient.resume(at: 1_500)).contains("no recorded answer"))
        #expect(patient.account.unmatched == 1 && patient.account.waited == 1)
    }

    /// A recording with holes: each third exchange is missing. Everything is answered, and told apart.
    @Test func aRecordingWithHolesAnswersEverything() {
        var policy = AnswerPolicy()
        policy.keepsDelay = false
        var session = AskedSession(.http, [], policy)
        let all = (0..<300).flatMap { number in
            Recorded.exchanges(
                .http,
                [
                    .client(Self.get("/items/\(number)?v=\(number)")),
                    .server(Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".utf8)),
                ], from: Int64(number))
        }
        for (number, exchange) in all.enumerated() where number % 3 != 2 { session.book.add(exchange, of: 1) }
        for number in 0..<300 { #expect(session.ask(Self.get("/items/\(number)?v=\(number)")).count == 1) }
        #expect(session.account.exact == 200 && session.account.template == 100 && session.account.unmatched == 0)
    }
}
