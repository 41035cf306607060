@testable import Wire

/// Whole connections, packet by packet.
extension MySQLReaderTests {
    private static func client(_ bytes: [UInt8]) -> Conversation.Turn { .init(.client, bytes) }
    private static func server(_ bytes: [UInt8]) -> Conversation.Turn { .init(.server, bytes) }

    private static let old = Text.login()
    private static let new = Text.login(Text.deprecateEOF)
    private static let done = Text.packet(1, Text.ok())
    private static let newEnd = Text.ok(header: 0xfe)
    private static let row = Text.text("x")
    private static let twoRows = [row, [0xfb]]
    private static let oldResult = Text.packets([[1], Text.column, Text.eof()] + twoRows + [Text.eof()])
    private static let newResult = Text.packets([[1], Text.column] + twoRows + [newEnd])
    private static let failed = Text.packet(1, Text.error(1064))
    private static func call(_ command: [UInt8], _ answer: [UInt8]) -> [Conversation.Turn] {
        [client(command), server(answer)]
    }
    private static func ask(_ sql: String, _ answer: [UInt8]) -> [Conversation.Turn] { call(Text.query(sql), answer) }

    static let cases = results + prepares + commands + logins + losses

    static let results = [
        Case("OK", old + ask("A", done), [Said("A", done)]),
        Case("rows between EOFs", old + ask("A", oldResult), [Said("A", oldResult)]),
        Case("rows before an OK", new + ask("A", newResult), [Said("A", newResult)]),
        Case(
            "no rows", old + ask("A", Text.packets([[1], Text.column, Text.eof(), Text.eof()])) + ask("B", done),
            [Said("A", Text.packets([[1], Text.column, Text.eof(), Text.eof()])), Said("B", done)]),
        Case(
            "no rows before an OK", new + ask("A", Text.packets([[1], Text.column, newEnd])) + ask("B", done),
            [Said("A", Text.packets([[1], Text.column, newEnd])), Said("B", done)]),
        Case("an error", old + ask("A", failed) + ask("B", done), [Said("A", failed, status: 1064), Said("B", done)]),
        Case(
            "an error among rows", old + ask("A", Text.packets([[1], Text.column, Text.eof(), row, Text.error(1317)])),
            [Said("A", Text.packets([[1], Text.column, Text.eof(), row, Text.error(1317)]), status: 1317)]),
        Case(
            "several results in one answer", old + ask("A", several) + ask("B", done),
            [Said("A", several), Said("B", done)]),
        Case(
            "several results, the last an error", new + ask("A", severalFailed) + ask("B", done),
            [Said("A", severalFailed, status: 1051), Said("B", done)]),
        Case(
            "many packets: the number begins anew", new + ask("A", many) + ask("B", done),
            [Said("A", many), Said("B", done)]),
        Case(
            "commands that are out at once",
            new + [client(Text.query("A") + Text.query("B") + Text.command(.ping)), server(newResult + failed + done)],
            [Said("A", newResult), Said("B", failed, status: 1064), Said("PING", done)]),
        Case(
            "LOAD DATA LOCAL",
            old + [
                client(Text.query("LOAD")), server(file), client(Text.packets(from: 2, [[1, 2, 3], [4], []])),
                server(Text.packet(5, Text.ok())),
            ] + ask("B", done), [Said("LOAD", file + done), Said("B", done)]),
        Case(
            "a file of so many packets that a number is 0 again",
            old + [
                client(Text.query("LOAD")), server(file),
                client(Text.packets(from: 2, Array(repeating: [7], count: 300) + [[]])),
                server(Text.packet(47, Text.ok())),
            ] + ask("B", done), [Said("LOAD", file + done), Said("B", done)]),
        Case(
            "a file that the client refuses",
            old + [
                client(Text.query("LOAD")), server(file), client(Text.packet(2, [])),
                server(Text.packet(3, Text.error(2068))),
            ]
                + ask("B", done), [Said("LOAD", file + failed, status: 2068), Said("B", done)]),
        Case(
            "a file that the server refuses before it ends",
            old + [
                client(Text.query("LOAD")), server(file), client(Text.packet(2, [1])),
                server(Text.packet(3, Text.error(1062))), client(Text.packets(from: 3, [[1], []])),
            ] + ask("B", done), [Said("LOAD", file + failed, status: 1062), Said("B", done)]),
        Case("attributes: none", Text.login(Text.queryAttributes) + call(noAttributes, done), [Said("A", done)]),
        Case("attributes", Text.login(Text.queryAttributes) + call(attributes, done), [Said("A", done)]),
        Case(
            "definitions that are left out (MySQL)", new + ask("A", Text.packets([[0, 1], row, newEnd])),
            [Said("A", Text.packets([[0, 1], row, newEnd]))]),
        Case(
            "definitions that are left out (MariaDB)",
            old + ask("A", Text.packets([[2, 0], Text.eof(), row, Text.eof()])),
            [Said("A", Text.packets([[2, 0], Text.eof(), row, Text.eof()]))]),
        Case(
            "a report of progress", old + ask("A", Text.packets([[0xff, 0xff, 0xff, 1, 1, 2], Text.ok()])),
            [Said("A", Text.packets([[0xff, 0xff, 0xff, 1, 1, 2], Text.ok()]))]),
        Case(
            "what nobody asked for",
            old + ask("A", done) + [server(Text.packet(0, Text.error(4031)))], [Said("A", done)]),
    ]

