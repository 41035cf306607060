/// Takes values out of MySQL's packets (MySQL internals, client/server protocol); the packets' lengths stay.
struct MySQLRedaction: Sendable {
    private let dropsLiterals: Bool
    private let dropsRows: Bool

    init(_ rules: RedactionRules) {
        dropsLiterals = rules.sqlLiterals == .drop
        dropsRows = rules.bodies == .drop
    }

    func redact(request: inout Filler, reply: inout Filler) {
        if dropsLiterals { packets(&request) { command(&$1, $0) } }
        packets(&reply) { body, filler in
            guard let first = body.first else { return }
            let kind = filler[first]
            // An error quotes values behind its code and the five letters of the state.
            if kind == 0xff {
                if dropsLiterals { filler.fill(body.dropFirst(9)) }
            } else if dropsRows {
                filler.fill(body.dropFirst(1))
            }
        }
    }

    private func packets(_ filler: inout Filler, _ body: (Range<Int>, inout Filler) -> Void) {
        var position = 0
        while position < filler.count {
            let length =
                position + 4 <= filler.count
                ? Int(filler[position]) | Int(filler[position + 1]) << 8 | Int(filler[position + 2]) << 16 : Int.max
            guard length <= filler.count - position - 4 else {
                filler.fill(position..<filler.count)
                return
            }
            body(position + 4..<position + 4 + length, &filler)
            position += 4 + length
        }
    }

    private func command(_ filler: inout Filler, _ body: Range<Int>) {
        guard let first = body.first else { return }
        // A packet that begins nothing goes on with values: a file's rows, or a statement beyond 16 MiB.
        guard filler[first - 1] == 0 else { return filler.fill(body) }
        let rest = first + 1..<body.upperBound
        switch filler[first] {
        case 0x03, 0x16:
            // Attributes stand before the statement when the first byte is their count; no statement begins so.
            if let start = rest.first, filler[start] > 0, filler[start] < 9 { return filler.fill(rest) }
            SQLRedaction.mysql.redact(&filler, rest)
        case 0x17: filler.fill(rest.dropFirst(9), with: 0)
        case 0x18: filler.fill(rest.dropFirst(6))
        case 0x01, 0x02, 0x04, 0x05, 0x07...0x0a, 0x0c...0x0e, 0x19...0x1c, 0x1f: break
        default: filler.fill(rest)
        }
    }
}
