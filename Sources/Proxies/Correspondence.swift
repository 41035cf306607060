package import Model
import Wire

/// Joins the on-line reply and the clone's to the same request: what the one says where the other says something else is
/// put into later requests, and what differs beyond that is counted. Pure; in memory that is bounded.
package struct Correspondence: Sendable {
    /// The other reply of a pair that is not known yet.
    private struct Half: Sendable {
        let request: [UInt8]
        let reply: [UInt8]
    }

    private let protocolName: ApplicationProtocol
    private var sessions: SessionMap
    private let comparison: ReplyComparison
    /// What differs is taken in as noise: for a clone that is as the on-line server is.
    private let learnsNoise: Bool
    package private(set) var noise: ReplyNoise
    private var statements: [UInt64: MySQLStatementMap] = [:]
    /// Answers of the clone's whose on-line ones are to come.
    private var early: [RequestKey: Half] = [:]
    private var earlyBytes = 0
    package private(set) var account = ComparisonAccount()

    private static let earlyLimit = 16 << 20
    /// Kinds of differences that are told apart.
    private static let kindLimit = 1000

    package init(
        _ protocolName: ApplicationProtocol, rules: [SessionRule] = [], noise: ReplyNoise = ReplyNoise(),
        learnsNoise: Bool = false
    ) {
        self.protocolName = protocolName
        sessions = SessionMap(rules: rules)
        comparison = ReplyComparison(noise: noise)
        self.noise = noise
        self.learnsNoise = learnsNoise
    }

    /// What is sent in place of a recorded request.
    mutating func rewrite(_ request: RecordedRequest) -> [UInt8] {
        switch protocolName {
        case .http:
            let rewritten = sessions.rewrite(request.bytes, of: request.key.connection)
            account.substitutions += rewritten.substitutions
            return rewritten.bytes
        case .mysql:
            guard var map = statements.removeValue(forKey: request.key.connection) else { return request.bytes }
            let rewritten = map.rewrite(request.bytes)
            statements[request.key.connection] = map
            account.unknownStatements += rewritten.unknownCount
            return rewritten.bytes
        case .postgresql, .redis, .tcp: return request.bytes
        }
    }

    /// The clone has answered. `onLine` is nil when the on-line reply is not known yet.
    mutating func answered(_ request: RecordedRequest, clone: [UInt8], onLine: [UInt8]?) {
        if let onLine {
            join(request.key, request.bytes, onLine: onLine, clone: clone)
        } else if earlyBytes + request.bytes.count + clone.count <= Self.earlyLimit {
            early[request.key] = Half(request: request.bytes, reply: clone)
            earlyBytes += request.bytes.count + clone.count
        } else {
            account.uncompared += 1
        }
    }

    /// The on-line server has answered a request that the clone may have answered before. True when it had.
    mutating func onLineAnswered(_ key: RequestKey, _ reply: [UInt8]) -> Bool {
        guard let half = early.removeValue(forKey: key) else { return false }
        earlyBytes -= half.request.count + half.reply.count
        join(key, half.request, onLine: reply, clone: half.reply)
        return true
    }

    /// The replay is over: what is without its other half stays so.
    mutating func finish() {
        account.uncompared += early.count
        (early, earlyBytes) = ([:], 0)
    }

    /// A connection of the recording has ended.
    mutating func ended(_ connection: UInt64) { statements[connection] = nil }

    private mutating func join(_ key: RequestKey, _ request: [UInt8], onLine: [UInt8], clone: [UInt8]) {
        switch protocolName {
        case .http:
            sessions.learn(request: request, onLine: onLine, clone: clone, of: key.connection)
            count(
                comparison.compare(
                    request: request, onLine: onLine, clone: clone, of: key.connection, knowing: sessions))
            guard learnsNoise else { return }
            noise.learn(request: request, first: onLine, second: clone, of: key.connection, knowing: sessions)
        case .mysql:
            statements[key.connection, default: MySQLStatementMap()].learn(recorded: onLine, clone: clone)
            count(onLine == clone ? .same : .differs([.body(onLine: onLine.count, clone: clone.count)]))
        case .postgresql, .redis, .tcp:
            count(onLine == clone ? .same : .differs([.body(onLine: onLine.count, clone: clone.count)]))
        }
    }

    private mutating func count(_ verdict: ReplyVerdict) {
        switch verdict {
        case .same: account.same += 1
        case .sameButForNoise: account.sameButForNoise += 1
        case .differs(let differences):
            account.differing += 1
            for kind in Set(differences.map(\.kind))
            where account.kinds[kind] != nil || account.kinds.count < Self.kindLimit {
                account.kinds[kind, default: 0] += 1
            }
        }
    }
}

extension ReplyDifference {
    /// In what two replies differ, without where in it.
    package var kind: String {
        switch self {
        case .status: "status"
        case .header(let name): "header \(name)"
        case .json(let path): "json \(path)"
        case .text: "text"
        case .body: "body"
        }
    }
}
