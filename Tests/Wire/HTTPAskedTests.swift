import Model
import TestSupport
import Testing

@testable import Wire

/// A reader that is told of whole requests without reading them: their replies are found as when it reads them.
@Suite struct HTTPAskedTests {
    private struct Answer: Equatable {
        var number: Int
        var status: Int
        var byteCount: Int
        var endedByClose: Bool
    }

    @Test(arguments: 0..<40) func repliesAreFoundAsWhenRequestsAreRead(_ seed: UInt64) {
        var random = SeededGenerator(seed)
        let script = HTTPScript(exchanges: 60, ahead: 3, &random)
        let read = answers(script, isRead: { _ in true })
        #expect(read.count == 60)
        #expect(answers(script, isRead: { _ in false }) == read)
        // Whoever reads some of them, as one that has seen something it did not expect does.
        #expect(answers(script, isRead: { $0 % 3 == 1 }) == read)
    }

    private func answers(_ script: HTTPScript, isRead: (Int) -> Bool) -> [Answer] {
        var reader = HTTPReader(ReaderSetting(1, fromStart: true))
        var found: [Answer] = []
        var number = 0
        var time = Timestamp(nanoseconds: 0)
        let take = { (event: WireEvent) in
            guard case .exchange(_, let exchange) = event else { return }
            found.append(
                Answer(
                    number: exchange.request.number, status: exchange.reply.status,
                    byteCount: exchange.reply.passage.byteCount, endedByClose: exchange.reply.endedByClose))
        }
        for turn in script.turns {
            time = time + .milliseconds(1)
            if turn.side == .server {
                reader.server(turn.bytes.span, at: time, emit: take)
            } else if isRead(number) {
                reader.client(turn.bytes.span, at: time, emit: take)
                number += 1
            } else {
                reader.asked(turn.bytes.span, at: time, emit: take)
                number += 1
            }
        }
        return found
    }
}
