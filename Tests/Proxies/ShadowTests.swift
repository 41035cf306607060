import FuzzEntries
import Model
import Proxies
import TestSupport
import Testing
import Wire

/// A shadow's decisions, without a socket.
@Suite struct ShadowTests {
    private static let get = Array("GET / HTTP/1.1\r\n\r\n".utf8)
    private static func reply(_ count: Int) -> [UInt8] {
        Array("HTTP/1.1 200 OK\r\nContent-Length: \(count)\r\n\r\n".utf8) + [UInt8](repeating: 0x78, count: count)
    }

    private func http(limit: Int = 1_000) -> Shadow {
        var setting = Shadow.Setting(.http, logIn: nil)
        setting.limit = limit
        return Shadow(setting)
    }

    private func ask(_ shadow: inout Shadow, at milliseconds: Int64 = 0) -> Shadow.Number {
        shadow.forward(.message(Self.get, .once), at: Recorded.at(milliseconds)) ?? -1
    }

    @Test func questionsKeepTheirOrderAndTheirAnswers() {
        var shadow = http()
        let numbers = [ask(&shadow), ask(&shadow), ask(&shadow)]
        #expect(shadow.takeActions() == [.open])
        shadow.connected(at: Recorded.at(1))
        // One after the other, as servers are not all fit for more.
        #expect(shadow.takeActions() == [.send(Self.get)])
        shadow.settle(numbers[0], told: [])
        shadow.received(Self.reply(1).span, at: Recorded.at(2))
        #expect(shadow.takeActions() == [.send(Self.get)])
        #expect(shadow.answer(to: numbers[1]) == .underWay)
        shadow.received(Self.reply(2).span, at: Recorded.at(3))
        #expect(shadow.answer(to: numbers[1]) == .here(ShadowReply(Self.reply(2))))
        shadow.settle(numbers[1], told: [])
        #expect(!shadow.isDone)
        shadow.received(Self.reply(3).span, at: Recorded.at(4))
        #expect(shadow.answer(to: numbers[2]) == .here(ShadowReply(Self.reply(3))) && shadow.isDone)
    }

    /// A clone that asks faster than a server that lags.
    @Test func whatWaitsIsBounded() {
        var shadow = http()
        var last = 0
        for _ in 0..<100 { last = shadow.forward(.message(Self.get, .once), at: Recorded.at(0)) ?? last }
        #expect(shadow.isDone && shadow.answer(to: last) == .never)
        #expect(shadow.takeActions().last == .close)
        #expect(shadow.forward(.message(Self.get, .once), at: Recorded.at(1)) == nil && shadow.takeActions().isEmpty)
    }

    /// Replies that nobody has asked for yet.
    @Test func whatIsKeptIsBounded() {
        var shadow = http()
        let numbers = [ask(&shadow), ask(&shadow)]
        shadow.connected(at: Recorded.at(0))
        shadow.received(Self.reply(600).span, at: Recorded.at(1))
        #expect(shadow.answer(to: numbers[0]) != .underWay && !shadow.isDone)
        shadow.received(Self.reply(600).span, at: Recorded.at(2))
        #expect(shadow.isDone && shadow.takeActions().last == .close)
        // What came is there.
        #expect(shadow.answer(to: numbers[0]) == .here(ShadowReply(Self.reply(600))))
        // Those that are thrown away need no room.
        var other = http()
        for count in 0..<10 {
            let number = ask(&other)
            other.connected(at: Recorded.at(0))
            other.settle(number, told: [])
            other.received(Self.reply(600).span, at: Recorded.at(Int64(count)))
        }
        #expect(other.answer(to: ask(&other)) == .underWay)
    }

    @Test func aServerIsTriedUntilItsTimeIsOver() {
        var shadow = http()
        let number = ask(&shadow)
        #expect(shadow.takeActions() == [.open])
        var now = Recorded.at(0)
        var tries = 1
        while shadow.answer(to: number) == .underWay, tries < 1_000 {
            shadow.ended(at: now)
            guard let next = shadow.nextDue else { break }
            now = next
            shadow.resumed(at: now)
            #expect(shadow.takeActions() == [.open])
            tries += 1
        }
        #expect(shadow.answer(to: number) == .never && now >= Recorded.at(30_000) && tries > 50)
    }

    /// The short form of fuzzing what servers say, seeded: spoilt answers.
    @Test(arguments: [ApplicationProtocol.http, .postgresql, .mysql, .redis])
    func whatAServerSaysNeverBreaksAShadow(_ name: ApplicationProtocol) throws {
        let message = { (type: Character, body: [UInt8]) in PostgreSQLMessage(type, body).bytes }
        let words: [[UInt8]] =
            switch name {
            case .postgresql:
                [
                    message("1", []), message("t", [0, 0]), message("T", [0, 0]), message("n", []),
                    message("G", [0, 0, 0]),
                    message("C", [0]), message("E", [0]), message("Z", [0x49]), message("N", [0]),
                    message("D", [0, 0]),
                ]
            case .mysql:
                [
                    [7, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0], [1, 0, 0, 1, 1], [5, 0, 0, 2, 0xfe, 0, 0, 2, 0],
                    [3, 0, 0, 1, 0xff, 1, 0],
                ]
            case .redis:
                ["+OK\r\n", "$2\r\nab\r\n", "*2\r\n:1\r\n$-1\r\n", ">1\r\n+x\r\n", "-ERR\r\n"].map { Array($0.utf8) }
            case .http, .tcp:
                [
                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", "HTTP/1.1 100 Continue\r\n\r\n", "0\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", "HTTP/1.0 200 OK\r\n\r\nrest",
                    "HTTP/1.1 101 Switching\r\nConnection: close\r\n\r\n",
                ].map { Array($0.utf8) }
            }
        let target = try #require(FuzzTarget.named("shadow-" + name.rawValue))
        var random = SeededGenerator(11)
        for round in 0..<500 {
            var input: [UInt8] = [UInt8.random(in: 0...20, using: &random)]
            for _ in 0..<Int.random(in: 1...5, using: &random) { input += words.randomElement(using: &random) ?? [] }
            for _ in 0..<Int.random(in: 0...2, using: &random) {
                input[Int.random(in: 1..<input.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            do throws(BrokenInvariant) {
                try target.run(input)
            } catch {
                Issue.record("\(name), round \(round): \(error)")
                return
            }
        }
    }

    /// What a server says that is not its protocol is no answer, and none comes behind it.
    @Test(arguments: [ApplicationProtocol.http, .postgresql, .redis])
    func anotherProtocolIsNoAnswer(_ name: ApplicationProtocol) {
        var shadow = Shadow(Shadow.Setting(name, logIn: nil))
        let asked: [UInt8] =
            switch name {
            case .postgresql: PostgreSQLMessage("Q", Array("SELECT 1".utf8) + [0]).bytes
            case .redis: Array("GET a\r\n".utf8)
            default: Self.get
            }
        let number = shadow.forward(.message(asked, .once), at: Recorded.at(0)) ?? -1
        shadow.connected(at: Recorded.at(1))
        shadow.received(Array("220 mail.example ESMTP\r\n".utf8).span, at: Recorded.at(2))
        #expect(shadow.answer(to: number) == .never && shadow.takeActions().last == .close)
    }
}
