import Model
import Proxies
import Testing
import Wire

@Suite struct PostgreSQLSessionTests {
    private static let startup: [UInt8] = [0, 0, 0, 8, 0, 3, 0, 0]

    private func message(_ type: Character, _ parts: [UInt8]...) -> [UInt8] {
        PostgreSQLMessage(type, parts.flatMap { $0 }).bytes
    }

    private func text(_ text: String) -> [UInt8] { Array(text.utf8) + [0] }
    private func query(_ sql: String) -> [UInt8] { message("Q", text(sql)) }
    private func parse(_ name: String, _ sql: String) -> [UInt8] { message("P", text(name), text(sql), [0, 0]) }
    private func bind(_ statement: String, _ value: String?, formats: [UInt8] = [0, 0]) -> [UInt8] {
        let values: [UInt8] = value.map { [0, 1, 0, 0, 0, UInt8($0.utf8.count)] + Array($0.utf8) } ?? [0, 0]
        return message("B", text(""), text(statement), [0, 0], values, formats)
    }
    private var describePortal: [UInt8] { message("D", Array("P".utf8), [0]) }
    private func describe(_ statement: String) -> [UInt8] { message("D", Array("S".utf8), text(statement)) }
    private var execute: [UInt8] { message("E", [0], [0, 0, 0, 0]) }
    private var sync: [UInt8] { message("S") }
    private var flush: [UInt8] { message("H") }

    private func call(_ sql: String) -> [UInt8] { parse("", sql) + bind("", nil) + execute }

    /// The transaction's state behind an answer.
    private func state(_ replies: [TimedReply]) -> Character? {
        guard let last = replies.last, let byte = last.bytes.last else { return nil }
        return Character(UnicodeScalar(byte))
    }

    /// The types of the messages in all replies.
    private func kinds(_ replies: [TimedReply]) -> String {
        var framer = PostgreSQLFramer(expectsStartup: false)
        let bytes = replies.flatMap(\.bytes)
        framer.append(bytes.span)
        var kinds = ""
        do {
            while let message = try framer.next() { kinds.append(Character(UnicodeScalar(message.type))) }
        } catch {
            kinds += "?"
        }
        return kinds
    }

    private func connected(_ exchanges: [Exchange]) -> AskedSession {
        var session = AskedSession(.postgresql, exchanges)
        _ = session.ask(Self.startup)
        return session
    }

    /// The recorded delay is kept: the answer is due no earlier than it came on-line.
    @Test(arguments: [true, false]) func theRecordedDelayIsKeptIfWanted(_ keepsDelay: Bool) {
        var policy = AnswerPolicy()
        policy.keepsDelay = keepsDelay
        var session = AskedSession(.postgresql, [Recorded.round("SELECT v", at: 0, says: "x", delay: 40)], policy)
        let replies = session.ask(Self.startup + query("SELECT v"), at: 5)
        #expect(replies.count == 2)
        #expect(replies.first?.due == Recorded.at(5))
        #expect(replies.last?.due == Recorded.at(keepsDelay ? 45 : 5))
    }

    /// A driver that prepares and describes in one round, and executes in another, as pgx and asyncpg do.
    @Test func aPreparedStatementIsDescribedAsItWasOnLine() {
        let parameters = message("t", [0, 1, 0, 0, 0, 23])
        let row = message("T", [0, 1], text("v"), [0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 255, 255, 255, 255, 255, 255, 0, 0])
        let prepare = parse("s", "SELECT v WHERE id=$1") + describe("s")
        let data = message("D", [0, 1, 0, 0, 0, 1, 0x78])
        let exchanges = Recorded.exchanges(
            .postgresql,
            [
                .client(Self.startup), .server(message("R", [0, 0, 0, 0]) + message("Z", [0x49])),
                .client(prepare + sync),
                .server(message("1") + parameters + row + message("Z", [0x49])),
                .client(bind("s", "7", formats: [0, 1, 0, 1]) + execute + sync),
                .server(message("2") + data + message("C", text("SELECT 1")) + message("Z", [0x49])),
            ])
        #expect(exchanges.count == 1)
        var session = connected(exchanges)
        let described = session.ask(prepare + sync)
        #expect(kinds(described) == "1tTZ")
        #expect(described.flatMap(\.bytes).starts(with: message("1") + parameters + row))
        #expect(kinds(session.ask(bind("s", "7", formats: [0, 1, 0, 1]) + execute + sync)) == "2DCZ")
        // A portal was never described: its rows are the statement's, in the format that was bound.
        let portal = session.ask(bind("s", "7", formats: [0, 1, 0, 1]) + describePortal + execute + sync)
        #expect(kinds(portal) == "2TDCZ")
        #expect(portal.flatMap(\.bytes).dropFirst(5).starts(with: row.dropLast() + [1]))
        // The same with Flush, as asyncpg does.
        #expect(kinds(session.ask(parse("s2", "SELECT v WHERE id=$1") + describe("s2") + flush)) == "1tT")
        #expect(kinds(session.ask(bind("s2", "7", formats: [0, 1, 0, 1]) + execute + sync)) == "2DCZ")
        #expect(session.account.unmatched == 0)
    }

    @Test func aStatementThatWasNeverDescribedIsAnError() {
        var session = connected([Recorded.round("SELECT v WHERE id=$1", ["1"], at: 0, says: "x")])
        #expect(kinds(session.ask(parse("s", "SELECT v WHERE id=$1") + describe("s") + sync)) == "1EZ")
        #expect(session.account.unmatched == 1)
    }

    /// Without parameters nothing is missing: the rows' description is the statement's.
    @Test func aStatementWithoutParametersIsDescribedByItsRows() {
        var session = connected([Recorded.round("SELECT v", [], at: 0, says: "x")])
        #expect(kinds(session.ask(parse("s", "SELECT v") + describe("s") + sync)) == "1tTZ")
    }

