package import Model
import Wire

/// What the clone made for itself where the on-line server made something else: session cookies, CSRF tokens, ids. It is
/// learned by comparing the replies to the same request, and put into later requests.
///
/// All is found by what was recorded. Values that nobody could have guessed mean the same on every connection. Short ones
/// are known in one session and at one place. A session is known by the cookies and credentials that its requests carry,
/// and by its connection only while they carry none, as the tier in front may send many users' requests over one.
///
/// Memory is bounded by `Limits`; what was not used for longest goes first.
package struct SessionMap: Sendable {
    package struct Limits: Sendable {
        /// Values that are known, of all sessions. An entry takes about 200 bytes besides the two values.
        package var values = 131_072
        package var bytes = 64 << 20
        /// Cookies and connections by which sessions are known.
        package var keys = 131_072
        /// Longer bodies are not searched.
        package var searchedBody = 1 << 20
        package var longestValue = 4096
        /// Values that are taken from one reply.
        package var sightings = 4096

        package init() {}
    }

    struct Pair: Sendable {
        var recorded: [UInt8]
        var clone: [UInt8]
        var session: UInt64
    }

    let limits: Limits
    private let rules: [RuleSearch]
    /// Whether a rule names a member of a request's body by its path.
    let hasJSONTargets: Bool
    var pairs: AgingTable<Pair>
    private var sessions: AgingTable<UInt64>
    private var lastSession: UInt64 = 0

    package init(rules: [SessionRule] = [], limits: Limits = Limits()) {
        self.limits = limits
        self.rules = rules.map(RuleSearch.init)
        hasJSONTargets = rules.contains { if case .json = $0.to { true } else { false } }
        pairs = AgingTable(countLimit: limits.values, byteLimit: limits.bytes)
        sessions = AgingTable(countLimit: limits.keys)
    }

    /// Values that are known, and the bytes they hold.
    package var valueCount: Int { pairs.count }
    package var byteCount: Int { pairs.byteCount }

    /// Takes from a recorded exchange whose cookies go on with which session: a request may carry a cookie before the
    /// clone's reply that would have set it is there.
    package mutating func note(request: [UInt8], reply: [UInt8], of connection: UInt64) {
        guard let request = HTTPMessageView(request), let reply = HTTPMessageView(reply),
            reply.field("set-cookie") != nil
        else { return }
        _ = session(of: request, connection, issuing: reply)
    }

    /// Learns from the two replies to the same recorded request.
    package mutating func learn(request: [UInt8], onLine: [UInt8], clone: [UInt8], of connection: UInt64) {
        guard let request = HTTPMessageView(request), let onLine = HTTPMessageView(onLine),
            let clone = HTTPMessageView(clone)
        else { return }
        let (recorded, made) = sightings(request, onLine, clone)
        var session: UInt64?
        let hasCookies = onLine.field("set-cookie") != nil || clone.field("set-cookie") != nil
        if hasCookies { session = self.session(of: request, connection, issuing: onLine) }
        SightingPairs.forEach(recorded, made) {
            let known = session ?? self.session(of: request, connection, issuing: onLine)
            session = known
            let pair = Pair(
                recorded: Array(recorded.pool[$0.range]), clone: Array(made.pool[$1.range]), session: known)
            remember(pair, $0, isToken: $0.isToken && $1.isToken)
        }
        if hasCookies, let session { keepCookies(onLine, clone, session) }
    }

    private func sightings(
        _ request: HTTPMessageView, _ onLine: HTTPMessageView, _ clone: HTTPMessageView
    ) -> (ReplySightings, ReplySightings) {
        var recorded = ReplySightings(request: request, limits: limits)
        var made = recorded
        recorded.addHead(onLine)
        made.addHead(clone)
        let size = limits.searchedBody
        let isSameBody = onLine.bytes[onLine.bodyRange] == clone.bytes[clone.bodyRange]
        // Nothing is told by bodies that are the same; a rule may yet ask for both.
        if !isSameBody || !rules.isEmpty, onLine.bodyRange.count <= size, clone.bodyRange.count <= size {
            let (first, second) = (onLine.body(limit: size), clone.body(limit: size))
            if !first.isOpaque, !second.isOpaque {
                if !isSameBody {
                    recorded.add(first, onLine.kind)
                    made.add(second, clone.kind)
                }
                for (number, rule) in rules.enumerated() {
                    rule.search(onLine, first, UInt64(number), &recorded)
                    rule.search(clone, second, UInt64(number), &made)
                }
            }
        }
        return (recorded, made)
    }

    private mutating func remember(_ pair: Pair, _ sighting: ReplySightings.Sighting, isToken: Bool) {
        let size = pair.recorded.count + pair.clone.count + 200
        if isToken {
            pairs.set(Self.token(sighting.hash), pair, size: size)
        } else {
            pairs.set(Self.placed(pair.session, sighting.place, sighting.hash), pair, size: size)
            pairs.set(Self.seen(pair.session, sighting.hash), pair, size: size)
        }
    }

    // Keys of the table: each kind of entry has numbers of its own.

    static func token(_ value: UInt64) -> UInt64 { Place.mix(21, value) }
    static func placed(_ session: UInt64, _ place: Place, _ value: UInt64) -> UInt64 {
        Place.mix(Place.mix(22, session), Place.mix(place.hash, value))
    }
    /// At any place: for comparing replies, never for requests.
    static func seen(_ session: UInt64, _ value: UInt64) -> UInt64 { Place.mix(Place.mix(23, session), value) }
    static func cookie(_ session: UInt64, _ name: UInt64) -> UInt64 { Place.mix(Place.mix(24, session), name) }
}

