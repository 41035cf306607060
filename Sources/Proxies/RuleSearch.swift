import Model

/// A rule of the service file, ready to be followed.
struct RuleSearch: Sendable {
    private let from: SessionRule.Source
    private let place: Place
    private let path: (hash: UInt64, isExact: Bool)?

    init(_ rule: SessionRule) {
        from = rule.from
        place =
            switch rule.to {
            case .header(let name): .header(name.decoded)
            case .cookie(let name): .cookie(name.decoded)
            case .query(let name), .form(let name): .parameter(name.decoded)
            case .json(let path): .json(path.hash, isExact: path.isExact ?? false)
            }
        if case .json(let path) = rule.from {
            let isExact = path.isExact ?? false
            self.path = (isExact ? path.hash.exact : path.hash.general, isExact)
        } else {
            path = nil
        }
    }

    /// Adds what the rule finds in a reply.
    func search(
        _ reply: HTTPMessageView, _ body: HTTPMessageView.Body, _ number: UInt64, _ sightings: inout ReplySightings
    ) {
        let group = Place.mix(41, number)
        let found = { (value: DecodedBytes, sightings: inout ReplySightings) in
            sightings.add(value, group: group, place: place, isNamed: true)
        }
        let bytes = reply.bytes
        switch from {
        case .header(let name):
            reply.forEachField {
                guard bytes[$0.name].lazy.map(\.lowercased).elementsEqual(name.utf8.lazy.map(\.lowercased)) else {
                    return
                }
                found(DecodedBytes(bytes, $0.value, .plain), &sightings)
            }
        case .cookie(let name):
            reply.forEachField {
                guard bytes.equals("set-cookie", $0.name), let cookie = bytes.setCookie($0.value),
                    bytes[cookie.name].elementsEqual(name.utf8)
                else { return }
                found(DecodedBytes(bytes, cookie.value, .plain), &sightings)
                // Scripts send it back decoded.
                if bytes[cookie.value].contains(0x25) {
                    sightings.add(
                        DecodedBytes(bytes, cookie.value, .percent), group: Place.mix(group, 1), place: place,
                        isNamed: true)
                }
            }
        case .json:
            guard let path else { return }
            _ = JSONScanner.scan(body.bytes, body.range) { leaf, scanner in
                guard leaf.kind == .string || leaf.kind == .number,
                    path.hash == (path.isExact ? scanner.path.exact : scanner.path.general)
                else { return }
                found(DecodedBytes(body.bytes, leaf.value, leaf.kind == .string ? .json : .plain), &sightings)
            }
        case .pattern(let pattern):
            guard let value = pattern.first(in: body.bytes.text(body.range)) else { return }
            found(value.decoded, &sightings)
        }
    }
}

extension String {
    var decoded: DecodedBytes { DecodedBytes(Array(utf8), 0..<utf8.count, .plain) }
}

extension JSONPath {
    var hash: JSONScanner.PathHash {
        var hash = JSONScanner.PathHash()
        for step in steps {
            switch step {
            case .member(let name):
                let bytes = Array(name.utf8)
                hash.enter(member: name.decoded, isID: TokenShape.isID(bytes, 0..<bytes.count))
            case .element(let index): hash.enter(element: index)
            case .anyElement: hash.enter(element: nil)
            }
        }
        return hash
    }
}

extension ReplySightings {
    mutating func add(_ body: HTTPMessageView.Body, _ kind: HTTPMessageView.Kind) {
        switch kind {
        case .json: addJSON(body.bytes, body.range)
        case .html: addHTML(body.bytes, body.range)
        case .form, .text, .other: break
        }
    }
}
