/// What differs between two replies of one server to the same request, by route: times, numbers of requests, masked tokens.
/// Learned from two replays to clones that are the same, and then no difference. It holds names of headers and members of
/// JSON, and of everything else only hashes.
package struct ReplyNoise: Codable, Hashable, Sendable {
    package struct Route: Codable, Hashable, Sendable {
        package internal(set) var headers: Set<String> = []
        /// Paths without indices.
        package internal(set) var members: Set<String> = []
        /// Hashes of lines without their numbers.
        package internal(set) var skeletons: Set<UInt64> = []
        /// Numbers of lines, which count while both texts have as many.
        package internal(set) var lines: Set<Int> = []
        /// Bodies that are not looked into differ.
        package internal(set) var hasBody = false
    }

    /// Further routes, and further parts of one, are not kept.
    package static let routeLimit = 4096
    package static let partLimit = 512

    /// By the hash of method and path with ids left out: `/items/7` and `/items/8` are one.
    package private(set) var routes: [UInt64: Route] = [:]

    package init() {}

    /// Takes in what differs between two replies to `request`. What `map` knows to be counterparts is no noise: it is a
    /// map of these two replays, that has learned `first` as recorded and `second` as the clone's.
    package mutating func learn(
        request: [UInt8], first: [UInt8], second: [UInt8], of connection: UInt64, knowing map: SessionMap
    ) {
        guard first != second, let key = Self.key(of: request) else { return }
        let findings = ReplyFindings(request: request, onLine: first, clone: second, connection, map)
        guard !findings.list.isEmpty, routes[key] != nil || routes.count < Self.routeLimit else { return }
        var route = routes[key] ?? Route()
        for finding in findings.list { route.take(finding) }
        routes[key] = route
    }

    func route(of request: [UInt8]) -> Route? { routes.isEmpty ? nil : Self.key(of: request).flatMap { routes[$0] } }

    private static func key(of request: [UInt8]) -> UInt64? {
        guard let view = HTTPMessageView(request) else { return nil }
        var hash = DecodedBytes(request, view.word(0), .plain).hash
        URLScanner.forEachValue(request, view.word(1)) {
            guard $0.kind == .segment else { return }
            let segment = DecodedBytes(request, $0.value, .percent)
            let isID = TokenShape.isID(request, $0.value) || TokenShape.isToken(segment)
            hash = Place.mix(hash, isID ? 0x2a : segment.hash)
        }
        return hash
    }
}

extension ReplyNoise.Route {
    fileprivate mutating func take(_ finding: ReplyFindings.Finding) {
        let limit = ReplyNoise.partLimit
        switch finding {
        // Two clones that are the same and answer with different statuses are not noisy but broken.
        case .status: break
        case .header(let name): if headers.count < limit { headers.insert(name) }
        case .json(let path): if members.count < limit { members.insert(path) }
        case .line(let number, let skeleton, let isAligned):
            if skeletons.count < limit { skeletons.insert(skeleton) }
            if isAligned, lines.count < limit { lines.insert(number) }
        case .body: hasBody = true
        }
    }

    func covers(_ finding: ReplyFindings.Finding) -> Bool {
        switch finding {
        case .status: false
        case .header(let name): headers.contains(name)
        case .json(let path): members.contains(path)
        case .line(let number, let skeleton, let isAligned):
            skeletons.contains(skeleton) || isAligned && lines.contains(number)
        case .body: hasBody
        }
    }
}
