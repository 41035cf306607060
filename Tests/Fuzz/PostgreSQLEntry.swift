import Model
import Wire

/// PostgreSQL's two directions, each by itself. The first byte says how long pieces are.
enum PostgreSQLEntry {
    /// Framing and statements: what comes out does not depend on the cutting.
    static func frontend(_ bytes: [UInt8]) throws(BrokenInvariant) {
        var input = FuzzInput(bytes)
        let setting = input.byte()
        let text = input.rest()
        let expectsStartup = setting & 1 != 0
        let whole = frames([text[...]], expectsStartup)
        let cut = frames(text.pieces(of: Int(setting >> 1) + 1), expectsStartup)
        try BrokenInvariant.unless(whole == cut, "the cutting changes what is said")
        try BrokenInvariant.unless(whole.lengths.reduce(0, +) <= text.count, "more comes out than went in")
    }

    private struct Outcome: Equatable {
        var lengths: [Int] = []
        var rounds: [[PostgreSQLCall]] = []
        var described: [String?] = []
        var failure: PostgreSQLFramer.Failure?
        var isBetween = false
    }

    private static func frames(_ pieces: [ArraySlice<UInt8>], _ expectsStartup: Bool) -> Outcome {
        var framer = PostgreSQLFramer(expectsStartup: expectsStartup)
        var frontend = PostgreSQLFrontend()
        var outcome = Outcome()
        do throws(PostgreSQLFramer.Failure) {
            for piece in pieces {
                framer.append(piece.span)
                while let message = try framer.next() {
                    framer.expectsStartup = false
                    outcome.lengths.append(framer.lastByteCount)
                    if message.is("D") { outcome.described.append(frontend.sql(describedBy: message.body)) }
                    if frontend.accept(message) { outcome.rounds.append(frontend.finishRound()) }
                }
            }
        } catch {
            outcome.failure = error
        }
        outcome.isBetween = framer.isBetweenMessages
        return outcome
    }

    /// What a server says to four questions that were asked at once.
    static func backend(_ bytes: [UInt8]) throws(BrokenInvariant) {
        var input = FuzzInput(bytes)
        let setting = input.byte()
        let length = input.byte()
        let query = PostgreSQLMessage("Q", Array("SELECT 1".utf8) + [0]).bytes
        let startup: [UInt8] = [0, 0, 0, 9, 0, 3, 0, 0, 0]
        let speaks: [UInt8] = [ReaderEntry.escape, ReaderEntry.Step.server.rawValue]
        try ReaderEntry.run(
            PostgreSQLReader.entry,
            [setting & 5, length] + startup + query + query + query + query + speaks + input.rest())
    }
}