    /// After an error nothing is answered up to Sync.
    @Test func anErrorIsFollowedBySyncOnly() {
        var session = connected([Recorded.round("SELECT v", [], at: 0, says: "x")])
        #expect(kinds(session.ask(parse("", "SELECT w") + bind("", nil) + execute + flush)) == "12E")
        #expect(kinds(session.ask(bind("", nil) + execute + flush)) == "")
        #expect(kinds(session.ask(sync)) == "Z")
        #expect(kinds(session.ask(parse("", "SELECT v") + bind("", nil) + describePortal + execute + sync)) == "12TDCZ")
    }

    /// Calls that were one round on-line are found one by one.
    @Test func aRecordedRoundAnswersItsCallsOneByOne() {
        let complete = message("1") + message("2") + message("C", text("UPDATE 1"))
        let exchanges = Recorded.exchanges(
            .postgresql,
            [
                .client(Self.startup), .server(message("R", [0, 0, 0, 0]) + message("Z", [0x49])),
                .client(call("UPDATE a") + call("UPDATE b") + sync),
                .server(complete + complete + message("Z", [0x49])),
            ])
        var session = connected(exchanges)
        #expect(kinds(session.ask(call("UPDATE b") + flush)) == "12C")
        #expect(kinds(session.ask(call("UPDATE a") + call("UPDATE b") + sync)) == "12C12CZ")
        #expect(session.account.exact == 2)
    }

    /// The state of the transaction follows the clone's own statements; those that every server answers alike need not be
    /// recorded.
    @Test func transactionsAreFollowed() {
        var session = connected([Recorded.round("SELECT v", at: 0, says: "x")])
        #expect(state(session.ask(query("BEGIN"))) == "T")
        #expect(state(session.ask(query("SELECT v"))) == "T")
        #expect(session.account.exact == 1 && session.account.unmatched == 0)
        #expect(state(session.ask(query("UPDATE nothing"))) == "E")
        #expect(state(session.ask(query("ROLLBACK TO SAVEPOINT a"))) == "T")
        #expect(state(session.ask(query("COMMIT"))) == "I")
        #expect(kinds(session.ask(query("SET a = 1"))) == "CZ")
        #expect(kinds(session.ask(query("SET a = 1; SELECT secret"))) == "EZ")
    }

    /// Binary and text results of the same statement are different answers, also when nothing else is there.
    @Test func formatsArePartOfTheQuestion() {
        var session = connected([Recorded.round("SELECT 1", ["x"], at: 10, says: "text")])
        #expect(
            kinds(session.ask(parse("", "SELECT 1") + bind("", "x", formats: [0, 1, 0, 1]) + execute + sync)) == "12EZ")
        #expect(kinds(session.ask(parse("", "SELECT 1") + bind("", "x") + execute + sync)) == "12DCZ")
    }

    /// Rows of another statement are no answer for a client that knows the columns already.
    @Test func theNearestAnswerHasToFit() {
        var session = connected([Recorded.round("SELECT a", [], at: 10, says: "a")])
        #expect(kinds(session.ask(parse("", "SELECT b") + bind("", nil) + execute + sync)) == "12EZ")
        #expect(kinds(session.ask(parse("", "SELECT b") + bind("", nil) + describePortal + execute + sync)) == "12TDCZ")
        #expect(session.account.nearest == 1 && session.account.unmatched == 1)
    }

    @Test func copiesGoOutAtOnceAndInWhenTheDataHasCome() {
        let exchanges = Recorded.exchanges(
            .postgresql,
            [
                .client(Self.startup), .server(message("R", [0, 0, 0, 0]) + message("Z", [0x49])),
                .client(query("COPY t TO STDOUT")),
                .server(
                    message("H", [0, 0, 0]) + message("d", Array("1\n".utf8)) + message("c")
                        + message("C", text("COPY 1")) + message("Z", [0x49])),
                .client(query("COPY t FROM STDIN")), .server(message("G", [0, 0, 0])),
                .client(message("d", Array("1\n".utf8)) + message("c")),
                .server(message("C", text("COPY 1")) + message("Z", [0x49])),
            ])
        var session = connected(exchanges)
        #expect(kinds(session.ask(query("COPY t TO STDOUT"))) == "HdcCZ")
        #expect(kinds(session.ask(query("COPY t FROM STDIN"))) == "G")
        #expect(kinds(session.ask(message("d", Array("2\n".utf8)) + message("c"))) == "CZ")
        #expect(kinds(session.ask(query("COPY t FROM STDIN"))) == "G")
        #expect(kinds(session.ask(message("f", text("no")))) == "EZ")
    }

    @Test func functionCallsAreRefusedAndCancellingCloses() {
        var session = connected([])
        #expect(kinds(session.ask(message("F", [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]))) == "EZ")
        var cancelling = AskedSession(.postgresql)
        let replies = cancelling.ask([0, 0, 0, 16, 4, 0xd2, 0x16, 0x2e, 0, 0, 0, 1, 0, 0, 0, 1])
        #expect(replies == [TimedReply(due: Recorded.at(0), bytes: [], closes: true)])
    }

    @Test func malformedMessagesCloseWithAnErrorAndNothingElse() {
        var session = connected([Recorded.round("SELECT v", at: 0, says: "x")])
        let replies = session.ask(message("Q", text("SELECT v")) + [0x51, 0, 0, 0, 1] + query("SELECT v"))
        #expect(kinds(replies) == "TDCZE")
        #expect(replies.last?.closes == true)
        #expect(session.ask(query("SELECT v")).isEmpty)
    }
}
