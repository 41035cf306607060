package import Model

/// What of a TCP direction was not plain sailing. Nothing of it is an error of the stream but gaps.
package struct StreamAccount: Sendable, Hashable {
    package var segments = 0
    /// Payload bytes handed on.
    package var bytes = 0
    /// Segments that brought nothing new; keep-alive probes among them.
    package var retransmitted = 0
    package var keepAlives = 0
    package var outOfOrder = 0
    /// Bytes that came again in segments that also brought new ones: the first copy won.
    package var overlapped = 0
    package var gaps = 0
    package var missingBytes = 0
    package var zeroWindows = 0
    /// Segments and resets far outside the window, that no receiver would have taken.
    package var outsideWindow = 0
}

/// One direction of a TCP connection put back in order (RFC 9293, section 3.10).
///
/// Bytes are handed on once and in order; where copies overlap, the first that came wins. Bytes that were never seen are
/// a gap, which is said and never joined across. Out-of-order bytes wait, at most `limit` of them: then the hole before
/// them is given up. In the steady state a segment is the next one, and is handed on from where it is.
package struct HalfStream: Sendable {
    private struct Waiting: Sendable {
        var sequence: UInt32
        var bytes: [UInt8]
        var time: Timestamp
    }

    package static let limit = 1 << 20
    /// The largest window that TCP can have (RFC 7323, section 2.3): nothing further ahead was ever asked for.
    private static let window: Int32 = 1 << 30
    /// What a waiting segment costs besides its bytes: many small ones must not take more than `limit` either.
    private static let cost = 64

    /// The next sequence number to hand on; nil until the first segment is seen.
    package private(set) var next: UInt32?
    /// The number of the first byte: the next connection on the same ports has another.
    private var start: UInt32?
    /// In order and apart from each other.
    private var waiting: [Waiting] = []
    package private(set) var waitingBytes = 0
    /// Sequence number just behind the last byte, once a FIN said so.
    private var end: UInt32?
    package private(set) var account = StreamAccount()

    package init() {}

    package var isFinished: Bool { end != nil && end == next }
    var isStarted: Bool { next != nil }

    /// Whether a SYN with this number is this stream's own, perhaps repeated.
    func began(with sequence: UInt32) -> Bool { start == sequence &+ 1 }

    /// A SYN, or the other side's first acknowledgement, says which number the next byte has.
    package mutating func synchronise(_ number: UInt32) {
        guard next == nil else { return }
        (next, start) = (number, number)
    }

    package mutating func finish(_ sequence: UInt32) {
        synchronise(sequence)
        if end == nil { end = sequence }
    }

    mutating func noteZeroWindow() { account.zeroWindows += 1 }

    /// Whether a reset with this number can be the sender's own (RFC 9293, section 3.5.3; RFC 5961, section 3): one that
    /// a stranger guessed is not. Generous, as we may have missed what came just before.
    mutating func takesReset(_ sequence: UInt32) -> Bool {
        guard let next else { return true }
        let ahead = Int32(bitPattern: sequence &- next)
        if ahead >= -(1 << 24) && ahead <= 1 << 24 { return true }
        account.outsideWindow += 1
        return false
    }

    /// Takes a segment's bytes; hands on what is whole now.
    package mutating func accept(
        _ sequence: UInt32, _ payload: Span<UInt8>, cutOff: Int, at time: Timestamp,
        deliver: (Span<UInt8>, Timestamp) -> Void, gap: (Int) -> Void
    ) {
        account.segments += 1
        let length = payload.count + cutOff
        guard length > 0 else {
            if let next, sequence == next &- 1, end == nil { account.keepAlives += 1 }
            return
        }
        synchronise(sequence)
        let expected = next ?? sequence
        let ahead = Int32(bitPattern: sequence &- expected)
        guard ahead <= Self.window else {
            account.outsideWindow += 1
            return
        }
        if ahead > 0 {
            account.outOfOrder += 1
            hold(sequence, payload, expected, time)
            if waitingBytes > Self.limit { giveUpHole(deliver: deliver, gap: gap) }
            return
        }
        let seen = Int(-Int64(ahead))
        guard seen < length else {
            account.retransmitted += 1
            // A probe repeats the one byte before the next (RFC 9293, section 3.8.4).
            if length == 1, seen == 1 { account.keepAlives += 1 }
            return
        }
        account.overlapped += seen
        // Where bytes that came earlier wait, they win: only what stands before them is taken from this copy.
        if let first = waiting.first, Int32(bitPattern: first.sequence &- sequence) < Int32(truncatingIfNeeded: length)
        {
            hold(sequence, payload, expected, time)
            drain(notBefore: time, deliver: deliver)
            // The snap length may have left a hole in front of what waits.
            if cutOff > 0 { acknowledged(sequence &+ UInt32(truncatingIfNeeded: length), deliver: deliver, gap: gap) }
            return
        }
        if seen < payload.count { hand(payload.extracting(seen..<payload.count), expected, time, deliver) }
        if cutOff > 0 {
            lose(min(cutOff, length - seen), gap)
            next = sequence &+ UInt32(truncatingIfNeeded: length)
        }
        // What waited for these bytes is whole now, not when it came.
        if !waiting.isEmpty { drain(notBefore: time, deliver: deliver) }
    }

    private mutating func hand(
        _ bytes: Span<UInt8>, _ sequence: UInt32, _ time: Timestamp, _ deliver: (Span<UInt8>, Timestamp) -> Void
    ) {
        next = sequence &+ UInt32(truncatingIfNeeded: bytes.count)
        account.bytes += bytes.count
        deliver(bytes, time)
    }

    private mutating func lose(_ count: Int, _ gap: (Int) -> Void) {
        account.gaps += 1
        account.missingBytes += count
        gap(count)
    }

    /// The receiver has acknowledged up to `sequence`: what we have not seen by now was lost to us, not to it.
    package mutating func acknowledged(
        _ sequence: UInt32, deliver: (Span<UInt8>, Timestamp) -> Void, gap: (Int) -> Void
    ) {
        guard let expected = next, sequence != expected else { return }
        let ahead = Int32(bitPattern: sequence &- expected)
        guard ahead > 0, ahead <= Self.window else { return }
        // A FIN takes a number too and carries no byte.
        if let end, sequence == end &+ 1, expected == end { return }
        while let expected = next, Int32(bitPattern: sequence &- expected) > 0 {
            // What waits from that number on has no hole before it any more.
            guard let first = waiting.first, Int32(bitPattern: sequence &- first.sequence) >= 0 else {
                var missing = Int(sequence &- expected)
                // One number that nothing follows may be that of a FIN we did not see.
                if missing == 1 && end == nil && waiting.isEmpty { return }
                if let end, sequence == end &+ 1 { missing -= 1 }
                if missing > 0 { lose(missing, gap) }
                next = expected &+ UInt32(truncatingIfNeeded: missing)
                return
            }
            giveUpHole(deliver: deliver, gap: gap)
        }
    }

    /// Gives up on the bytes before the first that waits.
    package mutating func giveUpHole(deliver: (Span<UInt8>, Timestamp) -> Void, gap: (Int) -> Void) {
        guard let first = waiting.first, let expected = next else { return }
        let missing = Int32(bitPattern: first.sequence &- expected)
        if missing > 0 {
            lose(Int(missing), gap)
            next = first.sequence
        }
        drain(notBefore: .distantPast, deliver: deliver)
    }

    /// Keeps the bytes that no segment has brought before.
    private mutating func hold(_ sequence: UInt32, _ payload: Span<UInt8>, _ expected: UInt32, _ time: Timestamp) {
        // Distances from the next byte: what waits is ahead of it, so that wrapped numbers keep their order.
        let distance = { (number: UInt32) in Int(Int32(bitPattern: number &- expected)) }
        let start = distance(sequence)
        let end = start + payload.count
        var from = max(0, start)
        // Usually it follows the last one that waits.
        var place = waiting.count
        while place > 0, distance(waiting[place - 1].sequence) + waiting[place - 1].bytes.count > from { place -= 1 }
        while from < end {
            let until = place < waiting.count ? min(end, distance(waiting[place].sequence)) : end
            if until > from {
                let bytes = [UInt8](payload.extracting(from - start..<until - start))
                waiting.insert(
                    Waiting(sequence: expected &+ UInt32(truncatingIfNeeded: from), bytes: bytes, time: time), at: place
                )
                waitingBytes += bytes.count + Self.cost
                place += 1
            }
            guard place < waiting.count, until < end else { return }
            let behind = distance(waiting[place].sequence) + waiting[place].bytes.count
            account.overlapped += min(end, behind) - until
            from = behind
            place += 1
        }
    }

    private mutating func drain(notBefore time: Timestamp, deliver: (Span<UInt8>, Timestamp) -> Void) {
        var latest = time
        var drained = 0
        while drained < waiting.count, let expected = next {
            let first = waiting[drained]
            let seen = Int(Int32(bitPattern: expected &- first.sequence))
            guard seen >= 0 else { break }
            drained += 1
            waitingBytes -= first.bytes.count + Self.cost
            guard seen < first.bytes.count else { continue }
            latest = max(latest, first.time)
            hand(first.bytes.span.extracting(seen..<first.bytes.count), expected, latest, deliver)
        }
        waiting.removeSubrange(..<drained)
    }
}
