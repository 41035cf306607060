// Reading of the section `manage:`, and what a campaign of a managed service asks.

/// `{ act: apply, violated: 3 of 5, cooldown: 10 min, tiers: { app: { cpu: [40%, 60%] } } }`
package struct ManagementFields: Decodable {
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case act, every, violated, cooldown, windows, expires, verify, exclude, tiers
        case giveBack = "give-back"
        case changesPerHour = "changes-per-hour"
    }

    fileprivate var terms: ManagementTerms
    fileprivate let exclude: [String]
    fileprivate let fields: KeyedDecodingContainer<CodingKeys>

    package init(from decoder: any Decoder) throws {
        fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        var terms = ManagementTerms(tiers: [])
        terms.act = try fields.choice(.act, default: terms.act)
        terms.every = try fields.value(.every, default: terms.every, Units.duration)
        terms.violated = try fields.value(.violated, default: terms.violated, CheckCount.init(parsing:))
        terms.giveBack = try fields.value(.giveBack, default: terms.giveBack, Self.giveBack)
        terms.cooldown = try fields.value(.cooldown, default: terms.cooldown, Units.duration)
        terms.changesPerHour = try fields.value(.changesPerHour, default: terms.changesPerHour) {
            (text) throws(UnitError) in
            Int(try Units.count(text, in: 1...1000))
        }
        terms.expires = try fields.value(.expires, default: terms.expires, Units.duration)
        terms.verify = try fields.value(.verify, default: terms.verify, Units.duration)
        exclude = try fields.decodeIfPresent([String].self, forKey: .exclude) ?? []
        if fields.contains(.windows) {
            var list = try fields.nestedUnkeyedContainer(forKey: .windows)
            while !list.isAtEnd {
                let text = try list.decode(String.self)
                do throws(UnitError) { terms.windows.append(try DailyWindow(parsing: text)) } catch {
                    throw fields.refusal(of: .windows, "\(error)")
                }
            }
        }
        if fields.contains(.tiers) {
            let named = try fields.nestedContainer(keyedBy: AnyKey.self, forKey: .tiers)
            terms.tiers = try named.allKeys.map { key in
                let axes = try named.decode(AxesFields.self, forKey: key).axes
                if let axis = axes.first(where: {
                    $0.resource.isDeclared || $0.resource.isDemand || $0.resource.isOfOthers
                }) {
                    throw named.refusal(
                        of: key,
                        "'\(axis.resource.rawValue)' is nothing that a manager can set; ask 'whatif run' about it")
                }
                return ManagedTier(key.stringValue, axes: axes)
            }
            if terms.tiers.isEmpty {
                throw fields.refusal(of: .tiers, "no tier to manage; leave 'tiers' out for the campaign's")
            }
        }
        if terms.every < .seconds(1) { throw fields.refusal(of: .every, "checks are a second apart at least") }
        self.terms = terms
    }

    private static func giveBack(_ text: String) throws(UnitError) -> Double? {
        if text == "never" { return nil }
        let part = try Units.fraction(text)
        guard part > 0, part < 1 else {
            throw UnitError(found: text, expected: "'never', or a part of the SLA's limit such as '50%'")
        }
        return part
    }

    /// The terms for a service of these tiers; `usual` is what may be changed where the section does not say.
    package func terms(tiers known: [String], usual: ManagedTier?) throws -> ManagementTerms {
        var terms = terms
        if terms.tiers.isEmpty { terms.tiers = [usual].compactMap(\.self) }
        let listed = known.joined(separator: ", ")
        for name in terms.tiers.map(\.name) where !known.contains(name) {
            throw fields.refusal(of: .tiers, "'\(name)' is not a tier; tiers: \(listed)")
        }
        for name in exclude where !known.contains(name) {
            throw fields.refusal(of: .exclude, "'\(name)' is not a tier; tiers: \(listed)")
        }
        terms.tiers.removeAll { exclude.contains($0.name) }
        if terms.tiers.isEmpty {
            throw fields.refusal(of: .tiers, "nothing is left that could be changed; then 'whatif watch' is enough")
        }
        return terms
    }

    func terms(of file: ServiceFile) throws -> ManagementTerms {
        let terms = try terms(
            tiers: file.tiers.map(\.name), usual: ManagedTier(file.campaign.tier, axes: file.campaign.axes))
        if file.campaign.goal == .best {
            throw fields.refusal(
                of: .tiers, "the campaign looks for the best within a budget; a manager needs one with find: cheapest")
        }
        if file.campaign.trace != nil {
            throw fields.refusal(
                of: .tiers,
                "the campaign plays a trace; a manager needs to try the load of the moment: leave out 'trace'")
        }
        for tier in terms.tiers {
            if let axis = tier.axes.first(where: { $0.resource.isDeclared || $0.resource.isDemand }) {
                throw fields.refusal(
                    of: .tiers,
                    "the campaign's axis '\(axis.resource.rawValue)' is nothing that a manager can set; name what it may change, "
                        + "for instance tiers: { \(tier.name): { cpu: [40%, 80%] } }")
            }
            if let reason = file.asking(of: tier, sla: file.sla).unanswerable {
                throw fields.refusal(of: .tiers, reason)
            }
        }
        return terms
    }
}

extension ServiceFile {
    /// The file with a campaign of that tier. What is cloned along belongs to the campaign's own tier.
    package func asking(of tier: ManagedTier, sla: SLA) -> ServiceFile {
        var file = self
        file.sla = sla
        if tier.name != campaign.tier { file.campaign.with = [] }
        file.campaign.tier = tier.name
        file.campaign.axes = tier.axes
        return file
    }

    /// Why nobody could play requests to a clone of the campaign's tier, and the way out.
    var unanswerable: String? {
        guard let tier = tier(campaign.tier) else { return nil }
        if [.postgresql, .mysql].contains(tier.serves.protocolName), tier.logIn == nil {
            return
                "tier '\(tier.name)' serves \(tier.serves.protocolName.rawValue), and nobody can log in to its clone; give the "
                + "tier log-in: { user: …, password: …, database: … }"
        }
        if callers.isEmpty, campaign.client == nil {
            return
                "no tier calls '\(tier.name)', so that nobody is known whose requests to replay; where its users come from "
                + "outside, name an address of its own network that stands for them, such as its gateway: client: 10.0.0.1"
        }
        return nil
    }
}
