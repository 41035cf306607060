/// One way in which the clone's reply is not the on-line one. It says where and never what: no payload is in it.
package enum ReplyDifference: Hashable, Codable, Sendable {
    case status(onLine: Int, clone: Int)
    /// By its name in lower case.
    case header(String)
    /// By its path, without indices: `items[].price`.
    case json(String)
    /// Numbers of lines in the on-line reply, counted from 1.
    case text(lines: [Int])
    /// Bodies that are not looked into, or of which one is empty, with their lengths.
    case body(onLine: Int, clone: Int)
}

package enum ReplyVerdict: Hashable, Sendable {
    case same
    /// What differs is what differs between any two replies of one server.
    case sameButForNoise
    case differs([ReplyDifference])
}

/// Compares the on-line reply with the clone's: status, the headers that mean something to a client, and the body by its
/// type. Values that are known to be each other's counterparts do not differ.
package struct ReplyComparison: Sendable {
    /// Longer bodies are compared byte by byte.
    package static let searchedBody = 1 << 20
    /// Further differences of one reply are not told.
    static let findingLimit = 64

    private let noise: ReplyNoise

    package init(noise: ReplyNoise = ReplyNoise()) { self.noise = noise }

    /// `map` is to have learned from the two replies before. `request` is the recorded one, of that connection.
    package func compare(
        request: [UInt8], onLine: [UInt8], clone: [UInt8], of connection: UInt64, knowing map: SessionMap
    ) -> ReplyVerdict {
        // Two replies that are the same to the byte need no look inside.
        if onLine == clone { return .same }
        let findings = ReplyFindings(request: request, onLine: onLine, clone: clone, connection, map)
        if findings.list.isEmpty { return .same }
        let known = noise.route(of: request)
        let left = findings.list.filter { !(known?.covers($0) ?? false) }
        return left.isEmpty ? .sameButForNoise : .differs(Self.differences(left))
    }

    private static func differences(_ findings: [ReplyFindings.Finding]) -> [ReplyDifference] {
        var result: [ReplyDifference] = []
        var lines: Set<Int> = []
        for finding in findings {
            switch finding {
            case .status(let onLine, let clone): result.append(.status(onLine: onLine, clone: clone))
            case .header(let name): result.append(.header(name))
            case .json(let path): result.append(.json(path))
            case .line(let number, _, _): lines.insert(number)
            case .body(let onLine, let clone): result.append(.body(onLine: onLine, clone: clone))
            }
        }
        return lines.isEmpty ? result : result + [.text(lines: lines.sorted())]
    }
}

/// All that differs, before anything is excused.
struct ReplyFindings: Sendable {
    enum Finding: Hashable, Sendable {
        case status(Int, Int)
        case header(String)
        case json(String)
        /// With the hash of the line without its numbers; aligned when both texts have the same number of lines.
        case line(Int, skeleton: UInt64, isAligned: Bool)
        case body(Int, Int)
    }

    private(set) var list: [Finding] = []
    private let words: WordComparison

    init(request: [UInt8], onLine: [UInt8], clone: [UInt8], _ connection: UInt64, _ map: SessionMap) {
        let session = HTTPMessageView(request).map { map.session(of: $0, connection) } ?? 0
        words = WordComparison(map: map, session: session)
        guard let first = HTTPMessageView(onLine), let second = HTTPMessageView(clone) else {
            if onLine != clone { list = [.body(onLine.count, clone.count)] }
            return
        }
        if first.status != second.status { list.append(.status(first.status, second.status)) }
        compareHeaders(first, second)
        compareBodies(first, second)
    }

    private mutating func add(_ finding: Finding) {
        if list.count < ReplyComparison.findingLimit, !list.contains(finding) { list.append(finding) }
    }

    /// Those that a client or a cache acts on. Not those that tell of the time, the machine or the way (Date, Server, ETag,
    /// Content-Length, Connection, Age, Via).
    private static let headers: [StaticString] = [
        "content-type", "content-encoding", "content-language", "content-disposition", "content-range", "cache-control",
        "vary", "allow", "accept-ranges", "retry-after", "refresh", "link", "location", "content-location",
        "www-authenticate", "content-security-policy", "strict-transport-security", "x-frame-options",
        "access-control-allow-origin", "access-control-allow-credentials", "access-control-allow-methods",
        "access-control-allow-headers",
    ]

    private mutating func compareHeaders(_ first: HTTPMessageView, _ second: HTTPMessageView) {
        let (own, other) = (Self.meaningful(first), Self.meaningful(second))
        for name in Set(own.keys).union(other.keys).sorted() {
            let (values, others) = (own[name] ?? [], other[name] ?? [])
            let isSame =
                values.count == others.count
                && zip(values, others).allSatisfy { words.areSame(first.bytes, $0, second.bytes, $1) }
            if !isSame { add(.header(name)) }
        }
        // Of cookies only which are set.
        if Self.cookies(first) != Self.cookies(second) { add(.header("set-cookie")) }
    }

    private static func meaningful(_ reply: HTTPMessageView) -> [String: [Range<Int>]] {
        var found: [String: [Range<Int>]] = [:]
        reply.forEachField { field in
            guard let name = headers.first(where: { reply.bytes.equals($0, field.name) }) else { return }
            found["\(name)", default: []].append(field.value)
        }
        return found
    }

    private static func cookies(_ reply: HTTPMessageView) -> Set<[UInt8]> {
        var names: Set<[UInt8]> = []
        reply.forEachField {
            guard reply.bytes.equals("set-cookie", $0.name) else { return }
            names.insert(Array(reply.bytes[$0.value].prefix { $0 != 0x3d }))
        }
        return names
    }

    private mutating func compareBodies(_ first: HTTPMessageView, _ second: HTTPMessageView) {
        let limit = ReplyComparison.searchedBody
        let (own, other) = (first.body(limit: limit), second.body(limit: limit))
        if own.bytes[own.range] == other.bytes[other.range] { return }
        let isText = [HTTPMessageView.Kind.html, .text, .form, .json].contains(first.kind)
        guard !own.isOpaque, !other.isOpaque, !own.range.isEmpty, !other.range.isEmpty, isText,
            first.kind == second.kind, max(own.range.count, other.range.count) <= limit
        else {
            add(.body(own.range.count, other.range.count))
            return
        }
        if first.kind == .json, let paths = JSONComparison.differences(own, other, words) {
            for path in paths { add(.json(path)) }
        } else {
            for finding in LineComparison.differences(own, other, words) { add(finding) }
        }
    }
}
