import FuzzEntries
import Model
import TestSupport
import Testing
import Wire

/// The short form of fuzzing the sessions, seeded: what a clone may send, spoilt.
@Suite struct SessionFuzzTests {
    private static func message(_ type: Character, _ body: [UInt8]) -> [UInt8] { PostgreSQLMessage(type, body).bytes }

    private static let postgresql: [[UInt8]] = [
        message("Q", Array("SELECT 1".utf8) + [0]), message("P", [0x73, 0] + Array("SELECT 2".utf8) + [0, 0, 0]),
        message("B", [0, 0x73, 0, 0, 0, 0, 0, 0, 0]), message("D", [0x53, 0x73, 0]), message("D", [0x50, 0]),
        message("E", [0, 0, 0, 0, 0]), message("S", []), message("H", []), message("c", []), message("X", []),
    ]
    private static let mysql: [[UInt8]] = [
        [9, 0, 0, 0, 3] + Array("SELECT 1".utf8), [9, 0, 0, 0, 22] + Array("SELECT ?".utf8), [1, 0, 0, 0, 14],
        [18, 0, 0, 0, 23, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 0, 7, 0, 0, 0], [5, 0, 0, 0, 25, 1, 0, 0, 0],
        [9, 0, 0, 0, 24, 1, 0, 0, 0, 0, 0, 65, 66], [3, 0, 0, 0, 27, 0, 0], [1, 0, 0, 0, 1],
    ]
    private static let redis: [[UInt8]] = [
        "*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "PING\r\n", "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n", "*1\r\n$5\r\nMULTI\r\n",
        "*1\r\n$4\r\nEXEC\r\n", "*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$4\r\nSKIP\r\n",
    ].map { Array($0.utf8) }
    private static let http: [[UInt8]] = [
        "GET /1 HTTP/1.1\r\n\r\n", "HEAD /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "POST /2 HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab",
        "PUT /3?a=1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    ].map { Array($0.utf8) }

    @Test(arguments: ApplicationProtocol.allCases) func whatAClonesSaysNeverBreaksASession(
        _ name: ApplicationProtocol
    ) throws {
        let words: [[UInt8]] =
            switch name {
            case .postgresql: Self.postgresql
            case .mysql: Self.mysql
            case .redis: Self.redis
            case .http: Self.http
            case .tcp: [Array("ask".utf8), Array("end".utf8), [0]]
            }
        let target = try #require(FuzzTarget.named("answers-" + name.rawValue))
        var random = SeededGenerator(7)
        for round in 0..<300 {
            var input: [UInt8] = [UInt8.random(in: 0...255, using: &random)]
            for _ in 0..<Int.random(in: 1...6, using: &random) { input += words.randomElement(using: &random) ?? [] }
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                let place = Int.random(in: 1..<input.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: input[place] = UInt8.random(in: 0...255, using: &random)
                case 1: input.insert(input[Int.random(in: 1..<input.count, using: &random)], at: place)
                default: if input.count > 2 { input.remove(at: place) }
                }
            }
            do throws(BrokenInvariant) {
                try target.run(input)
            } catch {
                Issue.record("\(name), round \(round): \(error)")
                return
            }
        }
    }
}
