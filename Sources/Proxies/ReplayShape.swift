import Model
import Wire

/// Which load is made of a trace.
package struct ReplayShape: Sendable {
    /// How many times as fast as recorded.
    package var speed = 1.0
    /// How many times as many sessions as recorded.
    package var scale = 1.0
    /// The first rule that a request of a session matches weighs the session.
    package var mix: [MixRule] = []
    package var sessions = SessionNaming.connection
    /// How much later than its original a copy of a session may start, in trace time.
    package var spread = Duration.seconds(5)
    /// Chooses which sessions are copied or left out, and the copies' starts: the same seed chooses the same.
    package var seed: UInt64 = 1

    package init() {}
}

/// Weighs the sessions in which a request matches: `GET /search*` with factor 2 doubles them, 0 leaves them out.
package struct MixRule: Sendable, Hashable {
    /// `*` stands for any characters of the request's label, such as `GET /items/7` or a statement's text.
    package let pattern: String
    package let factor: Double

    package init(pattern: String, factor: Double) {
        self.pattern = pattern
        self.factor = factor
    }

    package func matches(_ label: String) -> Bool {
        let parts = pattern.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false)
        var rest = label.utf8[...]
        guard let first = parts.first, rest.starts(with: first) else { return false }
        rest = rest.dropFirst(first.count)
        guard parts.count > 1, let last = parts.last else { return rest.isEmpty }
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let found = Self.find(Array(part), in: rest) else { return false }
            rest = rest[found...]
        }
        return rest.count >= last.count && rest.suffix(last.count).elementsEqual(last)
    }

    /// Behind the first place where `part` stands.
    private static func find(_ part: [UInt8], in text: Substring.UTF8View) -> Substring.UTF8View.Index? {
        var rest = text
        while rest.count >= part.count {
            if rest.starts(with: part) { return rest.index(rest.startIndex, offsetBy: part.count) }
            rest = rest.dropFirst()
        }
        return nil
    }
}

/// What makes requests those of one session.
package enum SessionNaming: Sendable, Hashable {
    case connection
    /// The value of a cookie; requests without it belong to their connection. For tiers whose callers keep connections
    /// that all their visitors share.
    case cookie(String)

    /// Equal for the requests of one session; never the cookie itself, which is a secret.
    func name(_ request: Request?, on connection: ConnectionID) -> UInt64 {
        var key = MatchingKey()
        if case .cookie(let name) = self, let value = request.flatMap({ HTTPCookies.value(of: name, in: $0.bytes) }) {
            key.add(1)
            key.add(value.span)
        } else {
            for shift in stride(from: 0, to: 64, by: 8) { key.add(UInt8(truncatingIfNeeded: connection >> shift)) }
        }
        return key.value
    }
}

enum HTTPCookies {
    /// The value of a cookie in the head of a request.
    static func value(of name: String, in request: [UInt8]) -> [UInt8]? {
        for line in request.prefix(1 << 16).split(separator: 0x0a, omittingEmptySubsequences: false).dropFirst() {
            if line.isEmpty || line.elementsEqual([0x0d]) { return nil }
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")),
                String(decoding: line[..<colon], as: UTF8.self).lowercased() == "cookie"
            else { continue }
            for pair in line[line.index(after: colon)...].split(separator: UInt8(ascii: ";")) {
                let text = pair.drop { $0 == 0x20 }.prefix { $0 != 0x0d }
                if text.starts(with: Array(name.utf8) + [0x3d]) { return Array(text.dropFirst(name.utf8.count + 1)) }
            }
        }
        return nil
    }
}
