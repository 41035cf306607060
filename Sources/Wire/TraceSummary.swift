package import Model

/// What a whole trace holds, kept up while it is written and read from its index.
package struct TraceSummary: Hashable, Sendable {
    /// Requests, what failed of them, and bytes, of one protocol.
    package struct Traffic: Hashable, Sendable {
        package var exchanges = 0
        package var errors = 0
        package var requestBytes = 0
        package var replyBytes = 0
        package init() {}
    }

    package var traffic: [ApplicationProtocol: Traffic] = [:]
    package var connections = 0
    package var lost: [LossReason: Int] = [:]
    package var drops = TraceDrops()
    package var packets = 0
    package var packetBytes = 0
    /// Of anything in it; in the wrong order when there is nothing.
    package var first = Timestamp.distantFuture
    package var last = Timestamp.distantPast
    /// So that what is appended gets numbers of its own.
    package var highestConnection: ConnectionID = 0

    package init() {}

    package var exchanges: Int { traffic.values.reduce(0) { $0.addingWithinLimits($1.exchanges) } }
    package var lostRequests: Int { lost.values.reduce(0) { $0.addingWithinLimits($1) } }
    package var isEmpty: Bool { first > last }

    /// Sums stay at the limit rather than trap: a trace may come from elsewhere and say anything.
    package mutating func add(_ record: TraceRecord) {
        if let id = record.connection { highestConnection = max(highestConnection, id) }
        switch record {
        case .connection(_, let isOpened):
            // Named again it is counted already.
            guard isOpened else { return }
            connections = connections.addingWithinLimits(1)
        case .exchange(_, let exchange):
            traffic[exchange.protocolName, default: Traffic()].add(exchange)
        case .lost(_, let count, let reason, _): lost[reason] = (lost[reason] ?? 0).addingWithinLimits(count)
        case .closed: break
        case .drops(let more, _): drops = drops + more
        case .packet(let packet):
            packets = packets.addingWithinLimits(1)
            packetBytes = packetBytes.addingWithinLimits(packet.bytes.count)
        }
        let span = record.span
        first = min(first, span.lowerBound)
        last = max(last, span.upperBound)
    }
}

extension TraceSummary.Traffic {
    fileprivate mutating func add(_ exchange: Exchange) {
        exchanges = exchanges.addingWithinLimits(1)
        if exchange.reply.isError { errors = errors.addingWithinLimits(1) }
        requestBytes = requestBytes.addingWithinLimits(exchange.request.passage.byteCount)
        replyBytes = replyBytes.addingWithinLimits(exchange.reply.passage.byteCount)
    }

    fileprivate static var fields: [WritableKeyPath<Self, Int>] {
        [\.exchanges, \.errors, \.requestBytes, \.replyBytes]
    }
}

extension TraceSummary {
    func encode(to encoder: inout TraceEncoder) {
        encoder.count(traffic.count)
        for (name, traffic) in traffic.sorted(by: { $0.key.traceCode < $1.key.traceCode }) {
            encoder.byte(name.traceCode)
            for field in Traffic.fields { encoder.count(traffic[keyPath: field]) }
        }
        encoder.count(lost.count)
        for (reason, count) in lost.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            encoder.text(reason.rawValue)
            encoder.count(count)
        }
        encoder.count(TraceDrops.fields.count)
        for field in TraceDrops.fields { encoder.count(drops[keyPath: field]) }
        for value in [connections, packets, packetBytes] { encoder.count(value) }
        encoder.signed(first.nanoseconds)
        encoder.signed(last.nanoseconds)
        encoder.varint(highestConnection)
    }

    init(from decoder: inout TraceDecoder) throws(TraceDecodingError) {
        self.init()
        for _ in 0..<(try decoder.count(upTo: 255)) {
            let name = ApplicationProtocol(traceCode: try decoder.byte())
            var traffic = Traffic()
            for field in Traffic.fields { traffic[keyPath: field] = try decoder.count() }
            if let name { self.traffic[name] = traffic }
        }
        for _ in 0..<(try decoder.count(upTo: 255)) {
            let reason = LossReason(rawValue: try decoder.text())
            let count = try decoder.count()
            if let reason { lost[reason] = count }
        }
        // A later version may count more.
        for index in 0..<(try decoder.count(upTo: 255)) {
            let value = try decoder.count()
            if TraceDrops.fields.indices.contains(index) { drops[keyPath: TraceDrops.fields[index]] = value }
        }
        connections = try decoder.count()
        packets = try decoder.count()
        packetBytes = try decoder.count()
        first = Timestamp(nanoseconds: try decoder.signed())
        last = Timestamp(nanoseconds: try decoder.signed())
        highestConnection = try decoder.varint()
    }
}

extension TraceDecoder {
    mutating func count(upTo limit: Int) throws(TraceDecodingError) -> Int {
        let count = try count()
        guard count <= limit else { throw .outOfRange }
        return count
    }
}

extension Int {
    func addingWithinLimits(_ other: Int) -> Int {
        let (sum, isBeyond) = addingReportingOverflow(other)
        return isBeyond ? (other < 0 ? .min : .max) : sum
    }
}
