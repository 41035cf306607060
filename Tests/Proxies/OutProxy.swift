import Glibc
import Model
import OperatingSystem
import Proxies
import Synchronization
import Testing
import Wire

/// The out-proxy on loopback, for real clients.
enum OutProxy {
    static let loopback: UInt32 = 0x7f00_0001
    static let tier = "next"
    /// Below those that the kernel gives to clients.
    private static let ports = Atomic<UInt16>(.random(in: 20_000...28_000))

    /// A port that no other test has: they run beside each other.
    static func nextPort() -> UInt16 { ports.add(1, ordering: .relaxed).newValue }

    /// Runs `body` with a loop that answers from `exchanges` on a free port.
    static func serving(
        _ name: ApplicationProtocol, _ exchanges: [Exchange], _ policy: AnswerPolicy = AnswerPolicy(),
        heard: Timestamp = .distantFuture, forward: ForwardTarget? = nil, _ body: (UInt16, ReplayLoop) throws -> Void
    ) throws {
        let clock = SteadyClock()
        let port = nextPort()
        let loop = try ReplayLoop(
            target: Endpoint(IPAddress(v4: loopback), 1), source: nil,
            answerPoints: [AnswerPoint(Endpoint(IPAddress(v4: loopback), port), name, tier: tier, forward: forward)],
            policy: policy,
            clock: clock)
        for exchange in exchanges {
            loop.inputs.put(.exchange(RecordedExchange(tier: tier, connection: 1, exchange), history: false))
        }
        // When the recording has come to the clone's present, nothing is waited for.
        loop.inputs.put(.heard(heard))
        let thread = try WorkerThread("out-proxy") { try loop.run() }
        defer {
            loop.stop()
            try? thread.join()
        }
        try waitUntilListening(port, clock)
        try body(port, loop)
    }

    /// A connection made at once would be refused.
    static func waitUntilListening(_ port: UInt16, _ clock: SteadyClock) throws {
        let deadline = clock.now + 60_000_000_000
        while clock.now < deadline {
            let socket = try Sockets.connect(to: 0x7f00_0001, port)
            var polled = pollfd(fd: socket.raw, events: Int16(POLLOUT), revents: 0)
            unsafe poll(&polled, 1, 200)
            if Sockets.error(of: socket) == 0 { return }
            usleep(10_000)
        }
        Issue.record("the server does not listen")
    }
}

/// A session of the out-proxy with its book, asked without a socket.
struct AskedSession {
    var session: any ServerSession
    var book = AnswerBook()
    var shadow: Shadow?
    var account = AnswerAccount()

    init(_ name: ApplicationProtocol, _ exchanges: [Exchange] = [], _ policy: AnswerPolicy = AnswerPolicy()) {
        session = name.serverSession(policy)
        for exchange in exchanges { book.add(exchange, of: 1) }
        // The recording has come to the clone's present, unless a test is about waiting.
        if policy.timeShift == .zero { book.noteHeard(.distantFuture) }
    }

    mutating func ask(_ bytes: [UInt8], at milliseconds: Int64 = 0) -> [TimedReply] {
        session.received(bytes.span, at: Recorded.at(milliseconds), book: &book, shadow: &shadow, account: &account)
    }

    mutating func resume(at milliseconds: Int64) -> [TimedReply] {
        session.resumed(at: Recorded.at(milliseconds), book: &book, shadow: &shadow, account: &account)
    }

    /// What is said to all of it, whenever it is due.
    mutating func say(_ text: String, at milliseconds: Int64 = 0) -> String {
        String(decoding: ask(Array(text.utf8), at: milliseconds).flatMap(\.bytes), as: UTF8.self)
    }
}
