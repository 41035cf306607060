import Model

/// Applies rules to the exchanges of one trace. Pure but for the salt of the keys: see `salted`.
///
/// What cannot be read in its protocol is filled whole: what is not understood is not let through.
package struct Redaction: Sendable {
    package let rules: RedactionRules
    private let http: HTTPRedaction

    package init(_ rules: RedactionRules) {
        self.rules = rules
        http = HTTPRedaction(rules)
    }

    /// Nil for a packet: it holds everything, so a redacted trace keeps none.
    package func apply(to record: TraceRecord) -> TraceRecord? {
        switch record {
        case .exchange(let id, let exchange): .exchange(id, apply(to: exchange))
        case .packet: nil
        case .connection, .lost, .closed, .drops: record
        }
    }

    package func apply(to exchange: Exchange) -> Exchange {
        var result = exchange
        result.detail = .none
        var request = Filler(exchange.request.bytes)
        var reply = Filler(exchange.reply.bytes)
        var label = Filler(Array(exchange.request.label.utf8))
        switch exchange.protocolName {
        case .http:
            http.redact(&request, isRequest: true)
            http.redact(&reply, isRequest: false)
            http.redactLabel(&label)
        case .postgresql:
            PostgreSQLRedaction(rules).redact(request: &request, reply: &reply)
            if rules.sqlLiterals == .drop { SQLRedaction.postgresql.redact(&label, 0..<label.count) }
        case .mysql:
            MySQLRedaction(rules).redact(request: &request, reply: &reply)
            if rules.sqlLiterals == .drop { SQLRedaction.mysql.redact(&label, 0..<label.count) }
        case .redis:
            RedisRedaction(rules).redact(request: &request, reply: &reply, label: &label)
        case .tcp:
            if rules.bodies == .drop {
                request.fillAll()
                reply.fillAll()
                label.fillAll()
            }
        }
        result.request.bytes = request.bytes
        result.reply.bytes = reply.bytes
        result.request.label = String(decoding: label.bytes, as: UTF8.self)
        if needsOtherKey(exchange, result) { result.request.key = Self.salted(exchange.request.key) }
        return result
    }

    /// The key is a hash of the question as it was: who guesses the question could confirm it.
    private func needsOtherKey(_ before: Exchange, _ after: Exchange) -> Bool {
        if before.request.label.isEmpty { return true }
        if before.protocolName == .http { return before.request.label != after.request.label }
        return before.request.bytes != after.request.bytes || before.request.label != after.request.label
    }

    /// Equal questions keep equal keys within one run; Swift's hashing (SipHash) has a secret of the process, so that
    /// nobody can compute the new key from a guess. Keys of a redacted trace are compared with no other's.
    private static func salted(_ key: UInt64) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(key)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }
}

/// Bytes of which parts are replaced by others of the same length.
struct Filler: Sendable {
    private(set) var bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var count: Int { bytes.count }

    subscript(_ index: Int) -> UInt8 { bytes[index] }

    mutating func fill(_ range: Range<Int>, with byte: UInt8 = 0x78 /* x */) {
        for index in range.clamped(to: 0..<bytes.count) { bytes[index] = byte }
    }

    mutating func fillAll() { fill(0..<bytes.count) }

    /// Digits become 0 where the whole is a number, so that it stays one.
    mutating func fillValue(_ range: Range<Int>) {
        let range = range.clamped(to: 0..<bytes.count)
        let isNumber = !range.isEmpty && range.allSatisfy { bytes[$0].isDigit || "+-.eE".utf8.contains(bytes[$0]) }
        for index in range where !isNumber || bytes[index].isDigit { bytes[index] = isNumber ? 0x30 : 0x78 }
    }

    /// Where `byte` stands at or behind `start`, before `end`.
    func firstIndex(of byte: UInt8, from start: Int, to end: Int) -> Int? {
        guard start < end, let found = bytes.span.firstIndex(of: byte, from: start), found < end else { return nil }
        return found
    }

    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range.clamped(to: 0..<count)], as: UTF8.self) }

    func big32(_ offset: Int) -> Int { Int(bytes.span.big32(offset)) }
    func big16(_ offset: Int) -> Int { Int(bytes.span.big16(offset)) }
}

extension UInt8 {
    var isDigit: Bool { self >= 0x30 && self <= 0x39 }
    var isLetter: Bool { self | 0x20 >= 0x61 && self | 0x20 <= 0x7a }
    var isBlank: Bool { self == 0x20 || self == 0x09 || self == 0x0d || self == 0x0a }
}
