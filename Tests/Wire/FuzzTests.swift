import FuzzEntries
import Glibc
import Model
import TestSupport
import Testing

@testable import Wire

/// The short form of fuzzing: seeded, a second each. A crash ends the test run; what is said must stay consistent.
@Suite struct FuzzTests {
    private static let corpus: [CapturedPackets] = TsharkTests.cases.compactMap {
        try? CapturedPackets(path: CapturedPackets.directory + $0.file)
    }

    /// How often the short form is repeated with other seeds: WHATIF_FUZZ=100 takes a minute or two.
    private static let patience = max(1, unsafe getenv("WHATIF_FUZZ").flatMap { unsafe Int(String(cString: $0)) } ?? 1)

    /// The most memory this process has had, in bytes.
    private static var peak: Int {
        var usage = rusage()
        unsafe getrusage(0 /* RUSAGE_SELF */, &usage)
        return usage.ru_maxrss * 1024
    }

    @Test func theCorpusIsThere() { #expect(Self.corpus.count == TsharkTests.cases.count) }

    /// Packets that are spoilt, left out, repeated and disordered; one in five captures is read as another link type.
    @Test(arguments: 0..<2) func packets(_ part: Int) throws {
        let before = Self.peak
        var random = SeededGenerator(UInt64(part))
        for round in 0..<60 * Self.patience {
            for (capture, item) in zip(Self.corpus, TsharkTests.cases) {
                let link = random.once(in: 5) ? LinkType.all.randomElement(using: &random) ?? .ethernet : capture.link
                // One in five is read as another protocol.
                let other = random.once(in: 5) ? ProtocolTable.all.randomElement(using: &random) : nil
                let watched = other?.name ?? item.protocolName
                var dissector = Dissector(capture.servers(port: item.port, watched))
                var consistency = Consistency()
                for packet in spoil(capture.packets, &random) {
                    dissector.accept(packet.bytes.span, link: link, at: packet.time) { consistency.take($0) }
                }
                dissector.finish(at: .distantFuture) { consistency.take($0) }
                try #require(consistency.problems.isEmpty, "\(item.file), round \(round)")
                try #require(consistency.open.isEmpty, "\(item.file), round \(round)")
            }
        }
        #expect(Self.peak - before < 256 << 20)
    }

    private func spoil(
        _ packets: [CapturedPackets.Packet], _ random: inout SeededGenerator
    ) -> [CapturedPackets.Packet] {
        var result: [CapturedPackets.Packet] = []
        for packet in packets.prefix(80) {
            var copy = packet
            if random.once(in: 4) {
                // Often behind the headers, so that the readers are reached.
                let headers = random.once(in: 3) ? 0 : 66
                copy.bytes = random.mutate(
                    packet.bytes, with: packets.randomElement(using: &random)?.bytes ?? [], keeping: headers)
            }
            if random.once(in: 30) { continue }
            result.append(copy)
            if random.once(in: 20) { result.append(packet) }
            if random.once(in: 20), result.count > 1 { result.swapAt(result.count - 1, result.count - 2) }
        }
        return result
    }

    /// Whatever the text, its cutting changes nothing, and no more comes out than went in.
    @Test(arguments: [HTTPParser.Role.requests, .replies]) func httpTexts(_ role: HTTPParser.Role) throws {
        var random = SeededGenerator(role == .requests ? 10 : 11)
        let texts = (HTTPParserTests.requests + HTTPParserTests.replies).map { Array($0.text.utf8) }
        for round in 0..<4000 * Self.patience {
            let text = random.mutate(
                texts.randomElement(using: &random) ?? [], with: texts.randomElement(using: &random) ?? [])
            var outcomes: [Outcome] = []
            for longest in [100_000, 9, 1] {
                outcomes.append(parse(text, role, longest: longest, &random))
            }
            try #require(outcomes.allSatisfy { $0 == outcomes[0] }, "round \(round)")
            try #require(outcomes[0].lengths.reduce(0, +) <= text.count, "round \(round)")
        }
    }

    private struct Outcome: Equatable {
        var lengths: [Int] = []
        var statuses: [Int] = []
        var failure: HTTPFailure?
        var isBetween = false
    }

    private func parse(
        _ text: [UInt8], _ role: HTTPParser.Role, longest: Int, _ random: inout SeededGenerator
    ) -> Outcome {
        var parser = HTTPParser(role, keeping: longest == 9 ? .nothing : .all)
        var outcome = Outcome()
        do throws(HTTPFailure) {
            for piece in random.cut(text, longest: longest) {
                var position = 0
                while let message = try parser.next(
                    Array(piece).span, from: &position, at: Timestamp(nanoseconds: 0),
                    answering: outcome.lengths.count % 3 == 1 ? .head : .other)
                {
                    outcome.lengths.append(message.byteCount)
                    outcome.statuses.append(message.status)
                }
            }
        } catch {
            outcome.failure = error
        }
        outcome.isBetween = parser.isBetweenMessages
        return outcome
    }

    /// Framing and statements of bytes that are almost PostgreSQL.
    @Test(arguments: [true, false]) func postgreSQLBytes(_ startup: Bool) throws {
        var random = SeededGenerator(startup ? 20 : 21)
        let sides: [Side] = [.client, .server]
        for round in 0..<300 * Self.patience {
            let script = PostgreSQLScript(rounds: 3, pipelined: 2, &random)
            let texts = sides.map { side in script.turns.filter { $0.side == side }.flatMap(\.bytes) }
            for text in texts {
                let spoilt = random.mutate(text, with: texts[0])
                var outcomes: [[Int]] = []
                for longest in [100_000, 9] {
                    var framer = PostgreSQLFramer(expectsStartup: startup)
                    var frontend = PostgreSQLFrontend()
                    var outcome: [Int] = []
                    do throws(PostgreSQLFramer.Failure) {
                        for piece in random.cut(spoilt, longest: longest) {
                            framer.append(Array(piece).span)
                            while let message = try framer.next() {
                                framer.expectsStartup = false
                                outcome.append(message.body.count)
                                _ = frontend.sql(describedBy: message.body)
                                if frontend.accept(message) { outcome.append(frontend.finishRound().count) }
                            }
                        }
                    } catch {
                        outcome.append(error == .malformed ? -1 : -2)
                    }
                    outcomes.append(outcome)
                }
                try #require(outcomes[0] == outcomes[1], "round \(round)")
            }
        }
    }

    /// Bytes without any form.
    @Test func noise() {
        var random = SeededGenerator(30)
        let places = ProtocolTable.all.map { Place.random($0.name, &random) }
        for place in places {
            var dissector = Dissector([WatchedServer(place.server, place.protocolName)])
            var consistency = Consistency()
            for _ in 0..<4000 * Self.patience {
                let packet = (0..<Int.random(in: 0...200, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                for link in LinkType.all {
                    dissector.accept(packet.span, link: link, at: .distantPast) { consistency.take($0) }
                }
            }
            #expect(consistency.problems.isEmpty)
        }
    }
}
