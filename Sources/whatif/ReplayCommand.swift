import Arguments
import Experimenter
import Foundation
import Model
import OperatingSystem
import Proxies
import Report
import Wire

/// `whatif replay TRACE --to HOST:PORT`
enum ReplayCommand: Command {
    static let schema = CommandSchema(
        "replay", "Play a trace or live traffic against a server, at the recorded times.",
        discussion: """
            Open loop: every request leaves at its recorded time, whatever the answers do, on connections that open and
            close as recorded; its response time runs from the moment it was due. A request that is due while the reply
            before it on its connection is still out goes on a further connection (HTTP) or waits for it (the others);
            '--busy' chooses. Both are counted.
            '--scale' and '--mix' change how many sessions there are, never what a session does: copies start up to
            '--spread' later. A session is a connection, or with '--session cookie:NAME' the requests that carry the same
            cookie. '--mix' weighs the sessions in which a request matches a pattern of its label, where * stands for any
            characters: --mix 'GET /search*=2' doubles them, --mix 'POST *=0' leaves them out; the first rule that matches
            counts. Ctrl-C ends it and reports.

            With '--interface' the source is live traffic: what is heard of '--server' at the interface is played
            '--shift' later; needs root. The on-line server is only listened to. '--mix' then weighs a session by its first
            request alone, until which its connection is held back. '--speed' and '--loop' are for traces: faster needs what
            has not happened yet, and slower falls ever further behind. Where the on-line server shares this
            machine's processors, '--yield' leaves them at once to it and to all others: the copy runs only while one is idle, and
            is late, or lost, where none is; both are counted. Let the target yield too (chrt --idle, or the least weight of its
            control group): else the on-line server waits for it.

            The target makes its own tokens (cookies, fields of forms, ids): they are found by comparing its replies with the
            recorded ones, and put into later requests of the session in place of the recorded ones. Replies are compared
            by status, headers that matter, and body by its type. '--learn-noise' writes down what differs, from a target
            that is as the recorded server was; with '--noise' that no longer counts. '--as-recorded' sends what was
            recorded and compares statuses only.
            Databases are logged in to with '--user', '--database' and the first line of '--password-file'.

            Exit code 3 when more than '--limit' of the requests were answered with another status than recorded, cut off,
            dropped or not answered. '--json' prints one object: start (seconds since 1970), seconds, protocolName, target,
            requests (captured, lost, sent, answered, failed, unanswered, mismatched, moved, waited, dropped, late, latest),
            comparison (same, sameButForNoise, differing, uncompared, substitutions, unknownStatements, kinds), cutOff,
            malformed, unsolicited, throughput, responseTimes, recorded and delays (mean, p50, p95, p99, p999,
            maximum in seconds). '--log' writes HdrHistogram's log format 1.3, nanoseconds, an entry a second.
            """,
        operands: [.init("FILE.wtrace", "The trace, with payload.", isRequired: false)],
        options: [
            .value("to", "HOST:PORT", "The server to play it to, such as 10.0.0.7:8080 or [2001:db8::7]:8080."),
            .value(
                "server", "HOST:PORT[=PROTOCOL]",
                "Whose requests: of a trace the only server's by default; live with its protocol (default http).",
                short: "s"),
            .value("interface", "NAME", "Play what is heard live at an interface.", short: "i"),
            .value("shift", "DURATION", "How much later live requests are played (default 200 ms)."),
            .value("speed", "FACTOR", "How many times as fast, 0.01 to 100 (default 1)."),
            .value("scale", "FACTOR", "How many times as many sessions, 0 to 100 (default 1)."),
            .repeated("mix", "PATTERN=FACTOR", "Weigh the sessions in which a request matches."),
            .value("session", "connection|cookie:NAME", "What a session is (default connection)."),
            .value("spread", "DURATION", "How much later copies of sessions start at most (default 5 s)."),
            .value("seed", "NUMBER", "Chooses the sessions that are copied or left out (default 1)."),
            .value(
                "slack", "DURATION",
                "How late requests may leave, to 100 ms: at thousands a second 1 ms takes a third (default 0)."),
            .value("busy", "further|wait", "What a request does whose connection is busy."),
            .value("loop", "COUNT", "Play the trace so many times (default 1)."),
            .value("for", "DURATION", "End after so long."),
            .value("limit", "PERCENTAGE", "Share of differing replies that is still good (default 1%)."),
            .flag("yield", "Live: use only what processors the on-line server and others leave idle."),
            .flag("as-recorded", "Replace nothing in requests and compare statuses only."),
            .value("noise", "FILE.json", "What always differs, from an earlier replay."),
            .value("learn-noise", "FILE.json", "Write what differs to a file, which is replaced."),
            .value("user", "NAME", "Who logs in to a database."),
            .value("password-file", "FILE", "Holds the password in its first line."),
            .value("database", "NAME", "The database to log in to."),
            .value("log", "FILE.hlog", "Write the histograms of every second to a file, which is replaced."),
            .flag("json", "One JSON object."),
        ])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        guard let text = arguments.value("to") else { throw UsageError("--to HOST:PORT is missing: where to play it") }
        let target = try endpoint("to", text)
        // fe80::/10 means another machine at each interface.
        guard target.address.v4 != nil || target.address.high >> 54 != 0x3fa else {
            throw UsageError("--to: \(text) is of one link only; give the target's global or unique local address")
        }
        let shape = try shape(arguments)
        let rounds = try number(arguments, "loop", 1...1_000_000) ?? 1
        let limit =
            try arguments.value("limit").map { text in
                do { return try Units.fraction(text) } catch { throw UsageError("--limit: \(error)") }
            } ?? 0.01
        let busy = try arguments.value("busy").map { text in
            guard let busy = InProxySetting.WhenBusy(rawValue: text) else {
                throw UsageError("--busy: found '\(text)', expected further or wait")
            }
            return busy
        }
        let duration = try Inputs.duration(arguments, "for")
        let slack = try Inputs.duration(arguments, "slack") ?? .zero
        guard slack <= .milliseconds(100) else { throw UsageError("--slack: found more than 100 ms") }
        let interrupt = try InterruptSignal()
        let source = try Source(arguments, shape)
        var setting = InProxySetting(source.protocolName, whenBusy: busy)
        setting.logIn = try credentials(arguments)
        if shape.keepsReplies {
            setting.correspondence = Correspondence(
                source.protocolName, noise: try noise(arguments), learnsNoise: arguments.value("learn-noise") != nil)
        }
        let log = Log(arguments.value("log"))
        let progress = { (counter: ReplayCounter, sent: Int, start: Timestamp) in
            Terminal.passing("\(sent) sent, \(counter.answered) answered")
            try log.add(counter, start)
        }
        var isListening = false
        let outcome =
            switch source {
            case .trace(let replay):
                try replay.run(
                    to: target, setting, slack: slack, rounds: rounds, limit: duration, interrupt: interrupt,
                    progress: progress)
            case .live(let replay, let interface):
                try replay.run(
                    listeningAt: interface, to: target, setting, slack: slack, limit: duration, interrupt: interrupt
                ) { counter, sent, start in
                    if sent == 0, !isListening {
                        isListening = true
                        Terminal.note("listening at \(interface) for requests to \(replay.server)")
                    }
                    try progress(counter, sent, start)
                }
            }
        try log.end(outcome)
        if let path = arguments.value("learn-noise") {
            try Descriptor.create(path, replacing: true).writeAll(Array(MatrixData.encode(outcome.noise).utf8))
        }
        let report = ReplayReport(outcome, source.protocolName, target)
        Terminal.passing("")
        Terminal.print(arguments.flag("json") ? try MatrixData.encode(report) : report.text())
        return report.differingShare > limit ? .no : .done
    }

    private enum Source {
        case trace(TraceReplay)
        case live(LiveReplay, interface: String)

        init(_ arguments: ParsedArguments, _ shape: ReplayShape) throws {
            let server = try arguments.value("server").map { try Inputs.server($0, usually: .http) }
            guard let interface = arguments.value("interface") else {
                guard let path = arguments.operand(0) else {
                    throw UsageError(
                        "what is to be played is missing: FILE.wtrace, or --interface NAME for live traffic")
                }
                guard !arguments.flag("yield") else {
                    throw UsageError("--yield: it is for live traffic (--interface)")
                }
                self = .trace(try TraceReplay(path, server: server?.endpoint, shape))
                return
            }
            let yields = arguments.flag("yield")
            guard arguments.operand(0) == nil else {
                throw UsageError("a trace and --interface: only one of them can be played")
            }
            for (name, reason) in [
                ("speed", "faster needs what has not happened yet, and slower falls ever further behind"),
                ("loop", "it comes once"),
            ] where !arguments.values(name).isEmpty {
                throw UsageError(
                    "--\(name): not of live traffic: \(reason); record a trace first (whatif capture --interface "
                        + "\(interface) --server … --output FILE.wtrace) and play that")
            }
            guard let server else { throw UsageError("--server HOST:PORT is missing: whose traffic is to be played") }
            try Inputs.requireRoot("listening at an interface")
            let shift = try Inputs.duration(arguments, "shift") ?? .milliseconds(200)
            self = .live(
                LiveReplay(
                    of: server.endpoint, server.protocolName, shape, shift: shift, yields: yields),
                interface: interface)
        }

        var protocolName: ApplicationProtocol {
            switch self {
            case .trace(let replay): replay.overview.protocolName
            case .live(let replay, _): replay.protocolName
            }
        }
    }

    /// The file of `--log`, an entry a second; begun with the first request.
    private final class Log {
        private let path: String?
        private let clock = SteadyClock()
        private var file: HistogramFile?
        private var interval: Timestamp?

        init(_ path: String?) { self.path = path }

        func add(_ counter: ReplayCounter, _ start: Timestamp) throws {
            guard let path else { return }
            let now = Timestamp(nanoseconds: clock.now)
            guard let file, let interval else {
                file = try HistogramFile(path, start: start)
                interval = now
                _ = counter.takeInterval()
                return
            }
            guard now - interval >= .seconds(1) else { return }
            let histogram = counter.takeInterval()
            try file.add(HistogramLogEntry(tag: nil, start: interval, length: now - interval, histogram: histogram))
            self.interval = now
        }

        func end(_ outcome: ReplayOutcome) throws {
            guard let file, let interval else { return }
            try file.add(
                HistogramLogEntry(
                    tag: nil, start: interval, length: outcome.end - interval, histogram: outcome.lastInterval))
        }
    }

    private static func shape(_ arguments: ParsedArguments) throws -> ReplayShape {
        var shape = ReplayShape()
        shape.keepsReplies = !arguments.flag("as-recorded")
        shape.speed = try number(arguments, "speed", 0.01...100) ?? 1
        shape.scale = try number(arguments, "scale", 0...100) ?? 1
        shape.seed = UInt64(try number(arguments, "seed", 0...Int.max) ?? 1)
        shape.spread = try Inputs.duration(arguments, "spread") ?? shape.spread
        if let text = arguments.value("session"), text != "connection" {
            guard text.hasPrefix("cookie:"), text.count > 7 else {
                throw UsageError("--session: found '\(text)', expected connection or cookie:NAME")
            }
            shape.sessions = .cookie(String(text.dropFirst(7)))
        }
        shape.mix = try arguments.values("mix").map { text in
            guard let mark = text.lastIndex(of: "="), let factor = Double(text[text.index(after: mark)...]),
                (0...100).contains(factor)
            else { throw UsageError("--mix: found '\(text)', expected PATTERN=FACTOR with a factor from 0 to 100") }
            return MixRule(pattern: String(text[..<mark]), factor: factor)
        }
        return shape
    }

    private static func credentials(_ arguments: ParsedArguments) throws -> Credentials? {
        let names = ["user", "password-file", "database"]
        guard names.contains(where: { arguments.value($0) != nil }) else { return nil }
        let password = try arguments.value("password-file").map { path in
            guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
                throw UsageError("--password-file \(path): it cannot be read")
            }
            return String(text.prefix { $0 != "\n" && $0 != "\r\n" })
        }
        return Credentials(
            user: arguments.value("user") ?? "", password: password, database: arguments.value("database"))
    }

    private static func noise(_ arguments: ParsedArguments) throws -> ReplyNoise {
        guard let path = arguments.value("noise") else { return ReplyNoise() }
        do {
            return try JSONDecoder().decode(ReplyNoise.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw UsageError("--noise \(path): it is not what --learn-noise writes, or cannot be read")
        }
    }

    private static func endpoint(_ name: String, _ text: String) throws -> Endpoint {
        guard let endpoint = Endpoint(text) else {
            throw UsageError("--\(name): found '\(text)', expected an address and a port, such as 10.0.0.5:8080")
        }
        return endpoint
    }

    private static func number<Number: LosslessStringConvertible & Comparable>(
        _ arguments: ParsedArguments, _ name: String, _ range: ClosedRange<Number>
    ) throws -> Number? {
        guard let text = arguments.value(name) else { return nil }
        guard let number = Number(text), range.contains(number) else {
            throw UsageError(
                "--\(name): found '\(text)', expected a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}

extension ReplayReport {
    fileprivate init(_ outcome: ReplayOutcome, _ protocolName: ApplicationProtocol, _ target: Endpoint) {
        var account = outcome.tally.account
        account.lost = outcome.lost
        account.dropped += outcome.refused
        account.unseen = outcome.unseen
        self.init(
            start: outcome.start, seconds: (outcome.end - outcome.start).seconds, protocolName: protocolName,
            target: target.description, requests: account, comparison: outcome.comparison, cutOff: outcome.tally.cutOff,
            malformed: outcome.tally.malformed, unsolicited: outcome.unsolicited,
            responseTimes: outcome.tally.responseTimes, recorded: outcome.tally.recorded,
            delays: outcome.tally.delays)
    }
}
