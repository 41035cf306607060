package import Model
package import Wire

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
    func name(_ request: Request, on connection: ConnectionID) -> UInt64 {
        var key = MatchingKey()
        if case .cookie(let name) = self, let value = HTTPCookies.value(of: name, in: request.bytes) {
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

/// What has to be known of a whole trace before its first request can be replayed at its time.
package struct TraceOverview: Sendable {
    /// Exchanges are recorded when their replies end; those whose replies took longer than this are kept here, as they
    /// would be read too late.
    static let horizon = Duration.seconds(2)

    package let server: Endpoint
    package private(set) var protocolName: ApplicationProtocol
    package private(set) var requests = 0
    package private(set) var lost = 0
    /// From the first to the last request.
    package private(set) var first = Timestamp.distantFuture
    package private(set) var last = Timestamp.distantPast
    private(set) var stragglers: [(connection: ConnectionID, exchange: Exchange)] = []
    /// The rule that weighs a session, by the session's name.
    private(set) var rules: [UInt64: Int] = [:]
    private let shape: ReplayShape

    package init(of server: Endpoint, _ protocolName: ApplicationProtocol, _ shape: ReplayShape) {
        self.server = server
        self.protocolName = protocolName
        self.shape = shape
    }

    package var length: Duration { requests == 0 ? .zero : last - first }

    static func isStraggler(_ exchange: Exchange) -> Bool {
        exchange.reply.passage.lastByte - exchange.request.passage.lastByte > horizon
    }

    package mutating func take(_ record: TraceRecord, on connection: TraceConnection?) {
        guard connection?.server == server else { return }
        switch record {
        case .exchange(let id, let exchange):
            requests += 1
            first = min(first, exchange.request.passage.lastByte)
            last = max(last, exchange.request.passage.lastByte)
            if Self.isStraggler(exchange) { stragglers.append((id, exchange)) }
            for (place, rule) in shape.mix.enumerated() where rule.matches(exchange.request.label) {
                let name = shape.sessions.name(exchange.request, on: id)
                rules[name] = min(rules[name] ?? place, place)
                break
            }
        case .lost(_, let count, _, _): lost += count
        case .connection, .closed, .drops, .packet: break
        }
    }
}

/// From a trace's records to what is to be replayed when. Pure: records in, in the order of the file; items out, in the
/// order of their times.
package struct TraceSchedule: Sendable {
    private struct CopyName: Hashable {
        let connection: ConnectionID
        let session: UInt64
        let number: Int
    }

    private let overview: TraceOverview
    private let shape: ReplayShape
    private let start: Timestamp
    private let round: Int
    private var waiting = Schedule<ReplayItem>()
    private var read = Timestamp.distantPast
    private var isComplete = false
    private var lastReply: [ConnectionID: Timestamp] = [:]
    /// Copies that a connection's end has to close.
    private var copies: [ConnectionID: Set<CopyName>] = [:]
    /// Numbers of connections as they are replayed; never reused.
    private var numbers: [CopyName: UInt64] = [:]
    private var lastNumber: UInt64

    /// `start` is when the trace's first request is due; `round` counts repetitions of the trace from 0.
    package init(_ overview: TraceOverview, _ shape: ReplayShape, start: Timestamp, round: Int = 0) {
        self.overview = overview
        self.shape = shape
        self.start = start
        self.round = round
        lastNumber = UInt64(round) << 40
        for straggler in overview.stragglers { add(straggler.exchange, on: straggler.connection) }
    }

    /// When a moment of the trace is replayed.
    private func due(_ time: Timestamp) -> Timestamp {
        start + .nanoseconds(Int64((Double((time - overview.first).nanoseconds) / shape.speed).rounded()))
    }

    package mutating func take(_ record: TraceRecord, on connection: TraceConnection?) {
        guard let connection, connection.server == overview.server else { return }
        read = max(read, record.time)
        switch record {
        case .connection(_, isOpened: true):
            // Only what the sessions are is copied: a connection that opens and says nothing is opened once.
            guard shape.sessions == .connection else { return }
            for number in copyNumbers(of: sessionOfConnection(connection.id)) {
                insert(
                    .open, connection.id, copy(connection.id, sessionOfConnection(connection.id), number),
                    connection.opened)
            }
        case .exchange(let id, let exchange):
            let isPipelined = lastReply[id].map { $0 > exchange.request.passage.lastByte } ?? false
            lastReply[id] = exchange.reply.passage.lastByte
            if !TraceOverview.isStraggler(exchange) { add(exchange, on: id, isPipelined: isPipelined) }
        case .closed(let id, let time):
            lastReply[id] = nil
            for name in copies.removeValue(forKey: id) ?? [] {
                insert(.close, id, name, time)
                numbers[name] = nil
            }
        case .connection, .lost, .drops, .packet: break
        }
    }

    /// All records were given. What is still open is closed behind the last request.
    package mutating func complete() {
        isComplete = true
        for (id, names) in copies { for name in names { insert(.close, id, name, overview.last) } }
        copies = [:]
    }

    package var nextDue: Timestamp? { waiting.nextDue }

    /// The next item, if no record to come can be due before it.
    package mutating func next() -> ReplayItem? {
        let safe = isComplete ? Timestamp.distantFuture : due(read - TraceOverview.horizon)
        return waiting.popFirst(by: safe)
    }

    private func sessionOfConnection(_ id: ConnectionID) -> UInt64 {
        shape.sessions.name(
            Request(number: 0, passage: Passage(firstByte: read, lastByte: read, byteCount: 0), key: 0), on: id)
    }

    /// 0 is the original; a session that is left out has none.
    private func copyNumbers(of session: UInt64) -> Range<Int> {
        let weight = shape.scale * (overview.rules[session].map { shape.mix[$0].factor } ?? 1)
        let whole = weight.rounded(.down)
        return 0..<Int(whole) + (unit(session, 0) < weight - whole ? 1 : 0)
    }

    /// In [0, 1), by the seed: the same session has the same fate wherever its requests stand.
    private func unit(_ session: UInt64, _ number: Int) -> Double {
        var key = MatchingKey()
        for word in [shape.seed, session, UInt64(number)] {
            for shift in stride(from: 0, to: 64, by: 8) { key.add(UInt8(truncatingIfNeeded: word >> shift)) }
        }
        // FNV's last bytes reach its upper bits only when more follows.
        for _ in 0..<4 { key.add(0) }
        return Double(key.value >> 11) * 0x1p-53
    }

    private func copy(_ connection: ConnectionID, _ session: UInt64, _ number: Int) -> CopyName {
        // Sessions of one connection share it, as on-line; copies of them have connections of their own.
        CopyName(connection: connection, session: number == 0 ? 0 : session, number: number)
    }

    private mutating func insert(
        _ kind: ReplayItem.Kind, _ connection: ConnectionID, _ name: CopyName, _ time: Timestamp
    ) {
        let number: UInt64
        if let known = numbers[name] {
            number = known
        } else {
            lastNumber += 1
            number = lastNumber
            numbers[name] = number
            copies[connection, default: []].insert(name)
        }
        let later = name.number == 0 ? 0 : unit(name.session, name.number) * shape.spread.seconds
        let moment = due(time + .nanoseconds(Int64(later * 1e9)))
        let item =
            if case .request(var request) = kind {
                {
                    request.key = RequestKey(connection: number, number: request.key.number)
                    return ReplayItem(connection: number, due: moment, kind: .request(request))
                }()
            } else { ReplayItem(connection: number, due: moment, kind: kind) }
        waiting.insert(item, due: moment)
    }

    private mutating func add(_ exchange: Exchange, on connection: ConnectionID, isPipelined: Bool = false) {
        let session = shape.sessions.name(exchange.request, on: connection)
        for number in copyNumbers(of: session) {
            var request = RecordedRequest(
                RequestKey(connection: connection, number: exchange.request.number), exchange.request.bytes,
                isPipelined: isPipelined)
            request.expected = ExpectedReply(exchange)
            insert(.request(request), connection, copy(connection, session, number), exchange.request.passage.lastByte)
        }
    }
}