    private static let several = Text.packets([
        [1], Text.column, Text.eof(10), row, Text.eof(10), Text.ok(10), [1], Text.column, Text.eof(), Text.eof(),
    ])
    private static let severalFailed = Text.packets([
        [1], Text.column, row, Text.ok(10, header: 0xfe), Text.ok(8), Text.error(1051),
    ])
    private static let many = Text.packets([[1], Text.column] + Array(repeating: row, count: 600) + [newEnd])
    private static let file = Text.packet(1, [0xfb] + Array("a.csv".utf8))
    private static let noAttributes = Text.command(.query, [0, 1, 0x41])
    private static let attributes = Text.command(
        .query,
        [4, 1, 0b0100, 1, 3, 0] + Text.text("id") + [0xfe, 0] + Text.text("trace") + [8, 0] + Text.text("") + [12, 0]
            + Text.text("at") + [1, 2, 3, 4] + Text.text("0af7") + [4, 0xe8, 7, 1, 1] + [0x41])

    static let prepares = [
        Case(
            "prepared and executed",
            old + call(Text.prepare("A ?"), oldPrepared) + call(Text.execute(3, 9), binary)
                + call(Text.execute(3, 9, hasTypes: false), done),
            [Said("PREPARE A ?", oldPrepared), Said("A ?", binary), Said("A ?", done)]),
        Case(
            "prepared without EOFs", new + call(Text.prepare("A ?"), newPrepared) + call(Text.execute(3, 9), done),
            [Said("PREPARE A ?", newPrepared), Said("A ?", done)]),
        Case(
            "no parameters and no columns",
            old + call(Text.prepare("A"), bare) + call(Text.execute(4), done),
            [Said("PREPARE A", bare), Said("A", done)]),
        Case(
            "parameters only",
            old
                + call(
                    Text.prepare("A ?"),
                    Text.packets([Text.prepared(4, columns: 0, parameters: 1), Text.column, Text.eof()]))
                + call(Text.execute(4, 1), done),
            [
                Said(
                    "PREPARE A ?", Text.packets([Text.prepared(4, columns: 0, parameters: 1), Text.column, Text.eof()])),
                Said("A ?", done),
            ]),
        Case(
            "a statement that cannot be prepared",
            old + call(Text.prepare("A"), failed) + call(Text.execute(4), failed),
            [Said("PREPARE A", failed, status: 1064), Said("EXECUTE", failed, status: 1064)]),
        Case(
            "values in pieces, and a statement that is closed with the next command",
            old + call(Text.prepare("A ?"), oldPrepared)
                + call(Text.statement(.sendLongData, 3, [0, 0, 1, 2]) + Text.execute(3, 9), done)
                + call(Text.statement(.closeStatement, 3) + Text.execute(3, 9), failed),
            [Said("PREPARE A ?", oldPrepared), Said("A ?", done), Said("EXECUTE", failed, status: 1064)]),
        Case(
            "a cursor",
            old + call(Text.execute(3, 9), cursor) + call(fetch, fetched)
                + call(Text.statement(.resetStatement, 3), done),
            [Said("EXECUTE", cursor), Said("STMT_FETCH", fetched), Said("STMT_RESET", done)]),
        Case(
            "a cursor without EOFs", new + call(Text.execute(3, 9), newCursor) + call(fetch, newFetched),
            [Said("EXECUTE", newCursor), Said("STMT_FETCH", newFetched)]),
        Case(
            "prepared and executed at once (MariaDB)",
            new + [client(Text.prepare("A ?") + Text.execute(.max, 1)), server(newPrepared + done)],
            [Said("PREPARE A ?", newPrepared), Said("A ?", done)]),
    ]

