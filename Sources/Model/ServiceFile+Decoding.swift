// Reading of service files, by what `StrictDecoding.swift` has for any file that people write.

extension ServedPort: Decodable {
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        let parts = text.split(separator: ":", maxSplits: 1)
        let names = ApplicationProtocol.allCases.map(\.rawValue).joined(separator: ", ")
        guard parts.count == 2, let name = ApplicationProtocol(rawValue: String(parts[0])), let port = UInt16(parts[1]),
            port > 0
        else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription:
                        "found '\(text)', expected protocol:port such as 'http:8080' (protocols: \(names))"))
        }
        self.init(protocolName: name, port: port)
    }
}

extension Tier: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case name, domains, serves, calls, prepare, storage
        case logIn = "log-in"
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        logIn = try fields.decodeIfPresent(TierLogIn.self, forKey: .logIn)
        name = try fields.decode(String.self, forKey: .name)
        domains = try fields.decode([String].self, forKey: .domains)
        serves = try fields.decode(ServedPort.self, forKey: .serves)
        calls = try fields.decodeIfPresent([String].self, forKey: .calls) ?? []
        prepare = try fields.decodeIfPresent(String.self, forKey: .prepare)
        storage = try fields.decodeIfPresent(TierStorage.self, forKey: .storage)
        if prepare?.allSatisfy(\.isWhitespace) == true {
            throw fields.refusal(of: .prepare, "there is no command; for instance prepare: \"/usr/local/bin/warm-up\"")
        }
        if domains.isEmpty { throw fields.refusal(of: .domains, "a tier needs at least one domain") }
    }
}

/// `{ user: app, password: secret, database: shop }`
extension TierLogIn: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case user, password, database }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        user = try fields.decode(String.self, forKey: .user)
        password = try fields.decodeIfPresent(String.self, forKey: .password)
        database = try fields.decodeIfPresent(String.self, forKey: .database)
    }
}

/// `{ p95: 50 ms, over: 60 s }`
package struct SLAFields: Decodable {
    enum CodingKeys: String, CodingKey, CaseIterable { case mean, p50, p95, p99, over }
    package let sla: SLA

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        let limits = ResponseStatistic.allCases.compactMap { statistic in
            CodingKeys(rawValue: statistic.rawValue).flatMap { fields.contains($0) ? (statistic, $0) : nil }
        }
        guard let (statistic, key) = limits.first, limits.count == 1 else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription:
                        "an SLA limits one of mean, p50, p95, p99, for instance { p95: 50 ms, over: 60 s }"))
        }
        sla = SLA(
            statistic, below: try fields.value(key, Units.duration),
            over: try fields.value(.over, default: .seconds(60), Units.duration))
    }
}

extension ControlLimits {
    fileprivate enum FileKeys: String, CodingKey, CaseIterable {
        case mean, throughput, load, every, closing, correct
    }

    fileprivate struct Fields: Decodable {
        var limits = ControlLimits()
        init(from decoder: any Decoder) throws {
            let fields = try decoder.strictContainer(keyedBy: FileKeys.self)
            limits.mean = try fields.value(.mean, default: limits.mean, Units.fraction)
            limits.load = try fields.value(.load, default: limits.load, Units.fraction)
            limits.every = try fields.value(.every, default: limits.every) { (text) throws(UnitError) in
                Int(try Units.count(text, in: 1...1000))
            }
            limits.throughput = try fields.value(.throughput, default: limits.throughput, Units.fraction)
            limits.closes = try fields.decodeIfPresent(Bool.self, forKey: .closing) ?? limits.closes
            limits.corrects = try fields.decodeIfPresent(Bool.self, forKey: .correct) ?? limits.corrects
        }
    }
}

private struct LimitFields: Decodable {
    enum CodingKeys: String, CodingKey, CaseIterable { case lost, late, unmatched, stolen }
    let lost: Double
    let late: Double
    let unmatched: Double
    let stolen: Double
    init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        lost = try fields.value(.lost, default: CampaignSpecification.lostDefault, Units.fraction)
        late = try fields.value(.late, default: CampaignSpecification.lateDefault, Units.fraction)
        unmatched = try fields.value(.unmatched, default: CampaignSpecification.unmatchedDefault, Units.fraction)
        stolen = try fields.value(.stolen, default: CampaignSpecification.stolenDefault, Units.fraction)
    }
}

private struct EnergyFields: Decodable {
    enum CodingKeys: String, CodingKey, CaseIterable { case core, idle }
    let model: EnergyModel
    init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        model = EnergyModel(
            core: try fields.contains(.core) ? fields.value(.core, Units.watts) : nil,
            idle: try fields.contains(.idle) ? fields.value(.idle, Units.watts) : nil)
    }
}

