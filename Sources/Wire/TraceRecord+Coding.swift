import Model

/// Records to bytes and back, one block's worth at a time: times are differences within the block.
struct TraceRecordEncoder {
    private var base: Int64 = 0
    private var fields = TraceEncoder()

    /// Appends a record: its length, its kind, its fields.
    mutating func encode(_ record: TraceRecord, to encoder: inout TraceEncoder) {
        fields.clear()
        switch record {
        case .connection(let connection, let isOpened):
            fields.byte(1)
            fields.varint(connection.id)
            fields.byte(isOpened ? 1 : 0)
            fields.byte(connection.protocolName.traceCode)
            fields.endpoint(connection.client)
            fields.endpoint(connection.server)
            // A connection that is named again may be hours old: it does not move the base.
            fields.signed(connection.opened.nanoseconds &- base)
            if isOpened { base = connection.opened.nanoseconds }
        case .exchange(let id, let exchange):
            fields.byte(2)
            fields.varint(id)
            encode(exchange)
        case .lost(let id, let count, let reason, let time):
            fields.byte(3)
            fields.varint(id)
            fields.count(count)
            fields.text(reason.rawValue)
            self.time(time)
        case .closed(let id, let time):
            fields.byte(4)
            fields.varint(id)
            self.time(time)
        case .drops(let drops, let time):
            fields.byte(5)
            self.time(time)
            for field in TraceDrops.fields { fields.count(drops[keyPath: field]) }
        case .packet(let packet):
            fields.byte(6)
            fields.little16(packet.link)
            time(packet.time)
            fields.count(packet.originalLength)
            fields.block(packet.bytes)
        }
        encoder.block(fields.bytes)
    }

    private mutating func time(_ time: Timestamp) {
        fields.signed(time.nanoseconds &- base)
        base = time.nanoseconds
    }

    private mutating func encode(_ exchange: Exchange) {
        let (request, reply) = (exchange.request, exchange.reply)
        fields.byte(exchange.protocolName.traceCode)
        fields.byte((reply.isError ? 1 : 0) | (reply.endedByClose ? 2 : 0))
        fields.count(request.number)
        time(request.passage.firstByte)
        // The other three from one to the next; the base stays with the first, as requests come in order.
        fields.signed(request.passage.lastByte.nanoseconds &- request.passage.firstByte.nanoseconds)
        fields.signed(reply.passage.firstByte.nanoseconds &- request.passage.lastByte.nanoseconds)
        fields.signed(reply.passage.lastByte.nanoseconds &- reply.passage.firstByte.nanoseconds)
        fields.count(request.passage.byteCount)
        fields.count(reply.passage.byteCount)
        fields.little64(request.key)
        fields.signed(Int64(reply.status))
        fields.text(request.label)
        fields.block(request.bytes)
        fields.block(reply.bytes)
    }
}

/// Reads the records of a block's payload one by one.
package struct TraceRecordCursor {
    private var decoder: TraceDecoder
    private var base: Int64 = 0
    /// Records of kinds or with codes that this version does not know; they were passed over.
    package private(set) var unknown = 0

    package init(_ payload: [UInt8]) { decoder = TraceDecoder(payload) }

    package mutating func next() throws(TraceDecodingError) -> TraceRecord? {
        while !decoder.isAtEnd {
            var fields = try decoder.part(try decoder.count())
            if let record = try record(&fields) { return record }
            unknown += 1
        }
        return nil
    }

    private mutating func record(_ fields: inout TraceDecoder) throws(TraceDecodingError) -> TraceRecord? {
        switch try fields.byte() {
        case 1:
            let id = try fields.varint()
            let isOpened = try fields.byte() & 1 == 1
            guard let name = ApplicationProtocol(traceCode: try fields.byte()) else { return nil }
            let client = try fields.endpoint()
            let server = try fields.endpoint()
            let opened = base &+ (try fields.signed())
            if isOpened { base = opened }
            return .connection(
                TraceConnection(
                    id: id, client: client, server: server, protocolName: name, opened: Timestamp(nanoseconds: opened)),
                isOpened: isOpened)
        case 2:
            let id = try fields.varint()
            return try exchange(&fields).map { .exchange(id, $0) }
        case 3:
            let id = try fields.varint()
            let count = try fields.count()
            let reason = LossReason(rawValue: try fields.text())
            let time = try time(&fields)
            return reason.map { .lost(id, count: count, $0, time) }
        case 4:
            let id = try fields.varint()
            return .closed(id, try time(&fields))
        case 5:
            let time = try time(&fields)
            var drops = TraceDrops()
            for field in TraceDrops.fields { drops[keyPath: field] = fields.isAtEnd ? 0 : try fields.count() }
            return .drops(drops, time)
        case 6:
            let link = try fields.little16()
            let time = try time(&fields)
            let length = try fields.count()
            return .packet(TracePacket(link: link, time: time, originalLength: length, bytes: try fields.block()))
        default:
            return nil
        }
    }

    private mutating func time(_ fields: inout TraceDecoder) throws(TraceDecodingError) -> Timestamp {
        base = base &+ (try fields.signed())
        return Timestamp(nanoseconds: base)
    }

    private mutating func exchange(_ fields: inout TraceDecoder) throws(TraceDecodingError) -> Exchange? {
        let name = ApplicationProtocol(traceCode: try fields.byte())
        let flags = try fields.byte()
        let number = try fields.count()
        let firstAsked = try time(&fields)
        let asked = Timestamp(nanoseconds: firstAsked.nanoseconds &+ (try fields.signed()))
        let firstAnswered = Timestamp(nanoseconds: asked.nanoseconds &+ (try fields.signed()))
        let answered = Timestamp(nanoseconds: firstAnswered.nanoseconds &+ (try fields.signed()))
        let requestCount = try fields.count()
        let replyCount = try fields.count()
        let key = try fields.little64()
        guard let status = Int(exactly: try fields.signed()) else { throw .outOfRange }
        let label = try fields.text()
        let requestBytes = try fields.block()
        let replyBytes = try fields.block()
        guard let name else { return nil }
        return Exchange(
            name,
            request: Request(
                number: number,
                passage: Passage(firstByte: firstAsked, lastByte: asked, byteCount: requestCount), key: key,
                label: label, bytes: requestBytes),
            reply: Reply(
                passage: Passage(firstByte: firstAnswered, lastByte: answered, byteCount: replyCount), status: status,
                isError: flags & 1 != 0, endedByClose: flags & 2 != 0, bytes: replyBytes))
    }
}
