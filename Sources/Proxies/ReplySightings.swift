import Model
import Wire

/// What a reply gives its client to be sent back: tokens anywhere, and short values where their name says what they are.
struct ReplySightings: Sendable {
    struct Sighting: Sendable {
        /// Equal for what corresponds in two replies to the same request.
        let group: UInt64
        /// Where a later request carries it.
        let place: Place
        let hash: UInt64
        /// Decoded, in `pool`.
        let range: Range<Int>
        let isToken: Bool
    }

    private(set) var list: [Sighting] = []
    private(set) var pool: [UInt8] = []
    private let limits: SessionMap.Limits
    /// The last part of the request's path that is no id: what a reply's `id` is one of.
    private let collection: Place?

    init(request: HTTPMessageView, limits: SessionMap.Limits) {
        self.limits = limits
        var last: FoundValue?
        URLScanner.forEachValue(request.bytes, request.word(1)) {
            if $0.kind == .segment, !TokenShape.isID(request.bytes, $0.value) { last = $0 }
        }
        collection = last.map { .segment(behind: DecodedBytes(request.bytes, $0.value, .percent)) }
    }

    /// `isNamed` says that the value is one whatever it looks like.
    mutating func add(_ value: DecodedBytes, group: UInt64, place: Place, isNamed: Bool) {
        guard list.count < limits.sightings else { return }
        let isToken = TokenShape.isToken(value)
        guard isToken || isNamed else { return }
        let start = pool.count
        pool.append(contentsOf: value)
        guard pool.count > start, pool.count - start <= limits.longestValue else {
            pool.removeSubrange(start...)
            return
        }
        list.append(
            Sighting(group: group, place: place, hash: value.hash, range: start..<pool.count, isToken: isToken))
    }

    mutating func addHead(_ reply: HTTPMessageView) {
        let bytes = reply.bytes
        reply.forEachField { field in
            let name = field.name
            if bytes.equals("set-cookie", name) {
                addCookie(bytes, field.value)
            } else if bytes.equals("location", name) || bytes.equals("content-location", name) {
                addURL(bytes, field.value)
            } else if bytes.equals("etag", name) {
                if let tag = bytes.quoted(field.value) {
                    add(DecodedBytes(bytes, tag, .plain), group: 3, place: .entityTag, isNamed: true)
                }
            } else if bytes.equals("authorization", name) {
                let place = Place.header(DecodedBytes(bytes, name, .plain))
                let value = DecodedBytes(bytes, bytes.credentials(field.value), .plain)
                add(value, group: place.hash, place: place, isNamed: true)
            } else if bytes.matches("X-", at: name.lowerBound, name.upperBound) || Self.tellsToken(bytes, name) {
                let place = Place.header(DecodedBytes(bytes, name, .plain))
                add(DecodedBytes(bytes, field.value, .plain), group: place.hash, place: place, isNamed: false)
            }
        }
    }

    private static func tellsToken(_ bytes: [UInt8], _ name: Range<Int>) -> Bool {
        ["csrf", "xsrf", "token", "nonce", "session"].contains { bytes.contains($0, name) }
    }

    private mutating func addCookie(_ bytes: [UInt8], _ field: Range<Int>) {
        guard let cookie = bytes.setCookie(field) else { return }
        let name = DecodedBytes(bytes, cookie.name, .plain)
        let place = Place.cookie(name)
        add(DecodedBytes(bytes, cookie.value, .plain), group: place.hash, place: place, isNamed: true)
        // Scripts send some cookies back as header or field, decoded.
        guard bytes[cookie.value].contains(0x25) else { return }
        add(
            DecodedBytes(bytes, cookie.value, .percent), group: Place.mix(place.hash, 1), place: .parameter(name),
            isNamed: false)
    }

    /// The values of a URL, by its shape: that of `/items/7?page=1` is the one of `/items/8?page=2`.
    mutating func addURL(_ bytes: [UInt8], _ range: Range<Int>) {
        var shape: UInt64 = 5
        URLScanner.forEachValue(bytes, range) {
            switch $0.kind {
            case .segment:
                let segment = DecodedBytes(bytes, $0.value, .percent)
                let isID = TokenShape.isID(bytes, $0.value) || TokenShape.isToken(segment)
                shape = Place.mix(shape, isID ? 0x2a : segment.hash)
            case .parameter: shape = Place.mix(shape, DecodedBytes(bytes, $0.name, .form).hash)
            }
        }
        var number: UInt64 = 0
        URLScanner.forEachValue(bytes, range) {
            number += 1
            let isNamed =
                $0.kind == .segment
                ? bytes[$0.value].allSatisfy(\.isDigit) : TokenShape.isIdentifier(bytes, $0.name)
            add(
                DecodedBytes(bytes, $0.value, $0.coding), group: Place.mix(shape, number), place: $0.place(in: bytes),
                isNamed: isNamed)
        }
    }

