import Model
package import Wire

/// A protocol's reader: both sides' bytes, gaps and ends. What is said must be consistent, and up to the first loss the
/// same however the bytes are cut and whether the payload is kept.
///
/// The first byte is the setting, the second how long pieces are. The rest is what the client says, up to an `escape`,
/// behind which stands what happens next: so a mutated input keeps its form.
package enum ReaderEntry {
    package static let escape: UInt8 = 0xf5

    package enum Step: UInt8 {
        case client, server, cut, clientGap, serverGap, clientCloses, serverCloses
        /// The escape itself, as a byte of the side that speaks.
        case literal
    }

    /// What a side says in a row, or what else happens.
    private enum Act {
        case says(isClient: Bool, pieces: [[UInt8]])
        case gap(isClient: Bool)
        case closes(isClient: Bool)
    }

    package static func run(_ entry: ProtocolEntry, _ bytes: [UInt8]) throws(BrokenInvariant) {
        var input = FuzzInput(bytes)
        let flags = input.byte()
        let length = Int(input.byte())
        let acts = acts(input.rest())
        // From the middle, and with little room, what is taken depends on where pieces end: then only one run is made.
        let isPlain = flags & 6 == 0
        var setting = ReaderSetting(1, fromStart: flags & 2 == 0, keepsPayload: flags & 1 == 0)
        if flags & 4 != 0 { setting.payloadLimit = 100 }
        if flags & 8 != 0 { return try ask(entry, setting, acts) }
        let cut = try events(entry, setting, acts, length)
        guard isPlain else { return }
        setting.keepsPayload = true
        let whole = try events(entry, setting, acts, nil)
        if !flags.isMultiple(of: 2), whole.hasTooLarge { return }
        try BrokenInvariant.unless(whole == cut, "cutting or keeping changes what is said")
    }

    private static func acts(_ bytes: [UInt8]) -> [Act] {
        var acts: [Act] = []
        var pieces: [[UInt8]] = []
        var piece: [UInt8] = []
        var isClient = true
        func finishTurn() {
            if !piece.isEmpty { pieces.append(piece) }
            if !pieces.isEmpty { acts.append(.says(isClient: isClient, pieces: pieces)) }
            (piece, pieces) = ([], [])
        }
        var input = FuzzInput(bytes)
        while !input.isAtEnd {
            let byte = input.byte()
            guard byte == escape else {
                piece.append(byte)
                continue
            }
            let step = Step(rawValue: input.byte() & 7) ?? .literal
            switch step {
            case .literal: piece.append(escape)
            case .cut:
                if !piece.isEmpty { pieces.append(piece) }
                piece = []
            case .client, .server:
                finishTurn()
                isClient = step == .client
            case .clientGap, .serverGap:
                finishTurn()
                acts.append(.gap(isClient: step == .clientGap))
            case .clientCloses, .serverCloses:
                finishTurn()
                acts.append(.closes(isClient: step == .clientCloses))
            }
        }
        finishTurn()
        return acts
    }

    /// What the client says at once is told to be a whole request, whatever it is: replies may then be anybody's, but no
    /// more of them than there are bytes, in their order, and little is held.
    private static func ask(
        _ entry: ProtocolEntry, _ setting: ReaderSetting, _ acts: [Act]
    ) throws(BrokenInvariant) {
        var reader = entry.reader(setting)
        var handed = 0
        var reported = 0
        var isInOrder = true
        var last = -1
        let take = { (event: WireEvent) in
            guard case .exchange(_, let exchange) = event else { return }
            reported += exchange.request.passage.byteCount + exchange.reply.passage.byteCount
            isInOrder = isInOrder && exchange.request.number > last
            last = exchange.request.number
        }
        var time = Timestamp(nanoseconds: 0)
        for act in acts {
            time = time + .milliseconds(1)
            switch act {
            case .says(let isClient, let pieces):
                for piece in pieces {
                    handed += piece.count
                    if isClient {
                        reader.asked(piece.span, at: time, emit: take)
                    } else {
                        reader.server(piece.span, at: time, emit: take)
                    }
                    try BrokenInvariant.unless(
                        reader.retainedBytes >= 0 && reader.retainedBytes <= 64 * handed + 4096,
                        "the reader holds too much")
                }
            case .gap(let isClient): reader.gap(fromClient: isClient, at: time, emit: take)
            case .closes(true): reader.clientClosed(at: time, emit: take)
            case .closes(false): reader.serverClosed(at: time, emit: take)
            }
        }
        reader.cutOff(at: time, emit: take)
        try BrokenInvariant.unless(isInOrder, "an exchange out of order")
        try BrokenInvariant.unless(reported <= handed, "more comes out than went in")
    }

    /// The acts in turn, one a millisecond. `length`: how long pieces are, 0 for as the input cuts them, nil for whole.
    private static func events(
        _ entry: ProtocolEntry, _ setting: ReaderSetting, _ acts: [Act], _ length: Int?
    ) throws(BrokenInvariant) -> EventPrefix {
        var reader = entry.reader(setting)
        var consistency = Consistency(keepsPayload: setting.keepsPayload)
        var said = EventPrefix(endsAtLoss: true)
        var handed = 0
        var reported = 0
        let take = { (event: WireEvent) in
            consistency.take(event)
            said.take(event)
            if case .exchange(_, let exchange) = event {
                reported += exchange.request.passage.byteCount + exchange.reply.passage.byteCount
            }
        }
        let end = Endpoint(IPAddress(v4: 0), 0)
        var time = Timestamp(nanoseconds: 0)
        take(.opened(1, client: end, server: end, time))
        // A side that has ended says nothing more.
        var ended = (client: false, server: false)
        for act in acts {
            time = time + .milliseconds(1)
            switch act {
            case .says(let isClient, let pieces):
                if isClient ? ended.client : ended.server { continue }
                for piece in length.map({ length in pieces.flatMap { $0.pieces(of: length) } }) ?? [
                    pieces.flatMap { $0 }[...]
                ] {
                    handed += piece.count
                    if isClient {
                        reader.client(piece.span, at: time, emit: take)
                    } else {
                        reader.server(piece.span, at: time, emit: take)
                    }
                    // What is held is what came, and a record of each message.
                    try BrokenInvariant.unless(
                        reader.retainedBytes >= 0 && reader.retainedBytes <= 64 * handed + 4096,
                        "the reader holds too much")
                }
            case .gap(let isClient):
                if isClient ? ended.client : ended.server { continue }
                reader.gap(fromClient: isClient, at: time, emit: take)
            case .closes(true):
                if !ended.client { reader.clientClosed(at: time, emit: take) }
                ended.client = true
            case .closes(false):
                if !ended.server { reader.serverClosed(at: time, emit: take) }
                ended.server = true
            }
        }
        reader.cutOff(at: time, emit: take)
        take(.closed(1, ConnectionAccount(), time))
        if let problem = consistency.problems.first { throw BrokenInvariant(problem) }
        try BrokenInvariant.unless(reported <= handed, "more comes out than went in")
        return said
    }
}
