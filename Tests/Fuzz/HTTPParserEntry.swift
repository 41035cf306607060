import Model
import Wire

/// One direction of HTTP: whatever the text, its cutting changes nothing, and no more comes out than went in.
///
/// The first byte says how long pieces are, the second which requests the replies answer; the rest is the text.
enum HTTPParserEntry {
    private struct Outcome: Equatable {
        var verbs: [HTTPVerb] = []
        var statuses: [Int] = []
        var keys: [UInt64] = []
        var lengths: [Int] = []
        var failure: HTTPFailure?
        var isBetween = false
        var endsByClose = false
    }

    static func run(_ role: HTTPParser.Role, _ bytes: [UInt8]) throws(BrokenInvariant) {
        var input = FuzzInput(bytes)
        let length = Int(input.byte() >> 2) + 1
        let questions = input.byte()
        let text = input.rest()
        let whole = try parse(role, .all, [text[...]], questions)
        let cut = try parse(role, length % 2 == 0 ? .nothing : .heads, text.pieces(of: length), questions)
        try BrokenInvariant.unless(whole == cut, "the cutting changes what is said")
        try BrokenInvariant.unless(whole.lengths.reduce(0, +) <= text.count, "more comes out than went in")
    }

    private static func parse(
        _ role: HTTPParser.Role, _ keeping: HTTPParser.Keeping, _ pieces: [ArraySlice<UInt8>], _ questions: UInt8
    ) throws(BrokenInvariant) -> Outcome {
        var parser = HTTPParser(role, keeping: keeping)
        var outcome = Outcome()
        var problem: String?
        func take(_ message: HTTPParser.Message) {
            outcome.verbs.append(message.verb)
            outcome.statuses.append(message.status)
            outcome.keys.append(message.key)
            outcome.lengths.append(message.byteCount)
            _ = message.label
            let isRight =
                switch keeping {
                case .all: message.bytes.count == message.byteCount
                case .heads: message.bytes.count <= message.byteCount
                case .nothing: message.bytes.isEmpty
                }
            if !isRight { problem = "a message is not kept as it should be" }
        }
        do throws(HTTPFailure) {
            for (number, piece) in pieces.enumerated() {
                var position = 0
                let time = Timestamp(nanoseconds: Int64(number))
                while let message = try parser.next(
                    piece.span, from: &position, at: time,
                    answering: verb(questions >> UInt8(outcome.lengths.count % 4 * 2)))
                {
                    take(message)
                }
            }
        } catch {
            outcome.failure = error
        }
        outcome.isBetween = parser.isBetweenMessages
        if outcome.failure == nil, let last = parser.close() {
            outcome.endsByClose = true
            take(last)
        }
        if let problem { throw BrokenInvariant(problem) }
        return outcome
    }

    private static func verb(_ bits: UInt8) -> HTTPVerb {
        switch bits & 3 {
        case 1: .head
        case 2: .connect
        default: .other
        }
    }
}
