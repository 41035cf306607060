package import Model
import OperatingSystem

/// A clone of a next tier, which is asked what the recording does not answer.
package struct ForwardTarget: Sendable {
    package let endpoint: Endpoint
    package let setting: Shadow.Setting
    /// By the address that a caller has towards the out-proxy: the one by which the target knows it. Others go by whatever
    /// the route says.
    package let sources: [IPAddress: IPAddress]

    package init(_ endpoint: Endpoint, _ setting: Shadow.Setting, sources: [IPAddress: IPAddress] = [:]) {
        self.endpoint = endpoint
        self.setting = setting
        self.sources = sources
    }
}

/// The shadows' sockets, on the loop's thread, each under the token of the clone's connection that it doubles. It decides
/// nothing: `Shadow` does.
struct ShadowSide {
    private final class Link {
        let target: ForwardTarget
        let source: SocketAddress?
        /// Nil while a session has it.
        var shadow: Shadow?
        var socket: SocketBuffer?
        var isConnected = false
        var watchesWriting = true
        /// The clone's connection is over: what it asked last is still asked, up to then.
        var deadline: Timestamp?

        init(_ target: ForwardTarget, source: IPAddress?) {
            self.target = target
            self.source = source.map { SocketAddress(Endpoint($0, 0)) }
            shadow = Shadow(target.setting)
        }
    }

    private static let leavingLimit = Duration.seconds(5)

    /// Why nobody gets in.
    private(set) var logInFailure: LogInFailure?
    private let poller: Poller
    private let clock: SteadyClock
    private let firstToken: UInt64
    private var links: [UInt64: Link] = [:]
    private var due = Schedule<UInt64>()
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)

    /// The poller's tokens are `firstToken` and the session's.
    init(poller: Poller, clock: SteadyClock, firstToken: UInt64) {
        self.poller = poller
        self.clock = clock
        self.firstToken = firstToken
    }

    private var now: Timestamp { Timestamp(nanoseconds: clock.now) }

    var nextDue: Timestamp? { due.nextDue }

    mutating func begin(_ token: UInt64, _ target: ForwardTarget, caller: IPAddress?) {
        links[token] = Link(target, source: caller.flatMap { target.sources[$0] })
    }

    /// For its session, which gives it back.
    func take(_ token: UInt64) -> Shadow? {
        guard let link = links[token] else { return nil }
        defer { link.shadow = nil }
        return link.shadow
    }

    mutating func put(_ shadow: Shadow?, _ token: UInt64) throws(SystemError) {
        guard let shadow, let link = links[token] else { return }
        link.shadow = shadow
        try perform(link, token)
    }

    /// The clone's connection is over.
    mutating func leave(_ token: UInt64) throws(SystemError) {
        guard let link = links[token] else { return }
        let deadline = now + Self.leavingLimit
        link.deadline = deadline
        due.insert(token, due: deadline)
        try perform(link, token)
    }

    private mutating func perform(_ link: Link, _ token: UInt64) throws(SystemError) {
        while let actions = link.shadow?.takeActions(), !actions.isEmpty {
            for action in actions {
                switch action {
                case .open: open(link, token)
                case .close: link.socket = nil
                case .send(let bytes):
                    if link.isConnected {
                        try sent(link.socket?.send(bytes), link, token)
                    } else {
                        link.socket?.append(bytes)
                    }
                }
            }
        }
        if let shadow = link.shadow, shadow.isIn || shadow.logInFailure != nil { logInFailure = shadow.logInFailure }
        if let next = link.shadow?.nextDue { due.insert(token, due: next) }
        if link.deadline != nil, link.shadow?.isDone != false { links[token] = nil }
    }

    private func open(_ link: Link, _ token: UInt64) {
        link.isConnected = false
        link.watchesWriting = true
        guard
            let descriptor = try? Sockets.connect(
                to: SocketAddress(link.target.endpoint), from: link.source),
            (try? poller.add(descriptor.raw, token: firstToken + token, writable: true)) != nil
        else {
            link.socket = nil
            link.shadow?.ended(at: now)
            return
        }
        link.socket = SocketBuffer(descriptor)
    }

    /// What follows from having sent: `hasMore` as `SocketBuffer.flush` tells.
    private func sent(_ hasMore: Bool?, _ link: Link, _ token: UInt64) throws(SystemError) {
        guard let hasMore, let socket = link.socket else {
            guard link.socket != nil else { return }
            link.socket = nil
            link.shadow?.ended(at: now)
            return
        }
        if hasMore != link.watchesWriting {
            try poller.change(socket.descriptor.raw, token: firstToken + token, writable: hasMore)
            link.watchesWriting = hasMore
        }
    }

    /// Gives the session whose shadow heard something.
    mutating func handle(_ event: Poller.Event) throws(SystemError) -> UInt64? {
        let token = event.token - firstToken
        guard let link = links[token], let socket = link.socket else { return nil }
        if event.writable {
            if !link.isConnected {
                if Sockets.error(of: socket.descriptor) != 0 { return try end(link, token) }
                link.isConnected = true
                link.shadow?.connected(at: now)
            }
            try sent(link.socket?.flush(), link, token)
        }
        if event.readable, link.socket != nil {
            // Its own while the shadow reads it.
            var input: [UInt8] = []
            swap(&input, &buffer)
            defer { swap(&input, &buffer) }
            switch Sockets.receive(socket.descriptor, into: &input) {
            case .bytes(let count, _): link.shadow?.received(input.span.extracting(0..<count), at: now)
            case .nothingYet: break
            case .ended, .failed: return try end(link, token)
            }
        }
        try perform(link, token)
        return token
    }

    private mutating func end(_ link: Link, _ token: UInt64) throws(SystemError) -> UInt64? {
        link.socket = nil
        link.shadow?.ended(at: now)
        try perform(link, token)
        return token
    }

    /// Gives the sessions whose shadows went on, or gave up.
    mutating func goOnDue() throws(SystemError) -> [UInt64] {
        var tokens: [UInt64] = []
        let present = now
        while let token = due.popFirst(by: present) {
            guard let link = links[token] else { continue }
            if let deadline = link.deadline, deadline <= present {
                links[token] = nil
                continue
            }
            link.shadow?.resumed(at: present)
            try perform(link, token)
            tokens.append(token)
        }
        return tokens
    }
}
