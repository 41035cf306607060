import Model

/// Finds out which protocol a connection speaks from what each side says first, then hands over to that protocol's
/// reader and stands behind it.
struct ProtocolFinder: ConnectionReader {
    /// A piece of what was said before the protocol was known.
    private struct Piece: Sendable {
        let fromClient: Bool
        let bytes: [UInt8]
        let time: Timestamp
    }

    /// First bytes of a side that recognition may look at.
    static let limit = 4096

    private let setting: ReaderSetting
    private let port: UInt16
    private var pieces: [Piece] = []
    private var client: [UInt8] = []
    private var server: [UInt8] = []
    private var reader: (any ConnectionReader)?

    init(_ setting: ReaderSetting) { self.init(setting, port: 0) }

    init(_ setting: ReaderSetting, port: UInt16) {
        self.setting = setting
        self.port = port
    }

    var retainedBytes: Int { reader?.retainedBytes ?? client.count + server.count }

    mutating func client(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {
        if reader != nil {
            reader?.client(bytes, at: time, emit: emit)
            return
        }
        client.append(bytes)
        pieces.append(Piece(fromClient: true, bytes: [UInt8](bytes), time: time))
        decide(at: time, isLast: false, emit: emit)
    }

    mutating func server(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {
        if reader != nil {
            reader?.server(bytes, at: time, emit: emit)
            return
        }
        server.append(bytes)
        pieces.append(Piece(fromClient: false, bytes: [UInt8](bytes), time: time))
        decide(at: time, isLast: false, emit: emit)
    }

    /// The protocol that is surest of the bytes; among equals the one whose port it is, then the first of the table.
    private mutating func decide(at time: Timestamp, isLast: Bool, emit: (WireEvent) -> Void) {
        var best: (entry: ProtocolEntry, sureness: Recognition)?
        for entry in ProtocolTable.all {
            let sureness = entry.recognise(client.span, server.span)
            let isOwnPort = entry.ports.contains(port)
            guard sureness > .no else { continue }
            if let known = best, sureness < known.sureness || sureness == known.sureness && !isOwnPort { continue }
            best = (entry, sureness)
        }
        let hasEnough = !client.isEmpty && !server.isEmpty || client.count + server.count > Self.limit
        guard let best, best.sureness == .certain || hasEnough || isLast else { return }
        emit(.recognised(setting.connection, best.entry.name, time))
        var found = best.entry.reader(setting)
        for piece in pieces {
            if piece.fromClient {
                found.client(piece.bytes.span, at: piece.time, emit: emit)
            } else {
                found.server(piece.bytes.span, at: piece.time, emit: emit)
            }
        }
        reader = found
        (pieces, client, server) = ([], [], [])
    }

    mutating func gap(fromClient: Bool, at time: Timestamp, emit: (WireEvent) -> Void) {
        if reader == nil, !pieces.isEmpty { decide(at: time, isLast: true, emit: emit) }
        if reader == nil { emit(.lost(setting.connection, count: 1, .gap, time)) }
        reader?.gap(fromClient: fromClient, at: time, emit: emit)
    }

    mutating func clientClosed(at time: Timestamp, emit: (WireEvent) -> Void) {
        if reader == nil, !pieces.isEmpty { decide(at: time, isLast: true, emit: emit) }
        reader?.clientClosed(at: time, emit: emit)
    }

    mutating func serverClosed(at time: Timestamp, emit: (WireEvent) -> Void) {
        if reader == nil, !pieces.isEmpty { decide(at: time, isLast: true, emit: emit) }
        reader?.serverClosed(at: time, emit: emit)
    }

    mutating func cutOff(at time: Timestamp, emit: (WireEvent) -> Void) {
        if reader == nil, !pieces.isEmpty { decide(at: time, isLast: true, emit: emit) }
        reader?.cutOff(at: time, emit: emit)
    }
}
