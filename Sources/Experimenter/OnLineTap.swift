package import Model
package import OperatingSystem
import Proxies
import Synchronization
import Wire

/// Listens on the on-line domain's interface from the first to the last moment of a campaign, and hands what it hears to
/// the experiment that is running. Production is only listened to.
package final class OnLineTap: Sendable {
    private struct State {
        var log = OnLineLog()
        var recentRounds: [PostgreSQLRound] = []
        var isHTTP: [ConnectionID: Bool] = [:]
        /// How many requests of a connection were heard, and the number behind the last one that was answered or lost.
        var requestNumbers: [ConnectionID: Int] = [:]
        var answeredNumbers: [ConnectionID: Int] = [:]
        var subscriber: Mailbox<ReplayInput>?
        var timeShift = Duration.zero
        var unseen = Unseen()
        var encryptedConnections = 0
    }

    /// How much of the next tier's past a new experiment is given.
    private static let historyLimit = 20_000

    private let state = Mutex(State())
    private let stopped = Atomic(false)
    private let thread = Mutex<WorkerThread?>(nil)

    package init() {}

    /// Starts capturing on `interface` of the calling thread's network namespace. Needs CAP_NET_RAW.
    package func start(interface: String, clock: SteadyClock, server: Endpoint, nextTiers: [Endpoint]) throws {
        let watched = [WatchedServer(server, .http)] + nextTiers.map { WatchedServer($0, .postgresql) }
        // Opened here, so that what is wrong is thrown to the caller; afterwards only the thread uses it.
        nonisolated(unsafe) let capture = try Capture.live(
            interface: interface, CaptureSetting(CaptureFilter(watched)))
        let worker = try WorkerThread("capture") { [self] in
            try unsafe run(capture, Dissector(watched), server, clock)
        }
        thread.withLock { $0 = worker }
    }

    private func run(_ capture: Capture, _ dissector: consuming Dissector, _ server: Endpoint, _ clock: SteadyClock)
        throws
    {
        let poller = try Poller()
        try poller.add(capture.descriptor, token: 0)
        var events: [WireEvent] = []
        while !stopped.load(ordering: .acquiring) {
            _ = try poller.wait(nanoseconds: 50_000_000)
            // libpcap stamps with the machine's clock, which may be set while we run.
            let skew = clock.skew
            let correction = Duration.nanoseconds(abs(skew) > 1_000_000 ? skew : 0)
            _ = try capture.process { packet, time in
                dissector.accept(packet, link: capture.link, at: time - correction) { events.append($0) }
            }
            let unseen = Unseen(dropped: capture.statistics().lost) + dissector.unseen
            state.withLock { state in
                state.unseen = unseen
                for event in events { Self.take(event, &state, server) }
            }
            events.removeAll(keepingCapacity: true)
        }
    }

    private static func take(_ event: WireEvent, _ state: inout State, _ server: Endpoint) {
        let shift = state.timeShift
        switch event {
        case .opened(let id, _, let to, let time):
            state.isHTTP[id] = to == server
            if to == server {
                state.subscriber?.put(.item(ReplayItem(connection: id, due: time + shift, kind: .open)))
            }
        case .request(let id, let request) where state.isHTTP[id] == true:
            let isPipelined = request.number > state.answeredNumbers[id, default: 0]
            state.requestNumbers[id] = request.number + 1
            let key = RequestKey(connection: id, number: request.number)
            state.log.request(key, asked: request.passage.lastByte)
            state.subscriber?.put(
                .item(
                    ReplayItem(
                        connection: id, due: request.passage.lastByte + shift,
                        kind: .request(RecordedRequest(key, request.bytes, isPipelined: isPipelined)))))
        case .request, .recognised: break
        case .exchange(let id, let exchange):
            if case .postgresql(let round) = exchange.detail {
                state.recentRounds.append(round)
                if state.recentRounds.count > historyLimit { state.recentRounds.removeFirst(historyLimit / 2) }
                state.subscriber?.put(.round(round, history: false))
            } else {
                state.answeredNumbers[id] = exchange.request.number + 1
                state.log.exchange(
                    OnLineLog.Exchange(
                        key: RequestKey(connection: id, number: exchange.request.number),
                        asked: exchange.request.passage.lastByte, status: exchange.reply.status,
                        isError: exchange.reply.isError, responseTime: exchange.responseTime))
            }
        case .lost(let id, let count, let reason, let time):
            if reason == .encrypted, state.isHTTP[id] == true { state.encryptedConnections += 1 }
            // Requests that were heard whole are replayed, also when their replies were not heard.
            let heard = state.requestNumbers[id, default: 0] - state.answeredNumbers[id, default: 0]
            if state.isHTTP[id] == true, count > heard { state.log.lost(count - max(0, heard), at: time) }
            state.answeredNumbers[id] = state.requestNumbers[id]
        case .closed(let id, _, let time):
            if state.isHTTP[id] == true {
                state.subscriber?.put(.item(ReplayItem(connection: id, due: time + shift, kind: .close)))
            }
            state.isHTTP[id] = nil
            state.requestNumbers[id] = nil
            state.answeredNumbers[id] = nil
        }
    }

    /// From now on `mailbox` gets everything, requests a time shift later than they were; the past of the next tier first.
    func subscribe(_ mailbox: Mailbox<ReplayInput>, timeShift: Duration) {
        state.withLock { state in
            for round in state.recentRounds { mailbox.put(.round(round, history: true)) }
            state.subscriber = mailbox
            state.timeShift = timeShift
        }
    }

    func unsubscribe() { state.withLock { $0.subscriber = nil } }

    /// Connections to the tier itself that cannot be read.
    package var encryptedConnections: Int { state.withLock { $0.encryptedConnections } }
    package var requestCount: Int { state.withLock { $0.log.requestCount } }
    /// Since the start.
    package var unseen: Unseen { state.withLock { $0.unseen } }

    func window(_ range: Range<Timestamp>) -> OnLineLog.Window { state.withLock { $0.log.window(range) } }

    /// The on-line response times in a window of time; nil when too little was seen.
    package func responseTimes(_ range: Range<Timestamp>) -> ResponseTimes? {
        window(range).responseTimes
    }

    /// Throws what ended the capture early: nothing is heard any more.
    package func throwFailure() throws { try thread.withLock { $0 }?.throwFailure() }

    /// Ends the capture and throws what went wrong in it.
    package func stop() throws {
        stopped.store(true, ordering: .releasing)
        try thread.withLock { $0 }?.join()
    }
}
