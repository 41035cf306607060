import Glibc
import Model
import OperatingSystem
import Proxies
import Testing
import Wire

/// The out-proxy in front of a real server, which it asks what nothing recorded answers.
enum Forwarding {
    static func policy(_ limit: Duration = .seconds(10), match: AnswerMatch = .exact) -> AnswerPolicy {
        var policy = AnswerPolicy()
        policy.match = match
        policy.unmatched = .forward(limit)
        return policy
    }

    static func serving(
        _ name: ApplicationProtocol, _ exchanges: [Exchange] = [], to port: UInt16, _ logIn: Credentials? = nil,
        _ policy: AnswerPolicy = policy(), patience: Duration = .seconds(10),
        _ body: (UInt16, ReplayLoop) throws -> Void
    ) throws {
        var setting = Shadow.Setting(name, logIn: logIn)
        setting.patience = patience
        let target = ForwardTarget(Endpoint(IPAddress(v4: OutProxy.loopback), port), setting)
        try OutProxy.serving(name, exchanges, policy, forward: target, body)
    }

    /// When all questions are counted, which happens behind their answers.
    static func answers(_ loop: ReplayLoop, of total: Int) -> AnswerAccount {
        wait { loop.progress.answers.total >= total }
        return loop.progress.answers
    }

    /// Until the other thread has done its part; a failure is told by what is expected of it then.
    static func wait(_ isTrue: () throws -> Bool) rethrows {
        let clock = SteadyClock()
        let deadline = clock.now + 60_000_000_000
        while clock.now < deadline, !(try isTrue()) { usleep(1_000) }
    }
}
