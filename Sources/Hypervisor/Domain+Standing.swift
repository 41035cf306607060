import Glibc
import Model
import OperatingSystem

extension Domain {
    /// Does something while the guest stands, and returns for how long it stood, by libvirt's events. It goes on whatever
    /// happens: also when this process ends (`ResumeGuard`). A guest that does not run is left as it is.
    ///
    /// Throws what `body` does, and when the guest stood for longer than `limit`; then it runs again, and what was done is
    /// the caller's to undo.
    package func whileStanding(
        atMost limit: Duration, _ body: () throws -> Void
    ) throws(HypervisorError) -> Duration {
        let doing = "hold \(name)"
        guard try state() == .running else {
            try HypervisorError.translating(doing, body)
            return .zero
        }
        let watch = try PauseWatch(self)
        let guardian = try ResumeGuard(self)
        // Else it goes on trying by itself.
        defer { if (try? state()) == .running { guardian.end() } }
        FaultPoint.pass()
        try suspend()
        FaultPoint.pass()
        let result = Result { () throws(HypervisorError) in try HypervisorError.translating(doing, body) }
        FaultPoint.pass()
        letGo()
        try result.get()
        guard watch.waitForResumption(until: SteadyClock().now + limit.nanoseconds) else {
            throw HypervisorError(doing, message: "it did not go on", cause: .pauseTooLong)
        }
        if watch.pause > limit { throw HypervisorError(doing, stoodFor: watch.pause, limit: limit) }
        return watch.pause
    }
}

extension Domain {
    /// Lets the guest go on, if it stands because of us: libvirt may be at work on it for a moment yet.
    func letGo() {
        for _ in 0..<20 where (try? resume()) == nil { usleep(50_000) }
    }
}

extension HypervisorError {
    /// Runs what belongs to another room, and says in whose course it failed.
    static func translating(_ doing: String, _ body: () throws -> Void) throws(HypervisorError) {
        do {
            try body()
        } catch let error as HypervisorError {
            throw error
        } catch {
            throw HypervisorError(doing, message: "\(error)", cause: .other)
        }
    }
}