extension SessionMap {
    /// By what a recorded request may be known.
    private struct Keys {
        /// A cookie or credential that was given out here.
        var issued: (key: UInt64, session: UInt64)?
        /// Of all cookies and credentials together; 0 when there are none.
        var identity: UInt64 = 0
    }

    private static func issuedKey(_ value: UInt64) -> UInt64 { Place.mix(31, value) }
    private static func identityKey(_ identity: UInt64) -> UInt64 { Place.mix(32, identity) }
    private static func connectionKey(_ connection: UInt64) -> UInt64 { Place.mix(33, connection) }

    private func keys(of request: HTTPMessageView) -> Keys {
        var keys = Keys()
        let bytes = request.bytes
        let take = { (name: UInt64, value: Range<Int>, isNamed: Bool, keys: inout Keys) in
            let content = DecodedBytes(bytes, value, .plain)
            let hash = content.hash
            if isNamed || TokenShape.isToken(content) { keys.identity ^= Place.mix(name, hash) }
            guard keys.issued == nil else { return }
            if let session = sessions[Self.issuedKey(hash)], session != 0 {
                keys.issued = (Self.issuedKey(hash), session)
            } else if let pair = pairs[Self.token(hash)], content.equals(pair.recorded) {
                keys.issued = (Self.issuedKey(hash), pair.session)
            }
        }
        request.forEachField { field in
            if bytes.equals("cookie", field.name) {
                URLScanner.cookies(bytes, field.value) {
                    take(
                        DecodedBytes(bytes, $0.name, .plain).hash, $0.value, TokenShape.isIdentifier(bytes, $0.name),
                        &keys)
                }
            } else if bytes.equals("authorization", field.name) {
                take(34, bytes.credentials(field.value), true, &keys)
            }
        }
        return keys
    }

    /// The session of a recorded request; 0 when it is not known.
    func session(of request: HTTPMessageView, _ connection: UInt64) -> UInt64 {
        let keys = keys(of: request)
        if let issued = keys.issued { return issued.session }
        let key = keys.identity == 0 ? Self.connectionKey(connection) : Self.identityKey(keys.identity)
        return sessions[key] ?? 0
    }

    /// The same, or a new one; `reply`'s cookies are known to be its own from here on.
    private mutating func session(
        of request: HTTPMessageView, _ connection: UInt64, issuing reply: HTTPMessageView
    ) -> UInt64 {
        let keys = keys(of: request)
        var issued: [UInt64] = []
        reply.forEachField {
            guard reply.bytes.equals("set-cookie", $0.name), let cookie = reply.bytes.setCookie($0.value) else {
                return
            }
            let value = DecodedBytes(reply.bytes, cookie.value, .plain)
            if TokenShape.isToken(value) { issued.append(Self.issuedKey(value.hash)) }
        }
        // What the recorded reply issued may be known from before, by `note`.
        let own = keys.identity == 0 ? Self.connectionKey(connection) : Self.identityKey(keys.identity)
        let isAnonymous = keys.issued == nil && keys.identity == 0
        var session = keys.issued?.session ?? 0
        if session == 0 {
            let candidates = isAnonymous && !issued.isEmpty ? issued : [own]
            session = candidates.lazy.map { [sessions] in sessions[$0] ?? 0 }.first { $0 != 0 } ?? 0
        }
        if session == 0 {
            lastSession += 1
            session = lastSession
        }
        if let key = keys.issued?.key {
            sessions.touch(key)
        } else if !isAnonymous || issued.isEmpty {
            sessions.set(own, session, size: 0)
        }
        for key in issued {
            // One that several sessions are given says nothing about any.
            let isShared = sessions[key].map { $0 != session } ?? false
            sessions.set(key, isShared ? 0 : session, size: 0)
        }
        return session
    }

    /// The clone's last cookie of each name, for requests whose recorded cookie the clone has no counterpart of.
    private mutating func keepCookies(_ onLine: HTTPMessageView, _ clone: HTTPMessageView, _ session: UInt64) {
        clone.forEachField { field in
            guard clone.bytes.equals("set-cookie", field.name), let made = clone.bytes.setCookie(field.value) else {
                return
            }
            let name = DecodedBytes(clone.bytes, made.name, .plain)
            let key = Self.cookie(session, name.hash)
            var recorded: ArraySlice<UInt8>?
            onLine.forEachField {
                guard onLine.bytes.equals("set-cookie", $0.name), let cookie = onLine.bytes.setCookie($0.value),
                    DecodedBytes(onLine.bytes, cookie.name, .plain).elementsEqual(name)
                else { return }
                recorded = onLine.bytes[cookie.value]
            }
            let value = clone.bytes[made.value]
            if recorded == value {
                pairs.remove(key)
            } else if made.value.count <= limits.longestValue, recorded != nil || pairs[key] != nil {
                let pair = Pair(recorded: [], clone: Array(value), session: session)
                pairs.set(key, pair, size: value.count + 200)
            }
        }
    }
}

extension [UInt8] {
    /// Of an Authorization header: behind the scheme, or all of it.
    func credentials(_ field: Range<Int>) -> Range<Int> {
        guard let blank = firstIndex(of: 0x20, in: field) else { return field }
        return trimmed(blank + 1..<field.upperBound)
    }
}
