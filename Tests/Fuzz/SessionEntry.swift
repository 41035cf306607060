import Proxies

/// A request and two replies of any bytes: what is learned keeps within its bounds, and a request changes only where
/// something was put in.
///
/// The first byte says which kinds the bodies are, then two lengths; the rest is the on-line reply, the clone's and the
/// request.
enum SessionEntry {
    private static let types = ["text/html", "application/json", "application/x-www-form-urlencoded", "text/plain"]

    static func run(_ bytes: [UInt8]) throws(BrokenInvariant) {
        var input = FuzzInput(bytes)
        let choice = input.byte()
        let first = input.take(Int(input.byte()) * 2)
        let second = input.take(Int(input.byte()) * 2)
        let rest = input.rest()
        let type = "Content-Type: " + types[Int(choice & 3)]
        // Raw, or as the body of a message that is whole.
        let isRaw = choice & 4 != 0
        let onLine = isRaw ? first : message("HTTP/1.1 200 OK", type, first)
        let clone = isRaw ? second : message("HTTP/1.1 200 OK", type, second)
        let request = choice & 8 != 0 ? rest : message("POST /items/7?a=b HTTP/1.1", type, rest)

        var limits = SessionMap.Limits()
        limits.values = 16
        limits.sightings = 32
        var map = SessionMap(limits: limits)
        map.note(request: request, reply: onLine, of: 1)
        map.learn(request: request, onLine: onLine, clone: onLine, of: 1)
        try BrokenInvariant.unless(map.valueCount == 0, "something was learned of equal replies")
        try BrokenInvariant.unless(map.rewrite(request, of: 1).bytes == request, "a request changed by nothing")
        map.learn(request: request, onLine: onLine, clone: clone, of: 1)
        try BrokenInvariant.unless(map.valueCount <= 16, "more was learned than there is room for")
        for text in [request, onLine, clone] {
            let sent = map.rewrite(text, of: 1)
            try BrokenInvariant.unless(sent.substitutions > 0 || sent.bytes == text, "a request changed by nothing")
            try BrokenInvariant.unless(
                sent.substitutions == 0 || HTTPMessageView(sent.bytes) != nil, "what is sent is no message")
        }
        try compare(request, onLine, clone, map)
    }

    private static func compare(
        _ request: [UInt8], _ onLine: [UInt8], _ clone: [UInt8], _ map: SessionMap
    ) throws(BrokenInvariant) {
        let verdict = { (noise: ReplyNoise, clone: [UInt8]) in
            ReplyComparison(noise: noise).compare(request: request, onLine: onLine, clone: clone, of: 1, knowing: map)
        }
        try BrokenInvariant.unless(verdict(ReplyNoise(), onLine) == .same, "a reply differs from itself")
        var noise = ReplyNoise()
        noise.learn(request: request, first: onLine, second: clone, of: 1, knowing: map)
        guard HTTPMessageView(request) != nil else { return }
        if case .differs(let differences) = verdict(noise, clone) {
            let isStatus = differences.allSatisfy { if case .status = $0 { true } else { false } }
            try BrokenInvariant.unless(isStatus, "what was learned as noise differs")
        }
    }

    private static func message(_ start: String, _ type: String, _ body: [UInt8]) -> [UInt8] {
        Array("\(start)\r\nCookie: sid=a1b2c3d4e5f6\r\n\(type)\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body
    }
}
