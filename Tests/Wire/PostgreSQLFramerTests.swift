import TestSupport
import Testing

@testable import Wire

/// Messages and their fields as values.
@Suite struct PostgreSQLFramerTests {
    typealias Text = PostgreSQLText

    private func messages(_ bytes: [UInt8], startup: Bool, longest: Int) throws -> [PostgreSQLMessage] {
        var framer = PostgreSQLFramer(expectsStartup: startup)
        var random = SeededGenerator(2)
        var messages: [PostgreSQLMessage] = []
        for piece in random.cut(bytes, longest: longest) {
            framer.append(Array(piece).span)
            while let message = try framer.next() {
                messages.append(message)
                framer.expectsStartup = false
            }
        }
        #expect(framer.isBetweenMessages)
        return messages
    }

    @Test(arguments: [1, 3, 20, 100_000]) func anyCuttingGivesTheSameMessages(_ longest: Int) throws {
        let sent = [
            PostgreSQLMessage(type: 0, body: big32(196_608) + [0]), Text.query("SELECT 1"), Text.sync,
            PostgreSQLMessage("d", [UInt8](repeating: 7, count: 70_000)), Text.query(""), Text.ready(),
        ]
        #expect(try messages(sent.bytes, startup: true, longest: longest) == sent)
    }

    @Test(arguments: [
        ([0x51, 0, 0, 0, 3], PostgreSQLFramer.Failure.malformed), ([0x51, 0, 0, 0, 0], .malformed),
        ([0x51, 0xff, 0xff, 0xff, 0xff], .tooLarge), ([0x51, 4, 0, 0, 1], .tooLarge),
    ])
    func lengthsThatCannotBe(_ bytes: [UInt8], _ failure: PostgreSQLFramer.Failure) {
        var framer = PostgreSQLFramer(expectsStartup: false)
        framer.append(bytes.span)
        #expect(throws: failure) { try framer.next() }
    }

    /// A length that is claimed takes no memory before its bytes come.
    @Test func aClaimIsNotBelieved() throws {
        var framer = PostgreSQLFramer(expectsStartup: false)
        framer.append(([0x51] + big32(64 << 20)).span)
        #expect(try framer.next() == nil)
        #expect(!framer.isBetweenMessages)
    }

    @Test func fieldsEndWithTheirMessage() {
        var body = PostgreSQLBody(Text.string("a") + [0xff, 0xfe, 0x80, 0, 0, 1, 5])
        let (name, small, large) = (body.text(), body.int16(), body.int32())
        #expect(name == "a" && small == -2 && large == Int(Int32.min) + 1)
        // One byte is left: too little for anything but a byte.
        let none: [Any?] = [body.int16(), body.int32(), body.text(), body.take(2), body.take(-1), body.take(.max / 2)]
        #expect(none.allSatisfy { $0 == nil })
        let (last, behind) = (body.byte(), body.byte())
        #expect(last == 5 && behind == nil)
    }

    @Test func listsEndWithTheirMessage() {
        var body = PostgreSQLBody(big16(2) + big16(1) + big16(0xffff) + big16(3))
        let (whole, short) = (body.int16s(), body.int16s())
        #expect(whole == [1, -1] && short == nil)
    }
}

/// The client's half: which statement each call means.
@Suite struct PostgreSQLFrontendTests {
    typealias Text = PostgreSQLText

    private func calls(_ messages: [PostgreSQLMessage], in frontend: inout PostgreSQLFrontend) -> [PostgreSQLCall] {
        for message in messages { _ = frontend.accept(message) }
        return frontend.finishRound()
    }