    /// A URL that is written in a coding itself.
    private mutating func addURL(_ bytes: [UInt8], _ range: Range<Int>, _ coding: ValueCoding) {
        guard range.count <= limits.longestValue else { return }
        let isCoded = bytes[range].contains(coding == .json ? 0x5c : 0x26)
        if isCoded {
            let plain = Array(DecodedBytes(bytes, range, coding))
            addURL(plain, 0..<plain.count)
        } else {
            addURL(bytes, range)
        }
    }

    mutating func addJSON(_ bytes: [UInt8], _ range: Range<Int>) {
        _ = JSONScanner.scan(bytes, range) { leaf, scanner in
            guard leaf.kind == .string || leaf.kind == .number, let name = leaf.name else { return }
            let value = DecodedBytes(bytes, leaf.value, leaf.kind == .string ? .json : .plain)
            if leaf.kind == .string, URLScanner.canStart(bytes, leaf.value) || bytes.matches("\\/", leaf.value) {
                addURL(bytes, leaf.value, .json)
                return
            }
            let isNamed = TokenShape.isIdentifier(bytes, name)
            guard isNamed || TokenShape.isToken(value) else { return }
            let path = scanner.path.general
            add(value, group: path, place: .parameter(DecodedBytes(bytes, name, .json)), isNamed: isNamed)
            guard Self.ids.contains(where: { bytes.equals($0, name) }) else { return }
            if let outer = leaf.outerName {
                let place = Place.segment(behind: DecodedBytes(bytes, outer, .json))
                add(value, group: Place.mix(path, 1), place: place, isNamed: true)
            }
            if let collection {
                add(value, group: Place.mix(path, 2), place: collection, isNamed: true)
            }
        }
    }

    /// Members that name the object they are in.
    private static let ids: [StaticString] = ["id", "_id", "uuid", "guid", "pk", "slug"]

    mutating func addHTML(_ bytes: [UInt8], _ range: Range<Int>) {
        HTMLScanner.forEachTag(bytes, range) { tag, attributes in
            let value = { (name: StaticString) in attributes.first { bytes.equals(name, $0.name) }?.value }
            if bytes.equals("input", tag) || bytes.equals("button", tag) {
                guard let name = value("name"), let content = value("value") else { return }
                let isHidden = value("type").map { bytes.equals("hidden", $0) } ?? false
                let place = Place.parameter(DecodedBytes(bytes, name, .references))
                add(
                    DecodedBytes(bytes, content, .references), group: place.hash, place: place,
                    isNamed: isHidden || TokenShape.isIdentifier(bytes, name))
            } else if bytes.equals("meta", tag) {
                guard let name = value("name"), let content = value("content"), Self.tellsToken(bytes, name) else {
                    return
                }
                let place = Place.parameter(DecodedBytes(bytes, name, .references))
                add(DecodedBytes(bytes, content, .references), group: place.hash, place: place, isNamed: false)
            }
            for attribute in attributes {
                if Self.links.contains(where: { bytes.equals($0, attribute.name) }) {
                    addURL(bytes, attribute.value, .references)
                } else if bytes.matches("data-", at: attribute.name.lowerBound, attribute.name.upperBound) {
                    let name = attribute.name.lowerBound + 5..<attribute.name.upperBound
                    let place = Place.parameter(DecodedBytes(bytes, name, .plain))
                    add(
                        DecodedBytes(bytes, attribute.value, .references), group: Place.mix(place.hash, 6),
                        place: place, isNamed: TokenShape.isIdentifier(bytes, name))
                }
            }
        }
    }

    private static let links: [StaticString] = ["href", "src", "action", "formaction"]
}

extension Place {
    /// Given as ETag, sent back as If-Match and If-None-Match (RFC 9110, section 8.8.3).
    static let entityTag = Place.header(DecodedBytes(Array("etag".utf8), 0..<4, .plain))
}

extension FoundValue {
    func place(in bytes: [UInt8]) -> Place {
        let name = DecodedBytes(bytes, name, coding)
        return kind == .segment ? .segment(behind: name) : .parameter(name)
    }
}

extension [UInt8] {
    fileprivate func matches(_ text: StaticString, _ range: Range<Int>) -> Bool {
        matches(text, at: range.lowerBound, range.upperBound)
    }

    /// What stands between the first two quotes.
    func quoted(_ range: Range<Int>) -> Range<Int>? {
        guard let open = firstIndex(of: 0x22, in: range),
            let close = firstIndex(of: 0x22, in: open + 1..<range.upperBound)
        else { return nil }
        return open + 1..<close
    }

    /// Name and value of a Set-Cookie header (RFC 6265, section 5.2); nil for one that takes a cookie away.
    func setCookie(_ field: Range<Int>) -> (name: Range<Int>, value: Range<Int>)? {
        let end = firstIndex(of: 0x3b, in: field) ?? field.upperBound
        guard let equals = firstIndex(of: 0x3d, in: field.lowerBound..<end) else { return nil }
        let value = trimmed(equals + 1..<end)
        return value.isEmpty ? nil : (trimmed(field.lowerBound..<equals), value)
    }
}