/// `20 s`, or `{ from: 10 s, to: 60 s, until: 5% }`
private struct LengthFields: Decodable {
    enum CodingKeys: String, CodingKey, CaseIterable { case from, to, until }
    let length: ExperimentLength

    init(from decoder: any Decoder) throws {
        if let text = try? decoder.singleValueContainer().decode(String.self) {
            do { length = ExperimentLength(try Units.duration(text)) } catch {
                throw DecodingError.dataCorrupted(
                    .init(codingPath: decoder.codingPath, debugDescription: "\(error)"))
            }
            return
        }
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        length = ExperimentLength(
            from: try fields.value(.from, default: .seconds(10), Units.duration),
            to: try fields.value(.to, Units.duration), until: try fields.value(.until, Units.fraction))
        if length.least > length.most {
            throw fields.refusal(
                of: .to,
                "an experiment cannot last at least \(Format.duration(length.least)) and at most "
                    + "\(Format.duration(length.most)); let 'to' be above 'from'")
        }
    }
}

/// `{ match: nearest, unmatched: error, delay: recorded }`
private struct AnswerFields: Decodable {
    enum CodingKeys: String, CodingKey, CaseIterable { case match, unmatched, delay }
    private enum Delay: String, CaseIterable { case recorded, none }
    var answers = AnswerSpecification()

    init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        answers.match = try fields.choice(.match, default: answers.match)
        answers.keepsDelay = try fields.choice(.delay, default: Delay.recorded) == .recorded
        answers.unmatched = try fields.value(.unmatched, default: answers.unmatched, Self.unmatched)
    }

    private static func unmatched(_ text: String) throws(UnitError) -> AnswerSpecification.Unmatched {
        switch text {
        case "error": return .error
        case "forward": return .forward
        default:
            guard text.hasPrefix("wait ") else {
                throw UnitError(found: text, expected: "'error', 'forward', or how long to wait, such as 'wait 2 s'")
            }
            return .wait(try Units.duration(String(text.dropFirst(5))))
        }
    }
}

extension CampaignSpecification: Decodable {
    private static func client(_ text: String) throws(UnitError) -> IPAddress {
        guard let address = IPAddress(text) else { throw UnitError(found: text, expected: "an address") }
        return address
    }

    fileprivate static let lostDefault = 0.001
    /// Above it, the 95th percentile would be the sender's and not the clone's.
    fileprivate static let lateDefault = 0.05
    fileprivate static let unmatchedDefault = 0.01
    fileprivate static let stolenDefault = 0.1
    private static let timeShiftDefault = Duration.seconds(2)
    /// Clones that keep state shall see every request from their snapshot on: they have to be up when the first is due.
    private static let joinedTimeShiftDefault = Duration.seconds(5)

    enum CodingKeys: String, CodingKey, CaseIterable {
        case tier, clone, reuse, client, trace, with, answers, axes, cost, forbid, sandboxes, experiment, find,
            confidence,
            interpolate, seed,
            check
        case limits, control, energy, sessions
        case warmUp = "warm-up"
        case timeBound = "time-bound"
        case timeShift = "time-shift"
        case bootLimit = "boot-limit"
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        tier = try fields.decode(String.self, forKey: .tier)
        clone = try fields.value(.clone, default: .disk, CloneSource.init(parsing:))
        reuses = try fields.decodeIfPresent(Bool.self, forKey: .reuse) ?? true
        client = try fields.contains(.client) ? fields.value(.client, Self.client) : nil
        trace = try fields.decodeIfPresent(String.self, forKey: .trace)
        with = try fields.decodeIfPresent([String].self, forKey: .with) ?? []
        answers = try fields.decodeIfPresent(AnswerFields.self, forKey: .answers)?.answers ?? AnswerSpecification()
        axes = try fields.decode(AxesFields.self, forKey: .axes).axes
        experiment =
            try fields.decodeIfPresent(LengthFields.self, forKey: .experiment)?.length
            ?? ExperimentLength(.seconds(20))
        warmUp = try fields.value(.warmUp, default: .seconds(5), Units.duration)
        timeBound = try fields.value(.timeBound, default: .seconds(300), Units.duration)
        timeShift = try fields.value(
            .timeShift,
            default: with.isEmpty && answers.unmatched != .forward
                ? Self.timeShiftDefault : Self.joinedTimeShiftDefault, Units.duration)
        bootLimit = try fields.value(.bootLimit, default: .seconds(30), Units.duration)
        sandboxes = try fields.value(.sandboxes, default: 1) { (text) throws(UnitError) in
            Int(try Units.count(text, in: 1...16))
        }
        (goal, search) = try SearchSpecification.decoded(fields, axes)
        let limits = try fields.decodeIfPresent(LimitFields.self, forKey: .limits)
        lostLimit = limits?.lost ?? Self.lostDefault
        lateLimit = limits?.late ?? Self.lateDefault
        stolenLimit = limits?.stolen ?? Self.stolenDefault
        unmatchedLimit = limits?.unmatched ?? Self.unmatchedDefault
        control = try fields.decodeIfPresent(ControlLimits.Fields.self, forKey: .control)?.limits ?? ControlLimits()
        energy = try fields.decodeIfPresent(EnergyFields.self, forKey: .energy)?.model
        sessions = try fields.decodeIfPresent([SessionRule].self, forKey: .sessions) ?? []
        if case .image(let path) = clone, !path.hasPrefix("/") {
            throw fields.refusal(of: .clone, "found '\(path)', expected the whole path of an image, from /")
        }
        if trace != nil, !with.isEmpty || answers.unmatched == .forward {
            throw fields.refusal(
                of: .trace,
                "further clones would have another state than when the requests were recorded; without it, or without 'with' "
                    + "and 'forward'")
        }
        if clone == .memory, axes.contains(where: { $0.resource == .variant }) {
            throw fields.refusal(
                of: .clone,
                "a memory image fits the machine that it was taken from; with the axis 'variant' clone the disk")
        }
        if with.isEmpty, axes.contains(where: \.resource.isOfOthers) {
            throw fields.refusal(
                of: .axes,
                "'with-cpu' is of tiers that are cloned along; name them in 'with', for instance with: [db]")
        }
        if !with.isEmpty, axes.contains(where: { $0.resource == .network }) {
            throw fields.refusal(
                of: .with,
                "clones that are joined share their way to the proxies; without the axis 'network', or without 'with'")
        }
        if timeBound <= experiment.most + warmUp {
            throw fields.refusal(of: .timeBound, "the time bound leaves no room for one experiment and its warm-up")
        }
    }
}

