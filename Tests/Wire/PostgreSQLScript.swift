import TestSupport
@testable import Wire

/// Messages of both directions by their names in the protocol (PostgreSQL documentation, 55.7).
enum PostgreSQLText {
    static func string(_ text: String) -> [UInt8] { Array(text.utf8) + [0] }

    static func startup(_ code: UInt32 = 196_608) -> [UInt8] {
        let body = code == 196_608 ? string("user") + string("tier") + [0] : []
        return PostgreSQLMessage(type: 0, body: big32(code) + body).bytes
    }
    static let sslRequest = startup(80_877_103)

    static func query(_ sql: String) -> PostgreSQLMessage { .init("Q", string(sql)) }
    static func parse(_ name: String, _ sql: String) -> PostgreSQLMessage {
        .init("P", string(name) + string(sql) + big16(0))
    }
    static func bind(
        _ portal: String, _ name: String, _ values: [[UInt8]?] = [], formats: [UInt16] = [], results: [UInt16] = []
    ) -> PostgreSQLMessage {
        var body = string(portal) + string(name) + big16(UInt16(formats.count)) + formats.flatMap(big16)
        body += big16(UInt16(values.count))
        for value in values { body += value.map { big32(UInt32($0.count)) + $0 } ?? big32(.max) }
        return .init("B", body + big16(UInt16(results.count)) + results.flatMap(big16))
    }
    static func describe(_ kind: Character, _ name: String) -> PostgreSQLMessage {
        .init("D", [kind.asciiValue ?? 0] + string(name))
    }
    static func execute(_ portal: String, limit: UInt32 = 0) -> PostgreSQLMessage {
        .init("E", string(portal) + big32(limit))
    }
    static func close(_ kind: Character, _ name: String) -> PostgreSQLMessage {
        .init("C", [kind.asciiValue ?? 0] + string(name))
    }
    static let sync = PostgreSQLMessage("S")

    static let authenticated = PostgreSQLMessage("R", [0, 0, 0, 0])
    static let columns = PostgreSQLMessage("T", big16(1) + string("c") + [UInt8](repeating: 0, count: 18))
    static func row(_ text: String) -> PostgreSQLMessage {
        .init("D", big16(1) + big32(UInt32(text.utf8.count)) + Array(text.utf8))
    }
    static func complete(_ tag: String) -> PostgreSQLMessage { .init("C", string(tag)) }
    static let failed = PostgreSQLMessage("E", string("SERROR") + string("C42601") + [0])
    static func ready(_ status: Character = "I") -> PostgreSQLMessage { .init("Z", [status.asciiValue ?? 0]) }
}

extension [PostgreSQLMessage] {
    var bytes: [UInt8] { flatMap(\.bytes) }
}

/// Random PostgreSQL conversations whose rounds are known beforehand.
struct PostgreSQLScript {
    private(set) var turns: [Conversation.Turn] = []
    private(set) var rounds: [PlainRound] = []
    /// For each turn, the rounds it carries a part of.
    private(set) var numbers: [Range<Int>] = []
    private var prepared: [(name: String, sql: String)] = []

    /// `pipelined` is how many rounds a client may send at once.
    init(rounds count: Int, pipelined: Int, _ random: inout SeededGenerator) {
        typealias Text = PostgreSQLText
        if random.once(in: 2) { turns += [.init(.client, Text.sslRequest), .init(.server, [0x4e])] }
        let settings = PostgreSQLMessage("S", Text.string("DateStyle") + Text.string("ISO"))
        turns += [
            .init(.client, Text.startup()),
            .init(.server, [Text.authenticated, settings, Text.ready()].bytes),
        ]
        numbers = turns.map { _ in 0..<0 }
        while rounds.count < count {
            let first = rounds.count
            let burst = min(count - first, Int.random(in: 1...pipelined, using: &random))
            var asked: [UInt8] = []
            var answered: [UInt8] = []
            for _ in 0..<burst {
                let (request, answer) = random.once(in: 2) ? simple(&random) : extended(&random)
                asked += request.bytes
                // What belongs to no round may come before any of them.
                if random.once(in: 5) { answered += settings.bytes }
                answered += answer.bytes
            }
            turns += [.init(.client, asked), .init(.server, answered)]
            numbers += [first..<rounds.count, first..<rounds.count]
        }
    }

