import Model
import TestSupport
import Testing

@testable import Wire

/// One direction of TCP against a model that looks at every byte: the first copy of each wins.
@Suite struct ReassemblerTests {
    /// What a half-stream handed on and lost.
    private struct Received {
        var bytes: [UInt8] = []
        var gaps: [Int] = []
        var times: [Timestamp] = []
    }

    private func accept(
        _ stream: inout HalfStream, _ sequence: UInt32, _ bytes: [UInt8], cutOff: Int = 0, at time: Int64 = 0,
        _ received: inout Received
    ) {
        stream.accept(sequence, bytes.span, cutOff: cutOff, at: Timestamp(nanoseconds: time)) { bytes, time in
            for index in bytes.indices { received.bytes.append(bytes[index]) }
            received.times.append(time)
        } gap: {
            received.gaps.append($0)
        }
    }

    /// Segments with contents that contradict each other, over the end of the sequence space too.
    @Test(arguments: [0, 1000, UInt32.max - 150, UInt32.max]) func theFirstCopyOfEachByteWins(_ start: UInt32) {
        var random = SeededGenerator(UInt64(start) + 1)
        for _ in 0..<2000 {
            var stream = HalfStream()
            stream.synchronise(start)
            var received = Received()
            var model = [UInt8?](repeating: nil, count: 300)
            for number in 0..<Int.random(in: 1...40, using: &random) {
                let low = Int.random(in: 0..<300, using: &random)
                let high = min(300, low + Int.random(in: 1...80, using: &random))
                let bytes = [UInt8](repeating: UInt8(number), count: high - low)
                accept(&stream, start &+ UInt32(low), bytes, &received)
                for index in low..<high where model[index] == nil { model[index] = UInt8(number) }
            }
            let expected = model.prefix { $0 != nil }.compactMap(\.self)
            #expect(received.bytes == expected && received.gaps.isEmpty)
            #expect(stream.account.bytes == expected.count)
        }
    }

    @Test func whatWaitedIsAsLateAsTheHoleBeforeIt() {
        var stream = HalfStream()
        stream.synchronise(10)
        var received = Received()
        accept(&stream, 12, [3, 4], at: 5, &received)
        accept(&stream, 10, [1, 2], at: 9, &received)
        #expect(received.bytes == [1, 2, 3, 4] && received.times.allSatisfy { $0.nanoseconds == 9 })
        #expect(stream.account.outOfOrder == 1 && stream.account.retransmitted == 0)
    }

    @Test func copiesOverlapsAndProbesAreCounted() {
        var stream = HalfStream()
        stream.synchronise(10)
        var received = Received()
        accept(&stream, 10, [1, 2, 3, 4], &received)
        accept(&stream, 10, [1, 2, 3, 4], &received)
        accept(&stream, 12, [9, 9, 5], &received)
        accept(&stream, 14, [0], &received)
        accept(&stream, 14, [], &received)
        #expect(received.bytes == [1, 2, 3, 4, 5])
        #expect(stream.account.retransmitted == 2 && stream.account.overlapped == 2 && stream.account.keepAlives == 2)
    }

    @Test func whatNobodyAskedForIsNotTaken() {
        var stream = HalfStream()
        stream.synchronise(10)
        var received = Received()
        accept(&stream, 10 &+ (1 << 30) + 1, [1], &received)
        #expect(received.bytes.isEmpty && stream.waitingBytes == 0 && stream.account.outsideWindow == 1)
        let resets: [(UInt32, Bool)] = [(10, true), (1000, true), (1 << 28, false), (10 &- (1 << 28), false)]
        for (number, isTaken) in resets { #expect(stream.takesReset(number) == isTaken) }
    }

    @Test func waitingIsBoundedAndTheHoleIsTold() {
        var stream = HalfStream()
        stream.synchronise(0)
        var received = Received()
        let part = [UInt8](repeating: 7, count: 1000)
        for number in 0..<2000 {
            accept(&stream, UInt32(100 + number * 1000), part, &received)
            #expect(stream.waitingBytes <= HalfStream.limit)
        }
        #expect(received.gaps == [100] && stream.account.missingBytes == 100 && received.bytes.count == 2_000_000)
    }

    /// A snap length leaves a hole between what was kept of a segment and what waits behind it.
    @Test func aCutSegmentBeforeWhatWaits() {
        var stream = HalfStream()
        stream.synchronise(0)
        var received = Received()
        accept(&stream, 8, [8, 9], &received)
        accept(&stream, 0, [0, 1], cutOff: 6, &received)
        #expect(received.bytes == [0, 1, 8, 9] && received.gaps == [6])
    }

    /// Found by fuzzing: the bytes stayed where they were until another segment came.
    @Test func anAcknowledgementUpToWhatWaitsHandsItOn() {
        var stream = HalfStream()
        stream.synchronise(0)
        var received = Received()
        accept(&stream, 5, [5, 6], &received)
        stream.acknowledged(5) { bytes, _ in
            for index in bytes.indices { received.bytes.append(bytes[index]) }
        } gap: {
            received.gaps.append($0)
        }
        #expect(received.bytes == [5, 6] && received.gaps == [5] && stream.waitingBytes == 0)
    }

    /// All connections together: the one whose segment is too much gives up its hole, and others keep theirs.
    @Test func allTogetherAreBounded() {
        var limits = DissectorLimits()
        limits.bytes = 100_000
        let place = Place()
        var dissector = Dissector([WatchedServer(place.server, .http)], limits: limits)
        let part = [UInt8](repeating: 7, count: 1000)
        var lost = 0
        for number in 0..<200 {
            var client = place
            client.client.port = UInt16(1000 + number % 20)
            for segment in [
                Conversation.Segment(side: .client, sequence: 0, acknowledged: 0, flags: .syn, payload: []),
                .init(
                    side: .client, sequence: UInt32(100 + number * 1000), acknowledged: 0, flags: .acknowledgement,
                    payload: part),
            ] {
                dissector.accept(client.packet(segment).span, link: .ethernet, at: Timestamp(nanoseconds: 0)) { event in
                    if case .lost(_, _, .gap, _) = event { lost += 1 }
                }
            }
        }
        #expect(dissector.counters.relinquished > 0 && lost > 0 && dissector.counters.gaps > 0)
    }
}
