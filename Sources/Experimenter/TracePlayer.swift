import Model
import OperatingSystem
import Synchronization
import Wire

/// Lets a tap hear recorded traffic as if it came now: from its beginning, and again whenever it has ended or is told to.
final class TracePlayer: Sendable {
    private let traffic: RecordedTraffic
    private let tap: OnLineTap
    private let clock: SteadyClock
    private let wanted = Atomic(0)
    private let stopped = Atomic(false)
    private let changed: WakeUp
    private let thread = Mutex<WorkerThread?>(nil)
    /// Connections of one round have numbers of their own.
    private static let roundBits: UInt64 = 40
    private static let turn: CInt = 20

    init(_ traffic: RecordedTraffic, _ tap: OnLineTap, _ clock: SteadyClock) throws {
        (self.traffic, self.tap, self.clock) = (traffic, tap, clock)
        changed = try WakeUp()
    }

    func start() throws {
        let worker = try WorkerThread("trace") { [self] in run() }
        thread.withLock { $0 = worker }
    }

    /// From its first moment again, so that every experiment measures the same requests.
    func begin() {
        wanted.add(1, ordering: .releasing)
        changed.signal()
    }

    func stop() throws {
        stopped.store(true, ordering: .releasing)
        changed.signal()
        try thread.withLock { $0 }?.join()
    }

    private var now: Timestamp { Timestamp(nanoseconds: clock.now) }

    private func run() {
        var (round, next, begun, begins) = (UInt64(0), 0, now, 0)
        var open: [ConnectionID: ConnectionID] = [:]
        while !stopped.load(ordering: .acquiring) {
            var events: [WireEvent] = []
            let asked = wanted.load(ordering: .acquiring)
            let time = now
            if asked != begins || next == traffic.moments.count && time - begun >= traffic.length {
                events += open.values.sorted().map { .closed($0, ConnectionAccount(), time) }
                open.removeAll()
                (round, next, begun, begins) = (round + 1, 0, time, asked)
            }
            let delay = begun - traffic.first
            while next < traffic.moments.count, begun + traffic.moments[next].offset <= time {
                let event = traffic.moments[next].event
                let id = event.connection | round << Self.roundBits
                if case .opened = event { open[event.connection] = id }
                if case .closed = event { open[event.connection] = nil }
                events.append(event.moved(by: delay, on: id))
                next += 1
            }
            tap.hear(events, until: time)
            changed.wait(milliseconds: Self.turn)
            changed.clear()
        }
    }
}
