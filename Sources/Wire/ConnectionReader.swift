package import Model

/// What a reader is told when its connection begins.
package struct ReaderSetting: Sendable {
    package var connection: ConnectionID
    /// Whether the connection's first bytes were seen. If not, the reader finds a message's start by itself.
    package var fromStart: Bool
    /// Whether `label`, `bytes` and `detail` of what it emits are filled. Without, a reader keeps no payload and
    /// allocates nothing for a message.
    package var keepsPayload: Bool
    /// Of payload only the requests' bytes are wanted: a reader may leave `label` and a reply's bytes empty.
    package var requestsOnly = false
    /// Bytes kept of one message, or of all that are under way on the connection, before they are lost as too large.
    package var payloadLimit: Int

    package init(
        _ connection: ConnectionID, fromStart: Bool, keepsPayload: Bool = true, payloadLimit: Int = 64 << 20
    ) {
        self.connection = connection
        self.fromStart = fromStart
        self.keepsPayload = keepsPayload
        self.payloadLimit = payloadLimit
    }
}

/// One connection's reader: bytes of both directions in, events out; a state machine without I/O.
///
/// Each byte comes once and in order, in pieces of any size. Requests are numbered from 0; `.request` is emitted when a
/// request is whole, `.exchange` when its reply is, `.lost` for what will not become whole. Foreign bytes never trap.
package protocol ConnectionReader: Sendable {
    init(_ setting: ReaderSetting)
    mutating func client(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void)
    /// A request that another reader of the protocol has found to be one and whole: its reply is all that is wanted, so
    /// that little has to be read of it.
    mutating func asked(_ request: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void)
    mutating func server(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void)
    /// Bytes of either direction were not captured: nothing is ever joined across.
    mutating func gap(fromClient: Bool, at time: Timestamp, emit: (WireEvent) -> Void)
    /// The side has said all it had to say.
    mutating func clientClosed(at time: Timestamp, emit: (WireEvent) -> Void)
    mutating func serverClosed(at time: Timestamp, emit: (WireEvent) -> Void)
    /// A reset, or the end of our attention: what is under way will not become whole.
    mutating func cutOff(at time: Timestamp, emit: (WireEvent) -> Void)
    /// Bytes it holds now, for the bound on the memory of all connections.
    var retainedBytes: Int { get }
}

extension ConnectionReader {
    package mutating func asked(_ request: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {
        client(request, at: time, emit: emit)
    }
}

/// How sure a protocol is that a connection speaks it.
package enum Recognition: Int, Comparable, Sendable {
    case no, unsure, likely, certain

    package static func < (a: Recognition, b: Recognition) -> Bool { a.rawValue < b.rawValue }
}

/// A protocol's line in the table: its name, its usual ports, how its connections are recognised by their first bytes
/// (either may still be empty), and its reader.
package struct ProtocolEntry: Sendable {
    package let name: ApplicationProtocol
    package let ports: [UInt16]
    package let recognise: @Sendable (_ client: Span<UInt8>, _ server: Span<UInt8>) -> Recognition
    package let reader: @Sendable (ReaderSetting) -> any ConnectionReader

    package init(
        _ name: ApplicationProtocol, ports: [UInt16],
        recognise: @escaping @Sendable (Span<UInt8>, Span<UInt8>) -> Recognition,
        reader: @escaping @Sendable (ReaderSetting) -> any ConnectionReader
    ) {
        self.name = name
        self.ports = ports
        self.recognise = recognise
        self.reader = reader
    }
}

/// All protocols that are read. A new one is a reader in a file of its own, its name in `ApplicationProtocol`, and a
/// line here.
package enum ProtocolTable {
    package static let all: [ProtocolEntry] = [
        HTTPReader.entry,
        PostgreSQLReader.entry,
        MySQLReader.entry,
        RedisReader.entry,
        TurnReader.entry,
    ]

    package static func entry(_ name: ApplicationProtocol) -> ProtocolEntry? { all.first { $0.name == name } }

    /// Whether some protocol usually serves there.
    static func usesPort(_ port: UInt16) -> Bool { all.contains { $0.ports.contains(port) } }
}
