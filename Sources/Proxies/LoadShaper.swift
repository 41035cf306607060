package import Model
package import Wire

/// Makes more or fewer sessions of those that were recorded: which are left out, which are copied, and on which
/// connections of ours the copies go. Pure; items come with the recorded times, a copy's a little later.
package struct LoadShaper: Sendable {
    /// Number 0 is the original; its session is not told apart, as sessions of one connection share it.
    private struct Copy: Hashable {
        let connection: ConnectionID
        let session: UInt64
        let number: Int
    }

    private let shape: ReplayShape
    private let rules: [UInt64: Int]
    /// Of live sessions, the rule found by the first request; nil of those that none matches. Nil when the rules of all
    /// sessions are known beforehand.
    private var found: AgingTable<Int?>?
    /// Live connections that wait for their first request, and when they opened.
    private var unweighed: [ConnectionID: Timestamp] = [:]
    private static let foundLimit = 200_000
    /// Nothing is copied or left out, and connections keep their numbers.
    private let isPlain: Bool
    private let firstNumber: UInt64
    private var lastNumber: UInt64
    /// Numbers of connections as they are replayed; never used again.
    private var numbers: [Copy: UInt64] = [:]
    /// Copies that the end of a connection ends.
    private var copies: [ConnectionID: Set<Copy>] = [:]
    private var open = NumberTable<Void>()

    /// `rules` are the mix's rules by the names of the sessions that they weigh.
    package init(_ shape: ReplayShape, rules: [UInt64: Int] = [:], firstNumber: UInt64 = 0) {
        self.shape = shape
        self.rules = rules
        self.firstNumber = firstNumber
        lastNumber = firstNumber
        isPlain = shape.scale == 1 && shape.mix.isEmpty
    }

    /// For live traffic: the mix's rules weigh a session by its first request, until which its connection is held back.
    package init(live shape: ReplayShape) {
        self.init(shape)
        if !shape.mix.isEmpty { found = AgingTable(countLimit: Self.foundLimit) }
    }

    package mutating func open(_ connection: ConnectionID, at time: Timestamp) -> [ReplayItem] {
        if isPlain {
            open[connection] = ()
            return [ReplayItem(connection: firstNumber + connection, due: time, kind: .open)]
        }
        // Sessions that share connections open those of their copies when they ask.
        guard shape.sessions == .connection else { return [] }
        let session = shape.sessions.name(nil, on: connection)
        if let found, found[session] == nil {
            unweighed[connection] = time
            return []
        }
        return copyNumbers(of: session).map { item(.open, connection, session, $0, time) }
    }

    package mutating func request(
        _ request: Request, on connection: ConnectionID, isPipelined: Bool, expected: ExpectedReply?
    ) -> [ReplayItem] {
        var recorded = RecordedRequest(
            RequestKey(connection: firstNumber + connection, number: request.number), request.bytes,
            isPipelined: isPipelined)
        recorded.expected = expected
        let time = request.passage.lastByte
        if isPlain {
            open[connection] = ()
            return [ReplayItem(connection: firstNumber + connection, due: time, kind: .request(recorded))]
        }
        let session = shape.sessions.name(request, on: connection)
        weigh(session, request)
        let opened = unweighed.removeValue(forKey: connection).map { open(connection, at: $0) } ?? []
        return opened + copyNumbers(of: session).map { item(.request(recorded), connection, session, $0, time) }
    }

    private mutating func weigh(_ session: UInt64, _ request: Request) {
        if found?[session] == nil {
            found?.set(session, shape.mix.firstIndex { $0.matches(request.label) }, size: 0)
        } else {
            found?.touch(session)
        }
    }

    /// The names under which a request is replayed, as long as its connection is open.
    package func eachKey(of request: Request, on connection: ConnectionID, _ body: (RequestKey) -> Void) {
        if isPlain { return body(RequestKey(connection: firstNumber + connection, number: request.number)) }
        let session = shape.sessions.name(request, on: connection)
        for number in copyNumbers(of: session).compactMap({ numbers[copy(connection, session, $0)] }) {
            body(RequestKey(connection: number, number: request.number))
        }
    }

    package mutating func close(_ connection: ConnectionID, at time: Timestamp) -> [ReplayItem] {
        if isPlain {
            open.remove(connection)
            return [ReplayItem(connection: firstNumber + connection, due: time, kind: .close)]
        }
        var opened: [ReplayItem] = []
        if let held = unweighed.removeValue(forKey: connection) {
            // It asked nothing, so that no rule weighs it.
            found?.set(shape.sessions.name(nil, on: connection), nil, size: 0)
            opened = open(connection, at: held)
        }
        let closed = (copies.removeValue(forKey: connection) ?? []).map { copy in
            defer { numbers[copy] = nil }
            return item(.close, connection, copy.session, copy.number, time)
        }
        if shape.sessions == .connection { found?.remove(shape.sessions.name(nil, on: connection)) }
        return opened + closed
    }

    package mutating func closeAll(at time: Timestamp) -> [ReplayItem] {
        (isPlain ? open.numbers : Array(copies.keys)).sorted().flatMap { close($0, at: time) }
    }

    /// A session that is left out has none.
    private func copyNumbers(of session: UInt64) -> Range<Int> {
        let rule = found == nil ? rules[session] : found?[session] ?? nil
        let weight = shape.scale * (rule.map { shape.mix[$0].factor } ?? 1)
        let whole = weight.rounded(.down)
        return 0..<Int(whole) + (unit(session, 0) < weight - whole ? 1 : 0)
    }

    /// In [0, 1), by the seed: the same session has the same fate wherever its requests stand.
    private func unit(_ session: UInt64, _ number: Int) -> Double {
        var key = MatchingKey()
        // FNV's last bytes reach its upper bits only when more follows.
        for word in [shape.seed, session, UInt64(number), 0] {
            for shift in stride(from: 0, to: 64, by: 8) { key.add(UInt8(truncatingIfNeeded: word >> shift)) }
        }
        return Double(key.value >> 11) * 0x1p-53
    }

    private func copy(_ connection: ConnectionID, _ session: UInt64, _ number: Int) -> Copy {
        Copy(connection: connection, session: number == 0 ? 0 : session, number: number)
    }

    private mutating func item(
        _ kind: ReplayItem.Kind, _ connection: ConnectionID, _ session: UInt64, _ copyNumber: Int, _ time: Timestamp
    ) -> ReplayItem {
        let copy = copy(connection, session, copyNumber)
        let number: UInt64
        if let known = numbers[copy] {
            number = known
        } else {
            lastNumber += 1
            number = lastNumber
            numbers[copy] = number
            copies[connection, default: []].insert(copy)
        }
        let later = copyNumber == 0 ? .zero : shape.spread * unit(session, copyNumber)
        let moment = time + later
        guard case .request(var request) = kind else { return ReplayItem(connection: number, due: moment, kind: kind) }
        request.key = RequestKey(connection: number, number: request.key.number)
        return ReplayItem(connection: number, due: moment, kind: .request(request))
    }
}
