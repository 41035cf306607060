import Model

/// What one connection went through: both directions' accounts, and what was lost on it.
package struct ConnectionAccount: Sendable, Hashable {
    package var client = StreamAccount()
    package var server = StreamAccount()

    package init(client: StreamAccount = StreamAccount(), server: StreamAccount = StreamAccount()) {
        self.client = client
        self.server = server
    }

    package var gaps: Int { client.gaps + server.gaps }
    package var missingBytes: Int { client.missingBytes + server.missingBytes }
}

/// One TCP connection: both directions in order, and the reader of what is said on it.
struct Connection {
    let id: ConnectionID
    /// Whether the client is the end that `FlowKey` names first.
    let clientIsFirst: Bool
    private var fromClient = HalfStream()
    private var fromServer = HalfStream()
    private var reader: any ConnectionReader
    /// Whether the server's first byte is known by its SYN. Where that was not captured, what the client acknowledges may
    /// lie anywhere in the stream.
    private var knowsServerStart: Bool
    private var clientClosed = false
    private var serverClosed = false
    /// Whether the first bytes of the client have been looked at.
    private var isKnownPlain: Bool
    private(set) var lastSeen: Timestamp
    /// Bytes held after the last segment, in waiting segments and in the reader.
    private(set) var retainedBytes = 0

    init(
        _ id: ConnectionID, clientIsFirst: Bool, _ reader: any ConnectionReader, fromStart: Bool, at time: Timestamp
    ) {
        self.id = id
        self.clientIsFirst = clientIsFirst
        self.reader = reader
        isKnownPlain = !fromStart
        // From the middle, the reader finds its way by itself.
        knowsServerStart = !fromStart
        lastSeen = time
    }

    var account: ConnectionAccount { ConnectionAccount(client: fromClient.account, server: fromServer.account) }

    /// Of both directions.
    var losses: (gaps: Int, bytes: Int) {
        (
            fromClient.account.gaps + fromServer.account.gaps,
            fromClient.account.missingBytes + fromServer.account.missingBytes
        )
    }

    /// Whether a SYN with this number opens another connection on the same ports.
    func isAnother(_ sequence: UInt32, isClient: Bool) -> Bool {
        let half = isClient ? fromClient : fromServer
        return half.isStarted && !half.began(with: sequence)
    }

    /// What a segment changed.
    struct Change {
        var ended: Bool
        /// Bytes held more, or less, than before.
        var retained: Int
        var gaps: Int
        var missingBytes: Int
    }

    /// Takes a segment. When more than `room` would be held, what waits and what is under way is given up.
    mutating func accept(
        _ segment: TCPSegment, _ payload: Span<UInt8>, sourceIsFirst: Bool, room: Int, at time: Timestamp,
        emit: (WireEvent) -> Void
    ) -> (Change, relinquished: Bool) {
        let before = (retained: retainedBytes, losses: losses)
        let ended = accept(segment, payload, isClient: clientIsFirst == sourceIsFirst, at: time, emit: emit)
        let isTooMuch = !ended && retainedBytes - before.retained > room
        if isTooMuch { relinquish(at: time, emit: emit) }
        let after = losses
        let change = Change(
            ended: ended, retained: retainedBytes - before.retained, gaps: after.gaps - before.losses.gaps,
            missingBytes: after.bytes - before.losses.bytes)
        return (change, isTooMuch)
    }

    /// True when the segment ended the connection.
    private mutating func accept(
        _ segment: TCPSegment, _ payload: Span<UInt8>, isClient: Bool, at time: Timestamp, emit: (WireEvent) -> Void
    ) -> Bool {
        lastSeen = time
        if segment.flags.contains(.reset) {
            return isClient ? fromClient.takesReset(segment.sequence) : fromServer.takesReset(segment.sequence)
        }
        // A SYN takes a number too; data may follow it at once (RFC 7413).
        let isSYN = segment.flags.contains(.syn)
        let first = isSYN ? segment.sequence &+ 1 : segment.sequence
        if isClient, !isKnownPlain, payload.count > 0 { lookForTLS(payload, at: time, emit: emit) }
        if isClient {
            if isSYN { fromClient.synchronise(first) }
            if segment.flags.contains(.acknowledgement) {
                // The end of the handshake, or the first request: nothing was answered yet.
                if !fromServer.isStarted, fromClient.began(with: first &- 1) { knowsServerStart = true }
                acknowledgeServer(segment.acknowledged, time, emit)
            }
            fromClient.accept(
                first, payload, cutOff: segment.cutOff, at: time,
                deliver: { reader.client($0, at: $1, emit: emit) },
                gap: { _ in reader.gap(fromClient: true, at: time, emit: emit) })
        } else {
            if isSYN {
                fromServer.synchronise(first)
                knowsServerStart = true
            }
            if segment.flags.contains(.acknowledgement) { acknowledgeClient(segment.acknowledged, time, emit) }
            fromServer.accept(
                first, payload, cutOff: segment.cutOff, at: time,
                deliver: { Self.hear($0, of: &reader, &knowsServerStart, at: $1, emit: emit) },
                gap: { _ in reader.gap(fromClient: false, at: time, emit: emit) })
        }
        if segment.flags.contains(.fin) {
            let end = first &+ UInt32(truncatingIfNeeded: payload.count + segment.cutOff)
            if isClient { fromClient.finish(end) } else { fromServer.finish(end) }
        }
        if segment.window == 0 {
            if isClient { fromClient.noteZeroWindow() } else { fromServer.noteZeroWindow() }
        }
        noteEnds(at: time, emit: emit)
        retainedBytes = fromClient.waitingBytes + fromServer.waitingBytes + reader.retainedBytes
        return clientClosed && serverClosed
    }