    @Test func aRoundEndsWithQuerySyncOrFunctionCall() {
        var frontend = PostgreSQLFrontend()
        let ends = [Text.query("a"), Text.sync, PostgreSQLMessage("F")]
        let others = [
            Text.parse("", "a"), Text.bind("", ""), Text.execute(""), Text.describe("S", ""), Text.close("S", ""),
            PostgreSQLMessage("H"), PostgreSQLMessage("d"), PostgreSQLMessage("X"), PostgreSQLMessage("p"),
        ]
        #expect(ends.map { frontend.accept($0) } == [true, true, true])
        #expect(others.map { frontend.accept($0) }.allSatisfy { !$0 })
    }

    @Test func statementsAndPortalsAreFoundByName() {
        var frontend = PostgreSQLFrontend()
        let first = calls(
            [
                Text.parse("s", "SELECT $1"), Text.parse("", "SELECT 2"),
                Text.bind("p", "s", [[1], nil], formats: [1]),
                Text.bind("", ""), Text.describe("P", "p"), Text.execute("p", limit: 9), Text.execute(""), Text.sync,
            ], in: &frontend)
        #expect(
            first == [
                PostgreSQLCall(sql: "SELECT $1", values: [[1], nil], valueFormats: [1], rowLimit: 9),
                PostgreSQLCall(sql: "SELECT 2", values: []),
            ])
        #expect(frontend.sql(describedBy: Text.describe("S", "s").body) == "SELECT $1")
        #expect(frontend.sql(describedBy: Text.describe("P", "").body) == "SELECT 2")
        // The portal goes on where it was suspended; the statement outlives it.
        #expect(calls([Text.execute("p"), Text.sync], in: &frontend).first?.sql == "SELECT $1")
        let closed = calls(
            [Text.close("P", "p"), Text.execute("p"), Text.bind("", "s", []), Text.execute(""), Text.sync],
            in: &frontend)
        #expect(closed.map(\.sql) == [nil, "SELECT $1"])
        #expect(calls([Text.close("S", "s"), Text.bind("", "s"), Text.execute("")], in: &frontend).map(\.sql) == [nil])
    }

    @Test func theUnnamedStatementIsReplaced() {
        var frontend = PostgreSQLFrontend()
        let both = calls(
            [
                Text.parse("", "A"), Text.bind("", ""), Text.execute(""), Text.parse("", "B"), Text.bind("", ""),
                Text.execute(""), Text.sync,
            ], in: &frontend)
        #expect(both.map(\.sql) == ["A", "B"])
    }

    /// What was replaced unseen is not guessed; names live as long as the connection.
    @Test func aLossForgetsWhatMayHaveChanged() {
        var frontend = PostgreSQLFrontend()
        _ = calls([Text.parse("s", "A"), Text.parse("", "B"), Text.bind("p", "s"), Text.execute("p")], in: &frontend)
        _ = frontend.accept(Text.execute("p"))
        frontend.lose()
        let after = calls(
            [Text.execute("p"), Text.bind("", ""), Text.execute(""), Text.bind("", "s"), Text.execute("")],
            in: &frontend)
        #expect(after.map(\.sql) == [nil, nil, "A"])
    }

    /// The count has no sign: libpq sends up to 65,535 values.
    @Test func aBindOfManyValues() {
        var frontend = PostgreSQLFrontend()
        let values = [[UInt8]?](repeating: [7], count: 40_000)
        let call = calls(
            [Text.parse("", "A"), Text.bind("", "", values, formats: [1], results: [1]), Text.execute("")],
            in: &frontend)
        #expect(call.first?.values?.count == 40_000 && call.first?.resultFormats == [1])
    }

    @Test func aBindThatEndsTooEarlyIsNone() {
        for cut in 1..<Text.bind("p", "s", [[1, 2, 3]]).body.count - 2 {
            var frontend = PostgreSQLFrontend()
            let body = Array(Text.bind("p", "s", [[1, 2, 3]]).body.prefix(cut))
            let after = calls([Text.parse("s", "A"), PostgreSQLMessage("B", body), Text.execute("p")], in: &frontend)
            #expect(after == [PostgreSQLCall(sql: nil, values: [])])
        }
    }
}
