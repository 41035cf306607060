import Cryptography
import Foundation
import Model
import Wire

/// What the wire said while a trace was recorded, moment by moment, as if the servers were those of today.
struct RecordedTraffic: Sendable {
    struct Moment: Sendable {
        /// Since the trace's first one.
        let offset: Duration
        let event: WireEvent
    }

    /// In the order of their times.
    private(set) var moments: [Moment] = []
    /// From the first moment to the last, and a pause as between two requests.
    let length: Duration
    let first: Timestamp
    /// Which of the fronts was asked.
    let front: Endpoint
    /// For the record: what was played, and the SHA-256 of it. The same requests and replies have the same words.
    let words: String

    /// Payload held in memory at most, and how much of a trace is taken then.
    private static let payloadLimit = 1 << 30

    /// Reads `path`, at most `reach` of it. `fronts` are the addresses of the domain that is cloned, `others` those of what it
    /// calls; each is the recorded server at the same endpoint or, where there is none, the only one with its protocol and
    /// port.
    ///
    /// - Throws: `TraceError`, or `ReplayError` when nothing in it can be played, or not to these.
    init(_ path: String, fronts: [WatchedServer], others: [WatchedServer], reach: Duration) throws {
        let reader = try TraceReader(path, .events)
        guard reader.header.keepsPayload else { throw ReplayError.withoutPayload(path) }
        let recorded = try Self.servers(of: path)
        let names = Self.names(fronts + others, recorded)
        guard let front = fronts.map(\.endpoint).first(where: { names.values.contains($0) }) else {
            throw ReplayError.unknownServer(path, fronts[0].endpoint, known: recorded.map(\.endpoint))
        }
        self.front = front
        var details = DetailReader()
        var opened: Set<ConnectionID> = []
        var found: [(time: Timestamp, event: WireEvent)] = []
        var (start, bytes, requests) = (Timestamp.distantFuture, 0, 0)
        while let record = try reader.next() {
            guard let id = record.connection, let connection = reader.connections[id],
                let server = names[connection.server]
            else { continue }
            // Records come in the order of the replies, so that what follows is later.
            if start != .distantFuture, record.time - start > reach || bytes > Self.payloadLimit { break }
            if opened.insert(id).inserted {
                let time = connection.opened
                found.append((time, .opened(id, client: connection.client, server: server, time)))
            }
            switch record {
            case .exchange(_, let exchange):
                let whole = details.whole(exchange, on: id)
                start = min(start, whole.request.passage.lastByte)
                found.append((whole.request.passage.lastByte, .request(id, whole.request)))
                found.append((whole.reply.passage.lastByte, .exchange(id, whole)))
                bytes += whole.request.bytes.count + whole.reply.bytes.count
                if server == front { requests += 1 }
            case .lost(_, let count, let reason, let time):
                found.append((time, .lost(id, count: count, reason, time)))
            case .closed(_, let time):
                details.closed(id)
                opened.remove(id)
                found.append((time, .closed(id, ConnectionAccount(), time)))
            case .connection, .drops, .packet: break
            }
        }
        guard requests > 0 else { throw ReplayError.noRequests(path) }
        // A connection that was open before is opened with its first request.
        let from = start
        let ordered = found.enumerated().map { ($0.offset, max($0.element.time, from), $0.element.event) }
            .sorted { ($0.1, $0.0) < ($1.1, $1.0) }
        first = from
        moments = ordered.map { Moment(offset: $0.1 - from, event: $0.2) }
        let last = moments.last?.offset ?? .zero
        length = last + last / Double(requests)
        let date = Date(timeIntervalSince1970: Double(from.nanoseconds) / 1e9).formatted(.iso8601)
        words =
            "\(path.split(separator: "/").last ?? ""), \(requests) requests in \(Format.duration(last)) from \(date), "
            + "SHA-256 \(try Self.digest(moments))"
    }

    /// By the words of records: those of earlier versions have no digest.
    static func isSame(_ words: String?, asEarlier earlier: String?) -> Bool {
        guard let words, let earlier else { return words == earlier }
        return words == earlier || words.hasPrefix("\(earlier), SHA-256 ")
    }

    /// SHA-256 over each moment's time (ns from the first, 64 bits, least first) and what was said then. Of what is played, not of
    /// the file: that may be recorded further.
    private static func digest(_ moments: [Moment]) throws -> String {
        var rest = moments[...]
        let digest = try Digest.sha256.hash {
            guard let moment = rest.popFirst() else { return [] }
            let time = (0..<8).map { UInt8(truncatingIfNeeded: moment.offset.nanoseconds >> (8 * $0)) }
            return switch moment.event {
            case .request(_, let request): time + request.bytes
            case .exchange(_, let exchange): time + exchange.reply.bytes
            default: time
            }
        }
        return digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    private static func servers(of path: String) throws -> Set<WatchedServer> {
        let reader = try TraceReader(path, .events)
        var servers: Set<WatchedServer> = []
        while let record = try reader.next() {
            guard let connection = record.connection.flatMap({ reader.connections[$0] }) else { continue }
            servers.insert(WatchedServer(connection.server, connection.protocolName))
        }
        return servers
    }

    /// From recorded servers to those of today.
    private static func names(_ servers: [WatchedServer], _ recorded: Set<WatchedServer>) -> [Endpoint: Endpoint] {
        var names: [Endpoint: Endpoint] = [:]
        for server in servers where recorded.contains(server) { names[server.endpoint] = server.endpoint }
        for server in servers where names[server.endpoint] == nil {
            let alike = recorded.filter {
                $0.protocolName == server.protocolName && $0.endpoint.port == server.endpoint.port
                    && names[$0.endpoint] == nil
            }
            if alike.count == 1, let only = alike.first, !names.values.contains(server.endpoint) {
                names[only.endpoint] = server.endpoint
            }
        }
        return names
    }
}

extension WireEvent {
    /// The same, so much later, on another connection.
    func moved(by delay: Duration, on id: ConnectionID) -> WireEvent {
        switch self {
        case .opened(_, let client, let server, let time):
            .opened(id, client: client, server: server, time + delay)
        case .request(_, let request): .request(id, request.moved(by: delay))
        case .exchange(_, let exchange): .exchange(id, exchange.moved(by: delay))
        case .lost(_, let count, let reason, let time): .lost(id, count: count, reason, time + delay)
        case .recognised(_, let name, let time): .recognised(id, name, time + delay)
        case .closed(_, let account, let time): .closed(id, account, time + delay)
        }
    }

    var connection: ConnectionID {
        switch self {
        case .opened(let id, _, _, _), .request(let id, _), .exchange(let id, _), .lost(let id, _, _, _),
            .recognised(let id, _, _), .closed(let id, _, _):
            id
        }
    }
}

extension Passage {
    fileprivate func moved(by delay: Duration) -> Passage {
        Passage(firstByte: firstByte + delay, lastByte: lastByte + delay, byteCount: byteCount)
    }
}

extension Request {
    fileprivate func moved(by delay: Duration) -> Request {
        var request = self
        request.passage = passage.moved(by: delay)
        return request
    }
}

extension Exchange {
    fileprivate func moved(by delay: Duration) -> Exchange {
        var exchange = self
        exchange.request = request.moved(by: delay)
        exchange.reply.passage = reply.passage.moved(by: delay)
        if case .postgresql(var round) = detail {
            round.asked = round.asked + delay
            round.answerBegan = round.answerBegan + delay
            round.answered = round.answered + delay
            exchange.detail = .postgresql(round)
        }
        return exchange
    }
}