    /// The server's bytes: of a stream whose beginning is not known the first are not the first.
    private static func hear(
        _ bytes: Span<UInt8>, of reader: inout any ConnectionReader, _ isKnown: inout Bool, at time: Timestamp,
        emit: (WireEvent) -> Void
    ) {
        if !isKnown {
            isKnown = true
            reader.gap(fromClient: false, at: time, emit: emit)
        }
        reader.server(bytes, at: time, emit: emit)
    }

    private mutating func acknowledgeServer(_ number: UInt32, _ time: Timestamp, _ emit: (WireEvent) -> Void) {
        fromServer.synchronise(number)
        fromServer.acknowledged(
            number, deliver: { Self.hear($0, of: &reader, &knowsServerStart, at: $1, emit: emit) },
            gap: { _ in reader.gap(fromClient: false, at: time, emit: emit) })
    }

    private mutating func acknowledgeClient(_ number: UInt32, _ time: Timestamp, _ emit: (WireEvent) -> Void) {
        fromClient.synchronise(number)
        fromClient.acknowledged(
            number, deliver: { reader.client($0, at: $1, emit: emit) },
            gap: { _ in reader.gap(fromClient: true, at: time, emit: emit) })
    }

    private mutating func noteEnds(at time: Timestamp, emit: (WireEvent) -> Void) {
        let clientEnds = fromClient.isFinished && !clientClosed
        let serverEnds = fromServer.isFinished && !serverClosed
        if serverEnds {
            serverClosed = true
            reader.serverClosed(at: time, emit: emit)
        }
        if clientEnds {
            clientClosed = true
            reader.clientClosed(at: time, emit: emit)
        }
    }

    /// A client that begins with TLS (RFC 8446, section 5.1) will say nothing that can be read, whatever is served.
    private mutating func lookForTLS(_ payload: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {
        isKnownPlain = true
        guard Encryption.isClientHello(payload) else { return }
        emit(.lost(id, count: 1, .encrypted, time))
        reader = SilentReader()
    }

    /// Too much is held in all: the holes in front of what waits are given up, then what the reader has under way.
    private mutating func relinquish(at time: Timestamp, emit: (WireEvent) -> Void) {
        while fromClient.waitingBytes > 0 {
            fromClient.giveUpHole(
                deliver: { reader.client($0, at: $1, emit: emit) },
                gap: { _ in reader.gap(fromClient: true, at: time, emit: emit) })
        }
        while fromServer.waitingBytes > 0 {
            fromServer.giveUpHole(
                deliver: { Self.hear($0, of: &reader, &knowsServerStart, at: $1, emit: emit) },
                gap: { _ in reader.gap(fromClient: false, at: time, emit: emit) })
        }
        if reader.retainedBytes > 1 << 16 { reader.gap(fromClient: true, at: time, emit: emit) }
        retainedBytes = reader.retainedBytes
    }

    /// What is under way will not become whole; nothing is held any more.
    mutating func end(at time: Timestamp, emit: (WireEvent) -> Void) {
        reader.cutOff(at: time, emit: emit)
        emit(.closed(id, account, time))
        reader = SilentReader()
        // The place is used again later; what waited for a hole is let go now.
        (fromClient, fromServer) = (HalfStream(), HalfStream())
    }
}

/// How encrypted connections are known.
enum Encryption {
    /// A TLS record of type handshake that begins with a ClientHello (RFC 8446, sections 4 and 5.1).
    static func isClientHello(_ bytes: Span<UInt8>) -> Bool {
        bytes.count >= 6 && bytes[0] == 22 && bytes[1] == 3 && bytes[2] <= 4 && bytes[5] == 1
    }
}

/// Reads nothing: of a connection that is encrypted, or over.
struct SilentReader: ConnectionReader {
    init() {}
    init(_ setting: ReaderSetting) {}
    var retainedBytes: Int { 0 }
    func client(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {}
    func server(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {}
    func gap(fromClient: Bool, at time: Timestamp, emit: (WireEvent) -> Void) {}
    func clientClosed(at time: Timestamp, emit: (WireEvent) -> Void) {}
    func serverClosed(at time: Timestamp, emit: (WireEvent) -> Void) {}
    func cutOff(at time: Timestamp, emit: (WireEvent) -> Void) {}
}
