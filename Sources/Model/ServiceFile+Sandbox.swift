// Which tiers a campaign's sandbox holds. Pure.

extension ServiceFile {
    /// The campaign's tier and those that are cloned along with it, callees before their callers: the order in which clones
    /// start, so that a database recovers while the application boots. The campaign's tier is the last.
    package var sandboxTiers: [Tier] {
        var seen: Set<String> = []
        var order: [Tier] = []
        func visit(_ name: String) {
            guard isInSandbox(name), seen.insert(name).inserted, let tier = tier(name) else { return }
            tier.calls.forEach(visit)
            order.append(tier)
        }
        visit(campaign.tier)
        return order
    }

    /// Tiers that are called from within the sandbox and are not in it: out-proxies stand for them.
    package func tiersBeyond(_ tier: Tier) -> [Tier] {
        tier.calls.filter { !isInSandbox($0) }.compactMap { self.tier($0) }
    }

    /// Tiers of which clones are asked what the recording does not answer; each once.
    package var forwardTiers: [Tier] {
        guard campaign.answers.unmatched == .forward else { return [] }
        var seen: Set<String> = []
        return sandboxTiers.flatMap { tiersBeyond($0) }.filter { seen.insert($0.name).inserted }
    }

    /// Why nothing can be forwarded, and what to do; nil when it can, or need not.
    var forwardRefusal: String? {
        guard campaign.answers.unmatched == .forward else { return nil }
        let members = sandboxTiers
        if forwardTiers.isEmpty { return "no tier of the sandbox calls one beyond it: there is nobody to forward to" }
        for next in forwardTiers {
            let name = next.serves.protocolName
            if name == .tcp {
                return
                    "tier '\(next.name)' serves tcp, of which questions cannot be told apart; nothing can be forwarded to it"
            }
            if [.postgresql, .mysql].contains(name), next.logIn == nil {
                return "tier '\(next.name)' serves \(name.rawValue), and nobody can log in to its clone; give the "
                    + "tier log-in: { user: …, password: … }"
            }
            if let callee = next.calls.first {
                return
                    "tier '\(next.name)' calls '\(callee)', which its clone would not reach; forward to tiers that call none"
            }
            for member in members {
                guard let domain = member.domains.first(where: { next.domains.contains($0) }) else { continue }
                return "domain '\(domain)' runs '\(next.name)' and '\(member.name)', which is in the sandbox already"
            }
        }
        return nil
    }

    private func isInSandbox(_ name: String) -> Bool { name == campaign.tier || campaign.with.contains(name) }

    /// Why the tiers of `with` cannot be cloned along, and what to do; nil when they can.
    var joinRefusal: String? {
        if campaign.with.isEmpty { return nil }
        let front = campaign.tier
        var seen: Set<String> = []
        for name in campaign.with {
            if tier(name) == nil {
                return "'\(name)' is not a tier; tiers: \(tiers.map(\.name).joined(separator: ", "))"
            }
            if name == front { return "'\(name)' is the campaign's own tier; name only tiers behind it" }
            if !seen.insert(name).inserted { return "'\(name)' stands twice" }
        }
        let members = sandboxTiers
        for name in campaign.with where !members.contains(where: { $0.name == name }) {
            return
                "no tier of the sandbox calls '\(name)'; name the tiers between '\(front)' and it as well, or leave it out"
        }
        for member in members.dropLast() {
            if member.calls.contains(front) {
                return
                    "tier '\(member.name)' calls '\(front)', whose clone would get those requests twice: recorded and "
                    + "from the clone of '\(member.name)'; leave '\(member.name)' out"
            }
            if let other = tiers.first(where: { !isInSandbox($0.name) && $0.calls.contains(member.name) }) {
                return
                    "tier '\(member.name)' is called by '\(other.name)' too, whose load its clone would not have; leave "
                    + "'\(member.name)' out, or add '\(other.name)' if '\(front)' calls it"
            }
        }
        // Of the campaign's tier one domain is cloned.
        if let count = tier(front)?.domains.count, count > 1, let member = members.dropLast().last {
            return
                "tier '\(front)' has \(count) domains, of which one is cloned: the others' load on '\(member.name)' would "
                + "be missing; leave out 'with'"
        }
        return domainRefusal(members)
    }

    /// A proxy stands at the address of the tier that it stands for, and a clone at its own.
    private func domainRefusal(_ members: [Tier]) -> String? {
        for outside in callers + members.flatMap({ tiersBeyond($0) }) {
            for member in members {
                guard let domain = member.domains.first(where: { outside.domains.contains($0) }) else { continue }
                let ways =
                    (callers.contains(outside) ? [] : ["add '\(outside.name)'"])
                    + [member.name == campaign.tier ? "leave out 'with'" : "leave '\(member.name)' out"]
                return
                    "domain '\(domain)' runs '\(member.name)', which is cloned, and '\(outside.name)', which is not; "
                    + ways.joined(separator: ", or ")
            }
        }
        return nil
    }
}
