import Model
import Proxies
import Testing
import Wire

@Suite struct RecordingTests {
    static func round(
        _ sql: String, _ values: [String]? = nil, at milliseconds: Int64, says text: String, delay: Int64 = 2
    ) -> PostgreSQLRound {
        let asked = Timestamp(nanoseconds: milliseconds * 1_000_000)
        let row = PostgreSQLMessage("D", [0, 1] + int32(text.utf8.count) + Array(text.utf8))
        // One column of type text, named v.
        let description = PostgreSQLMessage(
            "T", [0, 1] + Array("v".utf8) + [0] + int32(0) + [0, 0] + int32(25) + [255, 255] + int32(-1) + [0, 0])
        let outcome = PostgreSQLOutcome(
            description: description, rows: [row], completion: PostgreSQLMessage("C", Array("SELECT 1".utf8) + [0]))
        return PostgreSQLRound(
            calls: [PostgreSQLCall(sql: sql, values: values.map { $0.map { Array($0.utf8) } })], outcomes: [outcome],
            transactionStatus: 0x49, asked: asked, answerBegan: asked + .milliseconds(1),
            answered: asked + .milliseconds(delay))
    }

    private static func int32(_ value: Int) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    private func text(_ answer: (PostgreSQLRound, Recording.Match)?) -> String? {
        answer.flatMap { $0.0.outcomes.first?.rows.first.map { String(decoding: $0.body.dropFirst(6), as: UTF8.self) } }
    }

    private func present(_ milliseconds: Int64) -> Timestamp { Timestamp(nanoseconds: milliseconds * 1_000_000) }

    /// The same question gets the recorded answers in their order; the last one is repeated.
    @Test func repeatedQuestionsGetTheAnswersInOrder() {
        var recording = Recording()
        for (time, price) in [(10, "5"), (20, "6"), (30, "7")] {
            recording.add(Self.round("SELECT price WHERE id=$1", ["1"], at: Int64(time), says: price))
        }
        let calls = [PostgreSQLCall(sql: "SELECT price WHERE id=$1", values: [Array("1".utf8)])]
        let answers = (0..<4).map { _ in text(recording.answer(calls, present: present(40))) }
        #expect(answers == ["5", "6", "7", "7"])
    }

    @Test func otherValuesGetTheNearestOfTheSameStatement() {
        var recording = Recording()
        recording.add(Self.round("SELECT price WHERE id=$1", ["1"], at: 10, says: "a"))
        recording.add(Self.round("SELECT price WHERE id=$1", ["2"], at: 500, says: "b"))
        let calls = [PostgreSQLCall(sql: "SELECT price WHERE id=$1", values: [Array("9".utf8)])]
        let answer = recording.answer(calls, present: present(450))
        #expect(answer?.1 == .template)
        #expect(text(answer) == "b")
        #expect(recording.answer([PostgreSQLCall(sql: "DELETE")], present: present(0)) == nil)
    }

    @Test func historyAnswersOnlyWhatNothingNewerDoes() {
        var recording = Recording()
        recording.add(Self.round("SELECT 1", at: 10, says: "old"), history: true)
        let calls = [PostgreSQLCall(sql: "SELECT 1")]
        #expect(text(recording.answer(calls, present: present(100))) == "old")
        recording.add(Self.round("SELECT 1", at: 90, says: "new"))
        #expect(text(recording.answer(calls, present: present(100))) == "new")
    }

    /// Binary and text results of the same statement are different answers.
    @Test func formatsArePartOfTheQuestion() {
        var recording = Recording()
        recording.add(Self.round("SELECT 1", ["x"], at: 10, says: "text"))
        let binary = [PostgreSQLCall(sql: "SELECT 1", values: [Array("x".utf8)], resultFormats: [1])]
        #expect(recording.answer(binary, present: present(10))?.1 != .exact)
    }

    @Test(arguments: [
        ("SELECT * FROM t1 WHERE a=5 AND b='x''y'", "SELECT * FROM t1 WHERE a=? AND b=?"),
        ("SELECT $1, \"col 1\", 1.5", "SELECT $1, \"col 1\", ?"),
        ("INSERT INTO t VALUES(-3)", "INSERT INTO t VALUES(-?)"),
        ("SELECT 'open", "SELECT ?"), ("SELECT \"open", "SELECT \"open"), ("", ""), ("é1", "é1"),
    ])
    func templatesForgetValuesAndKeepNames(_ sql: String, _ template: String) {
        #expect(SQLTemplate.of(sql) == template)
    }
}
