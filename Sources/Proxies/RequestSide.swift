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
    private let source: UInt32?
    private let poller: Poller
    private let clock: SteadyClock
    private var connections: [InProxy.Slot: Connection] = [:]
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)

    init(_ setting: InProxySetting, target: Endpoint, source: UInt32?, poller: Poller, clock: SteadyClock) {
        proxy = InProxy(setting)
        self.target = target
        self.source = source
        self.poller = poller
        self.clock = clock
    }

    private var now: Timestamp { Timestamp(nanoseconds: clock.now) }

    var nextDue: Timestamp? { proxy.nextDue }

    mutating func sendDue() throws(SystemError) {
        // One after the other: what is sent last is sent later than what is sent first.
        while let next = proxy.nextDue {
            let present = now
            guard next <= present else { return }
            try perform(proxy.due(at: present, by: next))
        }
    }

    private mutating func perform(_ first: [InProxy.Action]) throws(SystemError) {
        var actions = first
        var next = 0
        while next < actions.count {
            switch actions[next] {
            case .open(let slot): open(slot)
            case .send(let slot, let bytes):
                guard let connection = connections[slot] else {
                    actions += proxy.ended(slot, at: now)
                    break
                }
                if connection.isConnected {
                    actions += try sent(connection.socket.send(bytes), slot, connection)
                } else {
                    connection.socket.append(bytes)
                }
            case .close(let slot): connections[slot] = nil
            }
            next += 1
        }
    }

    /// A connection that is refused at once is none: the request that follows is accounted for as cut off.
    private mutating func open(_ slot: InProxy.Slot) {
        guard
            let descriptor = try? Sockets.connect(
                to: SocketAddress(target), from: source.map { SocketAddress(v4: $0, 0) }),
            (try? poller.add(descriptor.raw, token: UInt64(slot), writable: true)) != nil
        else { return }
        Sockets.stampReceptions(of: descriptor)
        connections[slot] = Connection(descriptor)
    }

    mutating func handle(_ event: Poller.Event) throws(SystemError) {
        let slot = InProxy.Slot(event.token)
        guard let connection = connections[slot] else { return }
        if event.writable {
            if !connection.isConnected {
                if Sockets.error(of: connection.socket.descriptor) != 0 { return try end(slot) }
                connection.isConnected = true
            }
            try perform(try sent(connection.socket.flush(), slot, connection))
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
            let heard = clock.heard(stamp, by: present)
            try perform(proxy.received(input.span.extracting(0..<count), on: slot, at: present, heard: heard))
        case .nothingYet: break
        case .ended: try end(slot)
        case .failed: try end(slot, isReset: true)
        }
    }

    private mutating func end(_ slot: InProxy.Slot, isReset: Bool = false) throws(SystemError) {
        connections[slot] = nil
        try perform(proxy.ended(slot, at: now, isReset: isReset))
    }

    /// What follows from having sent: `hasMore` as `SocketBuffer.flush` tells.
    private mutating func sent(
        _ hasMore: Bool?, _ slot: InProxy.Slot, _ connection: Connection
    ) throws(SystemError) -> [InProxy.Action] {
        guard let hasMore else {
            connections[slot] = nil
            return proxy.ended(slot, at: now)
        }
        if hasMore != connection.watchesWriting {
            try poller.change(connection.socket.descriptor.raw, token: UInt64(slot), writable: hasMore)
            connection.watchesWriting = hasMore
        }
        return []
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