    private static let oldPrepared = Text.packets([
        Text.prepared(3, columns: 2, parameters: 1), Text.column, Text.eof(), Text.column, Text.column, Text.eof(),
    ])
    private static let newPrepared = Text.packets([
        Text.prepared(3, columns: 2, parameters: 1), Text.column, Text.column, Text.column,
    ])
    private static let bare = Text.packet(1, Text.prepared(4, columns: 0, parameters: 0))
    private static let binary = Text.packets([
        [2], Text.column, Text.column, Text.eof(), Text.binaryRow, Text.binaryRow, Text.eof(),
    ])
    private static let cursor = Text.packets([[1], Text.column, Text.eof(0x42)])
    private static let newCursor = Text.packets([[1], Text.column, Text.ok(0x42, header: 0xfe)])
    private static let fetch = Text.statement(.fetch, 3, [5, 0, 0, 0])
    private static let fetched = Text.packets([Text.binaryRow, Text.eof(0x82)])
    private static let newFetched = Text.packets([Text.binaryRow, Text.ok(0x82, header: 0xfe)])

    static let commands = [
        Case(
            "commands of one packet",
            old + call(Text.command(.ping), done) + call(Text.command(.initDatabase, Array("shop".utf8)), failed)
                + call(Text.command(.setOption, [0, 0]), Text.packet(1, Text.eof()))
                + call(Text.command(.statistics), uptime) + call(Text.command(.resetConnection), done),
            [
                Said("PING", done), Said("INIT_DB", failed, status: 1064),
                Said("SET_OPTION", Text.packet(1, Text.eof())),
                Said("STATISTICS", uptime), Said("RESET_CONNECTION", done),
            ]),
        Case(
            "FIELD_LIST", old + call(Text.command(.fieldList, [0x74, 0]), fields) + ask("A", done),
            [Said("FIELD_LIST", fields), Said("A", done)]),
        Case("QUIT", old + ask("A", done) + [client(Text.command(.quit))], [Said("A", done)]),
        Case(
            "CHANGE_USER",
            old + [
                client(Text.command(.changeUser, Array("b".utf8) + [0, 0])),
                server(Text.packet(1, [0xfe] + Array("caching_sha2_password".utf8) + [0])),
                client(Text.packet(2, [1, 2])),
                server(Text.packet(3, [1, 3])), server(Text.packet(4, Text.ok())),
            ] + ask("A", done), [Said("CHANGE_USER", switched + [1, 3, 0, 0, 0, 0] + done), Said("A", done)]),
        Case(
            "CHANGE_USER that fails",
            old + call(Text.command(.changeUser, Array("b".utf8) + [0, 0]), Text.packet(1, Text.error(1045))),
            [Said("CHANGE_USER", Text.packet(1, Text.error(1045)), status: 1045)]),
        Case(
            "a stream of changes is not followed",
            old + ask("A", done) + call(Text.command(.binlogDump, [4, 0, 0, 0]), Text.packets([[0, 1, 2], [0, 1]])),
            [Said("A", done)], losses: [.tooLarge]),
    ]

    private static let uptime = Text.packet(1, Array("Uptime: 5".utf8))
    private static let fields = Text.packets([Text.column, Text.column, Text.eof()])
    private static let switched = Text.packet(1, [0xfe] + Array("caching_sha2_password".utf8) + [0])