    private mutating func simple(
        _ random: inout SeededGenerator
    ) -> (request: [PostgreSQLMessage], answer: [PostgreSQLMessage]) {
        let sql = "SELECT \(rounds.count); \(filler(&random))"
        var answer: [PostgreSQLMessage] = []
        var outcomes: [PostgreSQLOutcome] = []
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let (messages, outcome) = outcome(describes: true, &random)
            answer += messages
            outcomes.append(outcome)
            if outcome.isError { break }
        }
        rounds.append(PlainRound(calls: [PostgreSQLCall(sql: sql)], outcomes: outcomes, status: 0x49))
        return ([PostgreSQLText.query(sql)], answer + [PostgreSQLText.ready()])
    }

    private mutating func extended(
        _ random: inout SeededGenerator
    ) -> (request: [PostgreSQLMessage], answer: [PostgreSQLMessage]) {
        typealias Text = PostgreSQLText
        var request: [PostgreSQLMessage] = []
        var answer: [PostgreSQLMessage] = []
        var calls: [PostgreSQLCall] = []
        var outcomes: [PostgreSQLOutcome] = []
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            var (name, sql) = prepared.randomElement(using: &random) ?? ("", "")
            if name.isEmpty || random.once(in: 2) {
                name = random.once(in: 2) ? "" : "statement\(rounds.count)_\(calls.count)"
                sql = "SELECT $1 -- \(rounds.count) \(filler(&random))"
                request.append(Text.parse(name, sql))
                answer.append(PostgreSQLMessage("1"))
                if !name.isEmpty { prepared.append((name, sql)) }
            }
            let portal = random.once(in: 2) ? "" : "portal"
            let values: [[UInt8]?] = [Array(filler(&random).utf8), nil, []]
            request.append(Text.bind(portal, name, values, formats: [0, 1, 0], results: [1]))
            answer.append(PostgreSQLMessage("2"))
            let describes = random.once(in: 2)
            if describes { request.append(Text.describe("P", portal)) }
            request.append(Text.execute(portal, limit: 7))
            calls.append(
                PostgreSQLCall(sql: sql, values: values, valueFormats: [0, 1, 0], resultFormats: [1], rowLimit: 7))
            // After an error the server skips to Sync, whatever the client sent.
            if outcomes.last?.isError == true { continue }
            let (messages, outcome) = outcome(describes: describes, &random)
            answer += messages
            outcomes.append(outcome)
        }
        if let error = answer.firstIndex(where: { $0.is("E") }) { answer.removeSubrange((error + 1)...) }
        rounds.append(PlainRound(calls: calls, outcomes: outcomes, status: 0x49))
        return (request + [Text.sync], answer + [Text.ready()])
    }

    private func outcome(
        describes: Bool, _ random: inout SeededGenerator
    ) -> ([PostgreSQLMessage], PostgreSQLOutcome) {
        var outcome = PostgreSQLOutcome()
        if describes { outcome.description = PostgreSQLText.columns }
        outcome.rows = (0..<Int.random(in: 0...3, using: &random)).map { _ in PostgreSQLText.row(filler(&random)) }
        let completion = random.once(in: 6) ? PostgreSQLText.failed : PostgreSQLText.complete("SELECT")
        outcome.completion = completion
        return ([outcome.description].compactMap { $0 } + outcome.rows + [completion], outcome)
    }

    private func filler(_ random: inout SeededGenerator) -> String {
        String(repeating: "Q value ", count: Int.random(in: 0...40, using: &random))
    }
}
