package import Model
package import OperatingSystem
import Proxies
import Synchronization
package import Wire

/// Listens on the on-line domain's interface from the first to the last moment of a campaign, and hands what it hears to
/// the experiments that are running. Production is only listened to.
package final class OnLineTap: Sendable {
    private struct State {
        var log = OnLineLog()
        var recentAnswers: [RecordedExchange] = []
        var recentAnswerBytes = 0
        /// Of the connections to the domain itself.
        var requests = HeardRequests()
        /// How many requests were heard at each of the domain's addresses.
        var counts: [IPAddress: Int] = [:]
        var addresses: [ConnectionID: IPAddress] = [:]
        /// The tier that serves a connection, if it is one behind the domain.
        var tiers: [ConnectionID: String] = [:]
        var subscribers: [Subscription] = []
        /// The domain itself, at each of its addresses.
        var servers: Set<Endpoint> = []
        /// The tier behind it that answers there.
        var nextTiers: [Endpoint: String] = [:]
        var unseen = Unseen()
        var encryptedConnections = 0

        func tell(_ input: ReplayInput) { for subscriber in subscribers { subscriber.mailbox.put(input) } }
    }

    /// How much of the next tiers' past a new experiment is given: exchanges, and bytes of their answers.
    private static let historyLimit = 20_000
    private static let historyByteLimit = 128 << 20

    private static let captureDelay = Duration.milliseconds(100)

    private let state = Mutex(State())
    private let stopped = Atomic(false)
    private let thread = Mutex<WorkerThread?>(nil)

    package init() {}

    /// Starts capturing on `interface`, where the domain is each of `servers`, and what `edgeCallers` call on theirs, of the calling thread's network namespace.
    /// Needs CAP_NET_RAW.
    package func start(
        interface: String, clock: SteadyClock, servers: [WatchedServer], nextTiers: [Neighbour],
        edgeCallers: [EdgeCaller] = []
    ) throws {
        let watch = { (neighbours: [Neighbour]) in neighbours.map { WatchedServer($0.endpoint, $0.protocolName) } }
        let allNextTiers = (nextTiers + edgeCallers.flatMap(\.nextTiers)).uniqued()
        let watched = servers + watch(allNextTiers)
        expect(servers.map(\.endpoint), allNextTiers)
        // Opened here, so that what is wrong is thrown to the caller; afterwards only the thread uses it.
        nonisolated(unsafe) let captures =
            [try Capture.live(interface: interface, CaptureSetting(CaptureFilter(servers + watch(nextTiers))))]
            + (try edgeCallers.map {
                try Capture.live(interface: $0.interface, CaptureSetting(CaptureFilter(watch($0.nextTiers))))
            })
        let worker = try WorkerThread("capture") { [self] in
            try unsafe run(captures, Dissector(watched), clock)
        }
        thread.withLock { $0 = worker }
    }

    /// Whose connections tell what, for one that is told by somebody else what there was to hear.
    func expect(_ servers: [Endpoint], _ nextTiers: [Neighbour]) {
        state.withLock { state in
            state.servers = Set(servers)
            state.nextTiers = Dictionary(nextTiers.map { ($0.endpoint, $0.tier) }) { first, _ in first }
        }
    }

    private func run(_ captures: [Capture], _ dissector: consuming Dissector, _ clock: SteadyClock) throws {
        var loop = try CaptureLoop(captures, clock)
        var events: [WireEvent] = []
        while !stopped.load(ordering: .acquiring) {
            // A frame that a bridge has flooded to two of them comes twice, which is a retransmission to the dissector.
            _ = try loop.turn { _, packet, link, time in
                dissector.accept(packet, link: link, at: time) { events.append($0) }
            }
            let dropped = captures.reduce(0) { $0 + $1.statistics().lost }
            let unseen = Unseen(dropped: dropped) + dissector.unseen
            // Packets may wait a while with the kernel before they can be taken.
            hear(events, unseen: unseen, until: loop.asked - Self.captureDelay)
            events.removeAll(keepingCapacity: true)
        }
    }

    /// All that there was until a moment.
    func hear(_ events: [WireEvent], unseen: Unseen = Unseen(), until time: Timestamp) {
        state.withLock { state in
            state.unseen = unseen
            for event in events { Self.take(event, &state) }
            if !state.nextTiers.isEmpty { state.tell(.heard(time)) }
        }
    }

    private static func take(_ event: WireEvent, _ state: inout State) {
        switch event {
        case .opened(let id, _, let to, let time):
            state.tiers[id] = state.nextTiers[to]
            if state.servers.contains(to) {
                state.requests.opened(id)
                state.addresses[id] = to.address
                for subscriber in state.subscribers { subscriber.opened(id, at: time) }
            }
        case .request(let id, let request):
            guard let isPipelined = state.requests.heard(request.number, on: id) else { return }
            let key = RequestKey(connection: id, number: request.number)
            if let address = state.addresses[id] { state.counts[address, default: 0] += 1 }
            state.log.request(key, asked: request.passage.lastByte)
            for subscriber in state.subscribers { subscriber.requested(request, on: id, isPipelined: isPipelined) }
        case .recognised: break
        case .exchange(let id, let exchange):
            if let tier = state.tiers[id] {
                let recorded = RecordedExchange(tier: tier, connection: id, exchange)
                state.recentAnswers.append(recorded)
                state.recentAnswerBytes += recorded.exchange.reply.passage.byteCount
                if state.recentAnswers.count > historyLimit || state.recentAnswerBytes > historyByteLimit {
                    let gone = state.recentAnswers.prefix((state.recentAnswers.count + 1) / 2)
                    state.recentAnswerBytes -= gone.reduce(0) { $0 + $1.exchange.reply.passage.byteCount }
                    state.recentAnswers.removeFirst(gone.count)
                }
                state.tell(.exchange(recorded, history: false))
            } else {
                _ = state.requests.answered(exchange.request.number, on: id)
                let key = RequestKey(connection: id, number: exchange.request.number)
                for subscriber in state.subscribers { subscriber.answered(exchange, on: id) }
                state.log.exchange(
                    OnLineLog.Exchange(
                        key: key,
                        asked: exchange.request.passage.lastByte, status: exchange.reply.status,
                        isError: exchange.reply.isError, responseTime: exchange.responseTime))
            }
        case .lost(let id, let count, let reason, let time):
            guard state.requests.contains(id) else { return }
            if reason == .encrypted { state.encryptedConnections += 1 }
            let unheard = state.requests.lost(count, on: id)
            if unheard > 0 { state.log.lost(unheard, at: time) }
        case .closed(let id, _, let time):
            state.tiers[id] = nil
            state.addresses[id] = nil
            if state.requests.closed(id) {
                for subscriber in state.subscribers { subscriber.closed(id, at: time) }
            }
        }
    }

    /// From now on it gets everything; the past of the next tiers first.
    func subscribe(_ subscription: Subscription) {
        state.withLock { state in
            for recorded in state.recentAnswers { subscription.mailbox.put(.exchange(recorded, history: true)) }
            state.subscribers.append(subscription)
        }
    }

    func unsubscribe(_ subscription: Subscription) {
        state.withLock { $0.subscribers.removeAll { $0 === subscription } }
    }

    /// Connections to the tier itself that cannot be read.
    package var encryptedConnections: Int { state.withLock { $0.encryptedConnections } }
    /// The one of the domain's addresses at which most requests were heard since the start; nil without any.
    var busiestAddress: IPAddress? { state.withLock { $0.counts.max { $0.value < $1.value }?.key } }
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
