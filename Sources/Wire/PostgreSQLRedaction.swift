/// Takes values out of PostgreSQL's messages (PostgreSQL documentation, 55.7); lengths and types stay.
struct PostgreSQLRedaction: Sendable {
    private let dropsLiterals: Bool
    private let dropsRows: Bool

    init(_ rules: RedactionRules) {
        dropsLiterals = rules.sqlLiterals == .drop
        dropsRows = rules.bodies == .drop
    }

    func redact(request: inout Filler, reply: inout Filler) {
        messages(&request) { type, body, filler in
            switch type {
            case "p": filler.fill(body)  // A password, or an answer of SASL.
            case _ where !dropsLiterals: if dropsRows, type == "d" { filler.fill(body) }
            case "Q": statement(&filler, body)
            case "P": parse(&filler, body)
            case "B": bind(&filler, body)
            case "d", "f": filler.fill(body)
            case "F": filler.fill(body.dropFirst(4))
            case "E", "D", "C", "H", "S", "c": break
            default: filler.fill(body)
            }
        }
        messages(&reply) { type, body, filler in
            switch type {
            case "E", "N": if dropsLiterals { fields(&filler, body) }
            case "D": if dropsRows { row(&filler, body) }
            case "d", "V", "A": if dropsRows { filler.fill(body) }
            default: break
            }
        }
    }

    private func messages(_ filler: inout Filler, _ body: (Character, Range<Int>, inout Filler) -> Void) {
        var position = 0
        while position < filler.count {
            guard position + 5 <= filler.count, filler.big32(position + 1) >= 4,
                filler.big32(position + 1) <= filler.count - position - 1
            else {
                filler.fill(position..<filler.count)
                return
            }
            let end = position + 1 + filler.big32(position + 1)
            body(Character(UnicodeScalar(filler[position])), position + 5..<end, &filler)
            position = end
        }
    }

    /// Behind the zero that ends a text; the whole range's end when there is none.
    private func behindText(_ filler: Filler, _ range: Range<Int>) -> Int {
        filler.firstIndex(of: 0, from: range.lowerBound, to: range.upperBound).map { $0 + 1 } ?? range.upperBound
    }

    private func parse(_ filler: inout Filler, _ body: Range<Int>) {
        statement(&filler, behindText(filler, body)..<body.upperBound)
    }

    /// Up to the zero that ends it; what else is there is no statement.
    private func statement(_ filler: inout Filler, _ range: Range<Int>) {
        let end = filler.firstIndex(of: 0, from: range.lowerBound, to: range.upperBound) ?? range.upperBound
        SQLRedaction.postgresql.redact(&filler, range.lowerBound..<end)
    }

    /// Portal, statement, formats, then the values, each with its length.
    private func bind(_ filler: inout Filler, _ body: Range<Int>) {
        var position = behindText(filler, behindText(filler, body)..<body.upperBound)
        guard position + 2 <= body.upperBound else { return filler.fill(position..<body.upperBound) }
        let formatCount = filler.big16(position)
        let formats = position + 2
        position = formats + 2 * formatCount
        guard position + 2 <= body.upperBound else { return filler.fill(formats..<body.upperBound) }
        let count = filler.big16(position)
        position += 2
        for index in 0..<count {
            guard let value = value(filler, &position, body) else { return filler.fill(position..<body.upperBound) }
            // No format is text for all, one is for all.
            let format = formatCount == 0 ? 0 : formatCount == 1 ? 0 : index
            let isBinary = format < formatCount && filler.big16(formats + 2 * format) == 1
            if isBinary { filler.fill(value, with: 0) } else { filler.fillValue(value) }
        }
    }

    private func row(_ filler: inout Filler, _ body: Range<Int>) {
        guard body.count >= 2 else { return filler.fill(body) }
        var position = body.lowerBound + 2
        for _ in 0..<filler.big16(body.lowerBound) {
            guard let value = value(filler, &position, body) else { return filler.fill(position..<body.upperBound) }
            filler.fillValue(value)
        }
    }

    private func value(_ filler: Filler, _ position: inout Int, _ body: Range<Int>) -> Range<Int>? {
        guard position + 4 <= body.upperBound else { return nil }
        let length = filler.big32(position)
        // NULL
        if length == 0xffff_ffff {
            position += 4
            return position..<position
        }
        guard length <= body.upperBound - position - 4 else { return nil }
        defer { position += 4 + length }
        return position + 4..<position + 4 + length
    }

    /// An error quotes values; its severity and code do not, nor do the server's own places.
    private func fields(_ filler: inout Filler, _ body: Range<Int>) {
        var position = body.lowerBound
        while position < body.upperBound, filler[position] != 0 {
            let end = behindText(filler, position + 1..<body.upperBound)
            if !"SVCPFLRp".utf8.contains(filler[position]) { filler.fill(position + 1..<max(position + 1, end - 1)) }
            position = max(end, position + 1)
        }
    }
}
