import Model
import Wire

/// Redaction of whatever an exchange may hold: lengths stay, and what was filled once stays filled.
enum RedactionEntry {
    static func run(_ bytes: [UInt8]) throws(BrokenInvariant) {
        var input = FuzzInput(bytes)
        let choices = input.byte()
        let names = ApplicationProtocol.allCases
        let name = names[Int(input.byte()) % names.count]
        let label = String(decoding: input.take(Int(input.byte())), as: UTF8.self)
        let asked = input.take(input.big16() & 0x3ff)
        let answered = input.rest()
        var rules = RedactionRules()
        rules.bodies = choices & 1 == 0 ? .keep : .drop
        rules.sqlLiterals = choices & 2 == 0 ? .drop : .keep
        rules.redisValues = choices & 4 == 0 ? .drop : .keep
        let time = Timestamp(nanoseconds: 0)
        let passage = { (count: Int) in Passage(firstByte: time, lastByte: time, byteCount: count) }
        let exchange = Exchange(
            name, request: Request(number: 0, passage: passage(asked.count), key: 1, label: label, bytes: asked),
            reply: Reply(passage: passage(answered.count), bytes: answered))
        let redaction = Redaction(rules)
        let once = redaction.apply(to: exchange)
        try BrokenInvariant.unless(
            once.request.bytes.count == asked.count && once.reply.bytes.count == answered.count, "a length changed")
        let twice = redaction.apply(to: once)
        try BrokenInvariant.unless(
            twice.request.bytes.count == asked.count && twice.reply.bytes.count == answered.count,
            "a length changed the second time")
    }
}
