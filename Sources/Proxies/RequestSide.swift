import Model
import OperatingSystem

/// The in-proxy's sockets, on the loop's thread. It decides nothing: `InProxy` does.
struct RequestSide: ~Copyable {
    private final class Connection {
        var socket: SocketBuffer
        var isConnected = false
        /// Whether the poller tells when it can be written to: first when it is connected.
        var watchesWriting = true

        init(_ descriptor: Descriptor) { socket = SocketBuffer(descriptor) }
    }

    var proxy: InProxy
    private let target: Endpoint
    private let source: SocketAddress?
    private let poller: Poller
    private let clock: SteadyClock
    private var connections = Slots<Connection>()
    /// What the proxy wants done; kept for its room.
    private var actions: [InProxy.Action] = []
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)

    init(_ setting: InProxySetting, target: Endpoint, source: IPAddress?, poller: Poller, clock: SteadyClock) {
        proxy = InProxy(setting)
        self.target = target
        self.source = source.map { SocketAddress(Endpoint($0, 0)) }
        self.poller = poller
        self.clock = clock
    }

    private var now: Timestamp { Timestamp(nanoseconds: clock.now) }

    var nextDue: Timestamp? { proxy.nextDue }

    /// Sends what is due, but not more than some at once: true when more is. Those who send late must see in between which
    /// connections have been answered, or they open ever more of them and fall ever further behind.
    mutating func sendDue() throws(SystemError) -> Bool {
        // One after the other: what is sent last is sent later than what is sent first.
        for _ in 0..<Self.sentAtOnce {
            guard let next = proxy.nextDue else { return false }
            let present = now
            guard next <= present else { return false }
            proxy.due(at: present, by: next, &actions)
            try perform()
        }
        return true
    }

    private static let sentAtOnce = 64

    private mutating func perform() throws(SystemError) {
        var next = 0
        while next < actions.count {
            switch actions[next] {
            case .open(let slot): open(slot)
            case .send(let slot, let bytes):
                guard let connection = connections[slot] else {
                    proxy.ended(slot, at: now, &actions)
                    break
                }
                if connection.isConnected {
                    try sent(connection.socket.send(bytes), slot, connection)
                } else {
                    connection.socket.append(bytes)
                }
            case .close(let slot): connections.remove(slot)
            }
            next += 1
        }
        // Mostly one, and this is cheaper than the general case.
        if actions.count == 1 { _ = actions.popLast() }
        if !actions.isEmpty { actions.removeAll(keepingCapacity: actions.capacity <= 4096) }
    }

    /// A connection that is refused at once is none: the request that follows is accounted for as cut off.
    private mutating func open(_ slot: InProxy.Slot) {
        guard
            let descriptor = try? Sockets.connect(to: SocketAddress(target), from: source),
            (try? poller.add(descriptor.raw, token: UInt64(slot), writable: true)) != nil
        else { return }
        Sockets.stampReceptions(of: descriptor)
        connections.put(Connection(descriptor), at: slot)
    }

    /// `reading` is of the look that told of the event.
    mutating func handle(_ event: Poller.Event, _ reading: SteadyClock.Reading) throws(SystemError) {
        let slot = InProxy.Slot(event.token)
        guard let connection = connections[slot] else { return }
        if event.writable {
            if !connection.isConnected {
                if Sockets.error(of: connection.socket.descriptor) != 0 { return try end(slot) }
                connection.isConnected = true
            }
            try sent(connection.socket.flush(), slot, connection)
            try perform()
            guard connections[slot] === connection else { return }
        }
        guard event.readable else { return }
        // Its own while the proxy reads it.
        var input: [UInt8] = []
        swap(&input, &buffer)
        defer { swap(&input, &buffer) }
        switch Sockets.receive(connection.socket.descriptor, into: &input) {
        case .bytes(let count, let stamp):
            let present = now
            let heard = clock.heard(stamp, reading, by: present)
            proxy.received(input.span.extracting(0..<count), on: slot, at: present, heard: heard, &actions)
            try perform()
        case .nothingYet: break
        case .ended: try end(slot)
        case .failed: try end(slot, isReset: true)
        }
    }

    private mutating func end(_ slot: InProxy.Slot, isReset: Bool = false) throws(SystemError) {
        connections.remove(slot)
        proxy.ended(slot, at: now, isReset: isReset, &actions)
        try perform()
    }

    /// What follows from having sent: `hasMore` as `SocketBuffer.flush` tells.
    private mutating func sent(
        _ hasMore: Bool?, _ slot: InProxy.Slot, _ connection: Connection
    ) throws(SystemError) {
        guard let hasMore else {
            connections.remove(slot)
            return proxy.ended(slot, at: now, &actions)
        }
        if hasMore != connection.watchesWriting {
            try poller.change(connection.socket.descriptor.raw, token: UInt64(slot), writable: hasMore)
            connection.watchesWriting = hasMore
        }
    }
}

extension SocketAddress {
    init(_ endpoint: Endpoint) {
        let address = endpoint.address
        if let bits = address.v4 {
            self.init(v4: bits, endpoint.port)
        } else {
            self.init(v6High: address.high, low: address.low, endpoint.port)
        }
    }
}

extension IPAddress {
    init?(_ address: SocketAddress) {
        if let bits = address.v4 {
            self.init(v4: bits)
        } else if let (high, low) = address.v6 {
            self.init(v6High: high, low: low)
        } else {
            return nil
        }
    }
}
