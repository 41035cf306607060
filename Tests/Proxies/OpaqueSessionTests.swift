import Model
import Proxies
import Testing
import Wire

@Suite struct OpaqueSessionTests {
    private static let recorded = Recorded.exchanges(
        .tcp,
        [
            .client(Array("hello".utf8)), .server(Array("HELLO".utf8)), .client(Array("seven".utf8)),
            .server(Array("7".utf8)), .client(Array("bye".utf8)), .server(Array("BYE".utf8)),
        ])

    private func text(_ replies: [TimedReply]) -> String { String(decoding: replies.flatMap(\.bytes), as: UTF8.self) }

    @Test func turnsAreKnownByTheirBytesHoweverTheyAreCut() {
        var session = AskedSession(.tcp, Self.recorded)
        #expect(session.say("sev") == "")
        #expect(session.say("en") == "7")
        #expect(session.say("hello") == "HELLO")
        // The recorded connection was closed behind it.
        let last = session.ask(Array("bye".utf8))
        #expect(text(last) == "BYE" && last.last?.closes == true)
        #expect(session.account.exact == 3)
    }

    @Test func anotherTurnIsAnsweredByItsPlace() {
        var session = AskedSession(.tcp, Self.recorded)
        #expect(session.say("hello") == "HELLO")
        // As long as the recorded one: whole.
        #expect(session.say("eight") == "7")
        // Shorter: whole when nothing more comes.
        #expect(session.say("b", at: 100) == "")
        #expect(session.session.waiting?.deadline == Recorded.at(150))
        #expect(text(session.resume(at: 150)) == "BYE")
        #expect(session.account.nearest == 2)
    }

    @Test func withoutAnAnswerTheConnectionEnds() {
        var session = AskedSession(.tcp)
        #expect(session.ask(Array("hello".utf8)).isEmpty)
        let replies = session.resume(at: 50)
        #expect(replies == [TimedReply(due: Recorded.at(50), bytes: [], closes: true)])
        #expect(session.account.unmatched == 1)
        #expect(session.ask(Array("hello".utf8)).isEmpty)
    }
}
