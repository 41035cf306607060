import Model

/// One direction of a TCP connection put back in order (RFC 9293, section 3.10).
///
/// Bytes are handed on once and in order; where copies overlap, the first wins. Bytes that were never seen are a gap,
/// which is said and never joined across. Out-of-order bytes wait, at most `limit` of them.
struct HalfStream: Sendable {
    /// What happened to the stream, in order.
    enum Piece: Sendable {
        case bytes([UInt8], Timestamp)
        case gap(Int)
    }

    private struct Waiting: Sendable {
        var sequence: UInt32
        var bytes: [UInt8]
        var time: Timestamp
    }

    static let limit = 1 << 20
    /// What a waiting segment costs besides its bytes: many small ones must not take more than `limit` either.
    private static let cost = 64

    /// The next sequence number to hand on; nil until the first segment is seen.
    private(set) var next: UInt32?
    /// The number of the first byte: the next connection on the same ports has another.
    private var start: UInt32?
    private var waiting: [Waiting] = []
    private var waitingBytes = 0
    /// Sequence number just behind the last byte, once a FIN said so.
    private var end: UInt32?
    private(set) var retransmitted = 0

    var isFinished: Bool { end != nil && end == next }
    var isStarted: Bool { next != nil }

    /// Whether a SYN with this number is this stream's own, perhaps repeated.
    func began(with sequence: UInt32) -> Bool { start == sequence &+ 1 }

    /// A SYN, or the other side's first acknowledgement, says which number the next byte has.
    mutating func synchronise(_ number: UInt32) {
        guard next == nil else { return }
        (next, start) = (number, number)
    }

    mutating func finish(_ sequence: UInt32) {
        synchronise(sequence)
        end = sequence
    }

    /// Takes a segment's bytes. In the steady state it is the next one, and is handed on without waiting.
    mutating func accept(
        _ sequence: UInt32, _ payload: Span<UInt8>, cutOff: Int, at time: Timestamp,
        deliver: (Span<UInt8>, Timestamp) -> Void, gap: (Int) -> Void
    ) {
        guard payload.count + cutOff > 0 else { return }
        synchronise(sequence)
        let expected = next ?? sequence
        let ahead = Int32(bitPattern: sequence &- expected)
        if ahead <= 0 {
            let seen = Int(-Int64(ahead))
            // A keep-alive probe repeats one byte that was sent before.
            guard seen < payload.count + cutOff else {
                retransmitted += 1
                return
            }
            if seen > 0 { retransmitted += 1 }
            if seen < payload.count {
                deliver(payload.extracting(seen..<payload.count), time)
                next = expected &+ UInt32(payload.count - seen)
            }
            if cutOff > 0 {
                gap(min(cutOff, payload.count + cutOff - seen))
                next = sequence &+ UInt32(payload.count + cutOff)
            }
            // What waited for these bytes is whole now, not when it came.
            drain(notBefore: time, deliver: deliver)
        } else {
            hold(sequence, payload, time)
            if waitingBytes > Self.limit { skip(deliver: deliver, gap: gap) }
        }
    }

    /// The receiver has acknowledged up to `sequence`: what we have not seen by now was lost to us, not to it.
    mutating func acknowledged(
        _ sequence: UInt32, deliver: (Span<UInt8>, Timestamp) -> Void, gap: (Int) -> Void
    ) {
        guard let expected = next, Int32(bitPattern: sequence &- expected) > 0 else { return }
        // A FIN takes a number too and carries no byte.
        if let end, sequence == end &+ 1, expected == end { return }
        while let expected = next, Int32(bitPattern: sequence &- expected) > 0 {
            guard let first = waiting.first, Int32(bitPattern: sequence &- first.sequence) > 0 else {
                var missing = Int(sequence &- expected)
                // One number that nothing follows may be that of a FIN we did not see.
                if missing == 1 && end == nil && waiting.isEmpty { return }
                if let end, sequence == end &+ 1 { missing -= 1 }
                if missing > 0 { gap(missing) }
                next = expected &+ UInt32(missing)
                return
            }
            skip(deliver: deliver, gap: gap)
        }
    }

    /// Gives up on the bytes before the first that waits.
    private mutating func skip(deliver: (Span<UInt8>, Timestamp) -> Void, gap: (Int) -> Void) {
        guard let first = waiting.first, let expected = next else { return }
        let missing = Int32(bitPattern: first.sequence &- expected)
        if missing > 0 {
            gap(Int(missing))
            next = first.sequence
        }
        drain(notBefore: .distantPast, deliver: deliver)
    }

    private mutating func hold(_ sequence: UInt32, _ payload: Span<UInt8>, _ time: Timestamp) {
        guard payload.count > 0 else { return }
        let place = (waiting.lastIndex { Int32(bitPattern: $0.sequence &- sequence) <= 0 } ?? -1) + 1
        var copy: [UInt8] = []
        copy.reserveCapacity(payload.count)
        for index in payload.indices { copy.append(payload[index]) }
        waiting.insert(Waiting(sequence: sequence, bytes: copy, time: time), at: place)
        waitingBytes += payload.count + Self.cost
    }

    private mutating func drain(notBefore time: Timestamp, deliver: (Span<UInt8>, Timestamp) -> Void) {
        var latest = time
        var drained = 0
        while drained < waiting.count, let expected = next {
            let first = waiting[drained]
            let seen = Int32(bitPattern: expected &- first.sequence)
            guard seen >= 0 else { break }
            drained += 1
            waitingBytes -= first.bytes.count + Self.cost
            guard Int(seen) < first.bytes.count else { continue }
            latest = max(latest, first.time)
            deliver(first.bytes.span.extracting(Int(seen)..<first.bytes.count), latest)
            next = first.sequence &+ UInt32(first.bytes.count)
        }
        waiting.removeSubrange(..<drained)
    }
}
