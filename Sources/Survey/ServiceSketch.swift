package import Model

/// A service file drawn from what was heard: tiers, who calls whom, an SLA to start from. Pure.
package struct ServiceSketch: Sendable {
    package struct SketchedTier: Sendable, Hashable {
        package var name: String
        package var domains: [String]
        package var protocolName: ApplicationProtocol
        package var port: UInt16
        package var calls: [String]
        package var p95: Double?
        package var isEntry: Bool
    }

    package let tiers: [SketchedTier]

    /// Each domain that serves is in a tier: together with others that serve the same port in the same protocol and have
    /// the same name but for a number at its end. Nil-protocol and encrypted flows are left out.
    package init(_ flows: [ObservedFlow]) {
        struct Key: Hashable {
            let protocolName: ApplicationProtocol
            let port: UInt16
            let name: String
        }
        var tiers: [Key: SketchedTier] = [:]
        var times: [Key: LatencyHistogram] = [:]
        func key(_ flow: ObservedFlow) -> Key? {
            guard let domain = flow.serverDomain, let name = flow.traffic.protocolName, flow.traffic.exchanges > 0
            else {
                return nil
            }
            return Key(protocolName: name, port: flow.server.port, name: Self.stem(domain))
        }
        for flow in flows {
            guard let key = key(flow), let domain = flow.serverDomain else { continue }
            var tier =
                tiers[key]
                ?? SketchedTier(
                    name: key.name, domains: [], protocolName: key.protocolName, port: key.port, calls: [], p95: nil,
                    isEntry: false)
            if !tier.domains.contains(domain) { tier.domains.append(domain) }
            if flow.clientDomain == nil { tier.isEntry = true }
            tiers[key] = tier
            times[key, default: LatencyHistogram()].merge(flow.traffic.responseTimes)
        }
        // A domain that serves two ports makes two tiers of one name.
        let count = Dictionary(grouping: tiers.keys, by: \.name).mapValues(\.count)
        for key in tiers.keys {
            if count[key.name, default: 1] > 1 { tiers[key]?.name = "\(key.name)-\(key.port)" }
            tiers[key]?.p95 = times[key]?.percentile(0.95)
        }
        for flow in flows {
            guard let called = key(flow).flatMap({ tiers[$0] }), let client = flow.clientDomain else { continue }
            for (key, tier) in tiers where tier.domains.contains(client) && tier.name != called.name {
                if !tier.calls.contains(called.name) { tiers[key]?.calls.append(called.name) }
            }
        }
        self.tiers = tiers.values.map { tier in
            var sorted = tier
            sorted.domains.sort()
            sorted.calls.sort()
            return sorted
        }.sorted { ($0.isEntry ? 0 : 1, $0.name) < ($1.isEntry ? 0 : 1, $1.name) }
    }

    /// `web` of `web12`.
    private static func stem(_ domain: String) -> String {
        let stem = domain.drop { _ in false }.reversed().drop { $0.isASCII && $0.isNumber || $0 == "-" || $0 == "_" }
        return stem.isEmpty ? domain : String(stem.reversed())
    }

    /// The tier whose allocation a campaign can search: it serves HTTP, and calls nothing but PostgreSQL. One that calls
    /// is preferred to one that does not, as more of its answer hangs on what it computes.
    package var campaignTier: SketchedTier? {
        let able = tiers.filter { tier in
            tier.protocolName == .http
                && tier.calls.allSatisfy { name in tiers.contains { $0.name == name && $0.protocolName == .postgresql }
                }
        }
        return able.first { !$0.calls.isEmpty } ?? able.first
    }

    /// The service file, or nil when no tier can be searched. The SLA is only where to start: twice what was heard.
    package func yaml(service: String, connect: String, node: String?, heardFor: Duration) -> String? {
        guard let searched = campaignTier else { return nil }
        let heard = searched.p95 ?? 0.05
        let limit = max(5, (heard * 2000 / 5).rounded(.up) * 5)
        var text = """
            # Drawn by 'whatif discover' from \(Format.duration(heardFor)) of traffic. Look it over, above all the SLA: the
            # 95th percentile heard at '\(searched.name)' was \(Format.milliseconds(heard)), and twice that stands below.

            service: \(Self.quoted(service))
            connect: \(Self.quoted(connect))

            """
        if let node { text += "node: \(Self.quoted(node))\n" }
        text += "sla: { p95: \(Int(limit)) ms, over: 60 s }\n\ntiers:\n"
        for tier in tiers {
            let domains = tier.domains.map(Self.quoted).joined(separator: ", ")
            var line = "  - { name: \(Self.quoted(tier.name)), domains: [\(domains)], "
            line += "serves: \"\(tier.protocolName.rawValue):\(tier.port)\""
            if !tier.calls.isEmpty { line += ", calls: [\(tier.calls.map(Self.quoted).joined(separator: ", "))]" }
            text += line + " }\n"
        }
        text += """

            campaign:
              tier: \(Self.quoted(searched.name))
              axes: { cpu: [25%, 35%, 50%, 70%, 100%] }
              experiment: 30 s
              time-bound: 7 min
              find: cheapest
              check: { threshold: 10% }

            """
        return text
    }

    /// As YAML takes it whatever the name holds.
    private static func quoted(_ text: String) -> String {
        let isPlain = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
        if isPlain, text.first?.isLetter == true, !["true", "false", "null", "yes", "no", "on", "off"].contains(text) {
            return text
        }
        let escaped = text.map { character -> String in
            switch character {
            case "\"": "\\\""
            case "\\": "\\\\"
            case let other where other.isNewline || other == "\t": " "
            case let other: String(other)
            }
        }
        return "\"\(escaped.joined())\""
    }
}