extension ServiceFile: Decodable {
    enum CodingKeys: String, CodingKey, CaseIterable {
        case service, connect, node, sla, tiers, software, variants, nodes, mixes, campaign, manage
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        service = try fields.decode(String.self, forKey: .service)
        connect = try fields.decode(String.self, forKey: .connect)
        node = try fields.decodeIfPresent(String.self, forKey: .node)
        sla = try fields.decode(SLAFields.self, forKey: .sla).sla
        tiers = try fields.decode([Tier].self, forKey: .tiers)
        software = try Self.commands(fields)
        variants = try Self.files(fields)
        nodes = try Self.nodes(fields, besides: node)
        mixes = try Self.mixes(fields)
        campaign = try fields.decode(CampaignSpecification.self, forKey: .campaign)

        let names = tiers.map(\.name)
        let listed = names.joined(separator: ", ")
        if !Self.isLocal(connect) {
            throw fields.refusal(
                of: .connect,
                "'\(connect)' is another machine; this version works on the node itself: run it there, with lxc:///system"
            )
        }
        if let node, node != "lab" {
            throw fields.refusal(of: .node, "unknown node '\(node)'; leave it out for this machine, or write 'lab'")
        }
        if Set(names).count != names.count { throw fields.refusal(of: .tiers, "two tiers have the same name") }
        for callee in tiers.flatMap(\.calls) where !names.contains(callee) {
            throw fields.refusal(
                of: .tiers,
                "a tier calls '\(callee)', which is not a tier; tiers: \(listed)\(Nearest.hint(callee, in: names))")
        }
        if tier(campaign.tier) == nil {
            throw fields.refusal(
                of: .campaign,
                "the campaign's tier '\(campaign.tier)' is not a tier; tiers: \(listed)\(Nearest.hint(campaign.tier, in: names))"
            )
        }
        if campaign.experiment.most > .seconds(1200) {
            throw fields.refusal(of: .campaign, "an experiment may last 20 min at most")
        }
        if campaign.timeShift < .milliseconds(200) {
            throw fields.refusal(of: .campaign, "the time shift has to be 200 ms at least: capturing takes its time")
        }
        try requireMeaning(of: campaign.axes, fields.codingPath)
        if let reason = unanswerable { throw fields.refusal(of: .campaign, reason) }
        if let reason = joinRefusal {
            throw try fields.nestedContainer(keyedBy: CampaignSpecification.CodingKeys.self, forKey: .campaign)
                .refusal(of: .with, reason)
        }
        if let reason = forwardRefusal {
            throw try fields.nestedContainer(keyedBy: CampaignSpecification.CodingKeys.self, forKey: .campaign)
                .refusal(of: .answers, reason)
        }
        manage = try fields.decodeIfPresent(ManagementFields.self, forKey: .manage)?.terms(of: self)
    }

    /// No host name and no transport but a socket of this machine: `lxc:///system`, `lxc+unix:///system?socket=…`.
    static func isLocal(_ uri: String) -> Bool {
        let parts = uri.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, parts[1].hasPrefix("///") else { return false }
        let transport = parts[0].split(separator: "+").dropFirst()
        return transport.isEmpty || transport.elementsEqual(["unix"])
    }
}
