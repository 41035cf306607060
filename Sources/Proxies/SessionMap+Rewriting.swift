extension SessionMap {
    /// A request as it is to be sent to the clone.
    package struct Rewritten: Sendable {
        package let bytes: [UInt8]
        package let substitutions: Int
    }

    /// Puts the clone's values in the place of recorded ones: whole values of cookies, parameters, members of JSON, path
    /// segments and headers, never parts of a text. Bytes for which nothing is known are given back as they are.
    package mutating func rewrite(_ request: [UInt8], of connection: UInt64) -> Rewritten {
        guard !pairs.isEmpty, let view = HTTPMessageView(request) else {
            return Rewritten(bytes: request, substitutions: 0)
        }
        let session = session(of: view, connection)
        var edits = ByteEdits()
        rewriteURL(request, view.word(1), session, &edits)
        view.forEachField { rewriteField(view, $0, session, &edits) }
        let body = rewrittenBody(view, session)
        guard body != nil || !edits.isEmpty else { return Rewritten(bytes: request, substitutions: 0) }
        return Rewritten(
            bytes: view.rewritten(head: edits, body: body?.bytes),
            substitutions: edits.count + (body?.substitutions ?? 0))
    }

    /// The clone's counterpart of a recorded value at its place.
    private mutating func counterpart(
        _ value: DecodedBytes, at place: Place, _ session: UInt64
    ) -> [UInt8]? {
        let hash = value.hash
        let keys = (Self.token(hash), Self.placed(session, place, hash))
        if let pair = pairs[keys.0], value.equals(pair.recorded) {
            pairs.touch(keys.0)
            return pair.clone
        }
        guard session != 0, let pair = pairs[keys.1], value.equals(pair.recorded) else { return nil }
        pairs.touch(keys.1)
        return pair.clone
    }

    private mutating func replace(
        _ bytes: [UInt8], _ range: Range<Int>, _ coding: ValueCoding, at place: Place, _ session: UInt64,
        _ edits: inout ByteEdits
    ) {
        guard !range.isEmpty, let value = counterpart(DecodedBytes(bytes, range, coding), at: place, session) else {
            return
        }
        // A line end in a header would end it.
        guard coding != .plain || Self.fitsHeader(value) else { return }
        edits.replace(range, by: ValueEncoding.encode(value, coding, like: bytes[range]))
    }

    private static func fitsHeader(_ value: [UInt8]) -> Bool { value.allSatisfy { $0 >= 0x20 && $0 != 0x7f } }

    private mutating func rewriteURL(
        _ bytes: [UInt8], _ range: Range<Int>, _ session: UInt64, _ edits: inout ByteEdits
    ) {
        URLScanner.forEachValue(bytes, range) { rewrite(bytes, $0, session, &edits) }
    }

    private mutating func rewrite(
        _ bytes: [UInt8], _ found: FoundValue, _ session: UInt64, _ edits: inout ByteEdits
    ) {
        let before = edits.count
        let place = found.place(in: bytes)
        replace(bytes, found.value, found.coding, at: place, session, &edits)
        guard edits.count == before else { return }
        if found.kind == .segment {
            // `42.json`
            guard let dot = bytes[found.value].lastIndex(of: 0x2e) else { return }
            replace(bytes, found.value.lowerBound..<dot, found.coding, at: place, session, &edits)
        } else {
            rewriteNestedURL(bytes, found.value, found.coding, session, &edits)
        }
    }

    /// A value that is a URL itself, such as `next=%2Forders%2F42`.
    private mutating func rewriteNestedURL(
        _ bytes: [UInt8], _ range: Range<Int>, _ coding: ValueCoding, _ session: UInt64, _ edits: inout ByteEdits
    ) {
        var start = DecodedBytes(bytes, range, coding)
        guard let first = start.next(), first == 0x2f || first == 0x68, range.count <= limits.longestValue else {
            return
        }
        let plain = Array(DecodedBytes(bytes, range, coding))
        guard URLScanner.canStart(plain, 0..<plain.count) else { return }
        var inner = ByteEdits()
        URLScanner.forEachValue(plain, 0..<plain.count) {
            replace(plain, $0.value, $0.coding, at: $0.place(in: plain), session, &inner)
        }
        guard !inner.isEmpty else { return }
        let value = inner.applied(to: plain, 0..<plain.count)
        edits.replace(range, by: ValueEncoding.encode(value, coding, like: bytes[range]))
    }

    private mutating func rewriteField(
        _ view: HTTPMessageView, _ field: HTTPMessageView.Field, _ session: UInt64, _ edits: inout ByteEdits
    ) {
        let bytes = view.bytes
        let name = field.name
        guard !Self.plain.contains(where: { bytes.equals($0, name) }) else { return }
        if bytes.equals("cookie", name) {
            URLScanner.cookies(bytes, field.value) { rewriteCookie(bytes, $0, session, &edits) }
        } else if bytes.equals("referer", name) {
            rewriteURL(bytes, field.value, session, &edits)
        } else if bytes.equals("if-none-match", name) || bytes.equals("if-match", name) {
            var rest = field.value
            while let tag = bytes.quoted(rest) {
                replace(bytes, tag, .plain, at: .entityTag, session, &edits)
                rest = tag.upperBound + 1..<rest.upperBound
            }
        } else {
            let isCredentials = bytes.equals("authorization", name)
            let value = isCredentials ? bytes.credentials(field.value) : field.value
            replace(bytes, value, .plain, at: .header(DecodedBytes(bytes, name, .plain)), session, &edits)
        }
    }

    /// Headers that every request has and that carry nothing of a session.
    private static let plain: [StaticString] = [
        "host", "user-agent", "accept", "accept-encoding", "accept-language", "connection", "content-type",
        "content-length", "cache-control", "origin", "date",
    ]

    private mutating func rewriteCookie(
        _ bytes: [UInt8], _ cookie: FoundValue, _ session: UInt64, _ edits: inout ByteEdits
    ) {
        let before = edits.count
        let name = DecodedBytes(bytes, cookie.name, .plain)
        replace(bytes, cookie.value, .plain, at: .cookie(name), session, &edits)
        guard edits.count == before, session != 0, let last = pairs[Self.cookie(session, name.hash)],
            !bytes[cookie.value].elementsEqual(last.clone), Self.fitsHeader(last.clone)
        else { return }
        // The clone has set this cookie to something else than the on-line server ever since.
        edits.replace(cookie.value, by: last.clone)
    }

    private mutating func rewrittenBody(
        _ view: HTTPMessageView, _ session: UInt64
    ) -> (bytes: [UInt8], substitutions: Int)? {
        let kind = view.kind
        guard !view.bodyRange.isEmpty, view.bodyRange.count <= limits.searchedBody, kind == .form || kind == .json,
            view.field("content-encoding") == nil
        else { return nil }
        let body = view.body(limit: limits.searchedBody)
        guard !body.isOpaque else { return nil }
        var edits = ByteEdits()
        if kind == .form {
            URLScanner.parameters(body.bytes, body.range) { rewrite(body.bytes, $0, session, &edits) }
        } else {
            let isWhole = JSONScanner.scan(body.bytes, body.range) { leaf, scanner in
                rewriteLeaf(body.bytes, leaf, scanner, session, &edits)
            }
            guard isWhole else { return nil }
        }
        return edits.isEmpty ? nil : (edits.applied(to: body.bytes, body.range), edits.count)
    }

    private mutating func rewriteLeaf(
        _ bytes: [UInt8], _ leaf: JSONScanner.Leaf, _ scanner: JSONScanner, _ session: UInt64,
        _ edits: inout ByteEdits
    ) {
        guard leaf.kind == .string || leaf.kind == .number, !leaf.value.isEmpty else { return }
        let isString = leaf.kind == .string
        let value = DecodedBytes(bytes, leaf.value, isString ? .json : .plain)
        let name = leaf.name ?? 0..<0
        var made = counterpart(value, at: .parameter(DecodedBytes(bytes, name, .json)), session)
        if made == nil, hasJSONTargets {
            made =
                counterpart(value, at: .json(scanner.path, isExact: true), session)
                ?? counterpart(value, at: .json(scanner.path, isExact: false), session)
        }
        if let made {
            // A number can only become a number.
            guard isString || made.allSatisfy(\.isDigit) && made.first != 0x30 || made == [0x30] else { return }
            edits.replace(leaf.value, by: ValueEncoding.encode(made, isString ? .json : .plain, like: []))
        } else if isString {
            rewriteNestedURL(bytes, leaf.value, .json, session, &edits)
        }
    }
}