    static let logins = [
        Case("a host that may not connect", [server(Text.packet(0, Text.error(1130)))]),
        Case(
            "a login that fails",
            [server(Text.greeting()), client(Text.response(Text.protocol41)), server(Text.packet(2, Text.error(1045)))]),
        Case(
            "another plugin, more data",
            [
                server(Text.greeting()), client(Text.response(Text.protocol41)),
                server(Text.packet(2, [0xfe] + Array("caching_sha2_password".utf8) + [0])), client(Text.packet(3, [5])),
                server(Text.packets(from: 4, [[1, 4]])), client(Text.packet(5, [2])),
                server(Text.packet(6, [1, 0x2d])),
                client(Text.packet(7, [9])), server(Text.packet(8, Text.ok())),
            ] + ask("A", done), [Said("A", done)]),
        Case(
            "TLS",
            [
                server(Text.greeting()),
                client(Text.packet(1, Text.little(0xa00, 4) + [UInt8](repeating: 0, count: 28))),
                client([0x16, 3, 1, 0, 2, 1, 0]), server([0x16, 3, 1, 0, 2, 1, 0]),
            ], losses: [.encrypted]),
        Case(
            "compression", Text.login(1 << 5) + [client([3, 0, 0, 0, 0, 0, 0] + [1, 2, 3])], losses: [.encrypted]),
        Case(
            "compression that the server cannot",
            [server(Text.greeting(0xffff_ffdf & ~(1 << 26)))] + Text.login(1 << 5).dropFirst() + ask("A", done),
            [Said("A", done)]),
        Case(
            "a client from before 4.1", [server(Text.greeting()), client(Text.packet(1, [5, 0, 0, 0, 0, 0x61, 0]))],
            losses: [.malformed]),
    ]

    static let losses = [
        Case("an answer that is cut off", old + ask("A", Array(oldResult.dropLast(3))), losses: [.cutOff]),
        Case("a command that is cut off", old + [client(Array(Text.query("ABC").dropLast()))], losses: [.cutOff]),
        Case(
            "a file that is cut off", old + [client(Text.query("LOAD")), server(file), client([9, 0, 0, 2, 1])],
            losses: [.cutOff]),
        Case("not MySQL", [client(Array("GET / HTTP/1.1\r\n\r\n".utf8))], losses: [.malformed]),
        Case("no such command", old + [client(Text.packet(0, [0x77]))], losses: [.malformed]),
        Case(
            "an answer of another number", old + ask("A", Text.packet(3, Text.ok())) + ask("B", done),
            [Said("B", done)],
            losses: [.malformed]),
        Case(
            "from the middle: EOFs or none are told by what comes",
            ask("A", oldResult) + call(Text.prepare("B"), oldPrepared) + call(Text.execute(3, 9), binary),
            [Said("A", oldResult), Said("PREPARE B", oldPrepared), Said("B", binary)], fromStart: false),
        Case(
            "from the middle, without EOFs",
            ask("A", newResult) + call(Text.prepare("B"), newPrepared) + call(Text.execute(3, 9), newCursor),
            [Said("A", newResult), Said("PREPARE B", newPrepared), Said("B", newCursor)], fromStart: false),
        Case(
            "from the middle: the EOF behind the only definition is nobody's",
            call(
                Text.prepare("B ?"),
                Text.packets([Text.prepared(4, columns: 0, parameters: 1), Text.column, Text.eof()]))
                + call(Text.execute(4, 1), done),
            [
                Said("PREPARE B ?", Text.packets([Text.prepared(4, columns: 0, parameters: 1), Text.column])),
                Said("B ?", done),
            ], fromStart: false),
        Case(
            "from the middle: attributes", call(noAttributes, done) + call(attributes, done),
            [Said("A", done), Said("A", done)], fromStart: false),
        Case(
            "from the middle: a statement from before has no text", call(Text.execute(3, 9), done) + ask("A", done),
            [Said("EXECUTE", done), Said("A", done)], fromStart: false),
        Case(
            "from the middle of a command",
            [client(Array(Text.query("ABC").dropFirst(2)))] + [server(done)] + ask("B", done),
            [Said("B", done)], fromStart: false),
        Case(
            "a missing command", old + ask("A", done) + ask("B", failed), [Said("B", failed, status: 1064)],
            losses: [.gap], missing: 3),
        Case("a missing answer", old + ask("A", done) + ask("B", done), [Said("B", done)], losses: [.gap], missing: 4),
        Case("a missing greeting", old + ask("A", oldResult), [Said("A", oldResult)], losses: [.gap], missing: 0),
        Case(
            "a missing answer of several commands at once",
            old + [client(Text.query("A") + Text.query("B")), server(done + done)] + ask("C", done) + ask("D", done),
            losses: [.gap, .gap, .gap, .gap], missing: 4),
    ]
}
