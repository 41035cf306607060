// Reading of what a campaign looks for, what configurations cost, which are forbidden, and how answers are checked.

/// `cheapest`, or `{ fill: 5% }`, or `{ best: throughput, budget: 12 }`
struct FindFields: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case best, budget, fill, measure
        case justRunIt = "justrunit"
    }

    private(set) var goal = Goal.cheapest
    private(set) var metric: Metric?
    private(set) var budget: Double?
    private(set) var width: Double?
    private(set) var gain: Double?
    private(set) var cells: [Combinations]?

    init(from decoder: any Decoder) throws {
        if let text = try? decoder.singleValueContainer().decode(String.self) {
            guard let goal = Goal(rawValue: text) else {
                throw DecodingError.dataCorrupted(
                    .init(
                        codingPath: decoder.codingPath,
                        debugDescription: UnitError(found: text, expected: "one of: " + Self.goals).description
                            + Nearest.hint(text, in: Goal.allCases.map(\.rawValue))))
            }
            if goal == .measure {
                throw DecodingError.dataCorrupted(
                    .init(
                        codingPath: decoder.codingPath,
                        debugDescription: "which cells? For instance { measure: [{ cpu: [60%, 100%] }] }"))
            }
            self.goal = goal
            return
        }
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        let named = [CodingKeys.best, .fill, .justRunIt, .measure].filter { fields.contains($0) }
        guard let key = named.first, named.count == 1 else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription:
                        "one of { best: METRIC }, { fill: WIDTH }, { justrunit: GAIN } and { measure: CELLS } is looked for"
                ))
        }
        if key != .best, fields.contains(.budget) {
            throw fields.refusal(of: .budget, "only 'best' has a budget; 'cheapest' finds the least one")
        }
        switch key {
        case .fill:
            goal = .fill
            width = try fields.value(.fill, Self.share)
        case .justRunIt:
            goal = .justRunIt
            gain = try fields.value(.justRunIt, Self.share)
        case .measure:
            goal = .measure
            cells = try fields.decode([CombinationFields].self, forKey: .measure).map(\.combinations)
        case .best, .budget:
            goal = .best
            metric = try fields.choice(.best, default: Metric.p95)
            budget = fields.contains(.budget) ? try fields.price(.budget) : nil
        }
    }

    private static var goals: String { Goal.allCases.map(\.rawValue).joined(separator: ", ") }

    private static func share(_ text: String) throws(UnitError) -> Double {
        let share = try Units.fraction(text)
        guard share > 0 else { throw UnitError(found: text, expected: "a percentage above 0%") }
        return share
    }
}

extension KeyedDecodingContainer {
    /// A number without a unit, not below zero.
    fileprivate func price(_ key: Key) throws -> Double {
        try value(key) { (text) throws(UnitError) in
            guard let price = Double(text), price.isFinite, price >= 0 else {
                throw UnitError(found: text, expected: "a number such as '2.5'")
            }
            return price
        }
    }
}

/// `{ cpu: 10, memory: 2.5, node: { as-is: 30, big: 55 } }`
private struct PriceFields: Decodable {
    var prices = Prices()

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: AnyKey.self)
        for key in fields.allKeys {
            guard let resource = Resource(rawValue: key.stringValue) else {
                throw fields.refusal(of: key, "unknown axis '\(key.stringValue)'")
            }
            if resource.isNumeric {
                do { prices.byResource[resource] = .each(try fields.price(key)) } catch is DecodingError {
                    throw fields.refusal(
                        of: key, "expected the price of one \(resource.priced.name), a number such as '2.5'")
                }
                continue
            }
            let names = try fields.nestedContainer(keyedBy: AnyKey.self, forKey: key)
            prices.byResource[resource] = .named(
                Dictionary(uniqueKeysWithValues: try names.allKeys.map { ($0.stringValue, try names.price($0)) }))
        }
    }
}

/// `{ cpu: 100%, memory: [128 MiB, 256 MiB] }`
private struct CombinationFields: Decodable {
    let combinations: Combinations

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: AnyKey.self)
        var settings: [Resource: [Setting]] = [:]
        for key in fields.allKeys {
            guard let resource = Resource(rawValue: key.stringValue) else {
                throw fields.refusal(of: key, "unknown axis '\(key.stringValue)'")
            }
            let texts =
                if let text = try? fields.decode(String.self, forKey: key) { [text] } else {
                    try fields.decode([String].self, forKey: key)
                }
            do { settings[resource] = try texts.map { try resource.parse($0) } } catch {
                throw fields.refusal(of: key, "\(error)")
            }
        }
        if settings.isEmpty {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "nothing is named; for instance { cpu: 100%, memory: 128 MiB }"))
        }
        combinations = Combinations(settings)
    }
}

/// `{ threshold: 10%, doubt: 5%, time: after, notify: { command: …, webhook: … } }`
private struct CheckFields: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case threshold, doubt, time, notify }

    private struct NotifyFields: Decodable {
        enum CodingKeys: String, CodingKey, CaseIterable { case command, webhook }
        let command: String?
        let webhook: String?

        init(from decoder: any Decoder) throws {
            let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
            command = try fields.decodeIfPresent(String.self, forKey: .command)
            webhook = try fields.decodeIfPresent(String.self, forKey: .webhook)
            if let webhook, !webhook.hasPrefix("http://"), !webhook.hasPrefix("https://") {
                throw fields.refusal(
                    of: .webhook, "found '\(webhook)', expected an address that begins with http:// or https://")
            }
            if command == nil, webhook == nil {
                throw DecodingError.dataCorrupted(
                    .init(codingPath: decoder.codingPath, debugDescription: "name a command or a webhook"))
            }
        }
    }

    var check = CheckSpecification()

    init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        check.threshold = try fields.value(.threshold, default: check.threshold, Units.fraction)
        check.doubt = try fields.value(.doubt, default: check.doubt, Units.fraction)
        check.time = try fields.choice(.time, default: check.time)
        let notify = try fields.decodeIfPresent(NotifyFields.self, forKey: .notify)
        (check.command, check.webhook) = (notify?.command, notify?.webhook)
    }
}

extension SearchSpecification {
    typealias Fields = KeyedDecodingContainer<CampaignSpecification.CodingKeys>

    /// The goal, and how it is looked for, over these axes.
    static func decoded(_ fields: Fields, _ axes: [Axis]) throws -> (Goal, SearchSpecification) {
        var search = SearchSpecification()
        let find = try fields.decodeIfPresent(FindFields.self, forKey: .find)
        search.metric = find?.metric
        search.budget = find?.budget
        search.width = find?.width ?? search.width
        search.gain = find?.gain ?? search.gain
        search.named = find?.cells
        search.confidence = try fields.value(.confidence, default: search.confidence) { (text) throws(UnitError) in
            let share = try Units.fraction(text)
            guard share >= 0.5, share < 1 else {
                throw UnitError(found: text, expected: "a percentage from 50% to below 100%")
            }
            return share
        }
        search.interpolation = try fields.choice(.interpolate, default: search.interpolation)
        search.seed = try fields.value(.seed, default: search.seed) { (text) throws(UnitError) in
            guard let seed = UInt64(text) else { throw UnitError(found: text, expected: "a whole number from 0") }
            return seed
        }
        search.prices = try fields.decodeIfPresent(PriceFields.self, forKey: .cost)?.prices ?? Prices()
        search.forbidden =
            try fields.decodeIfPresent([CombinationFields].self, forKey: .forbid)?.map(\.combinations)
            ?? []
        search.check = try fields.decodeIfPresent(CheckFields.self, forKey: .check)?.check ?? CheckSpecification()
        let goal = find?.goal ?? .cheapest
        try search.refuse(fields, axes)
        if [.cheapest, .best].contains(goal),
            let axis = axes.first(where: { $0.resource.isDemand && $0.values.count > 1 })
        {
            throw fields.refusal(
                of: .axes,
                "one search is for one \(axis.resource.rawValue); give the axis one value, or find: fill, whose matrix answers for "
                    + "each")
        }
        return (goal, search)
    }

    private func refuse(_ fields: Fields, _ axes: [Axis]) throws {
        let known = axes.map(\.resource.rawValue).joined(separator: ", ")
        for resource in prices.byResource.keys.sorted() where !axes.contains(where: { $0.resource == resource }) {
            throw fields.refusal(
                of: .cost,
                "'\(resource.rawValue)' has a price and is no axis, so that it costs the same everywhere (axes: \(known))"
            )
        }
        if budget != nil, prices.isEmpty {
            throw fields.refusal(of: .find, "a budget needs prices; for instance cost: { cpu: 10 }, of one core")
        }
        for (key, combinations) in [(Fields.Key.forbid, forbidden), (.find, named ?? [])] {
            if let reason = combinations.compactMap({ $0.refusal(on: axes) }).first {
                throw fields.refusal(of: key, reason)
            }
        }
        let cells = ResultMatrix(axes: axes, forbidden: forbidden).cells
        if cells.isEmpty {
            throw fields.refusal(of: .forbid, "every combination of the axes is forbidden; forbid fewer")
        }
        if let named, !cells.contains(where: { cell in named.contains { $0.contains(cell.allocation) } }) {
            throw fields.refusal(of: .find, "no cell is named that is not forbidden")
        }
        guard !prices.isEmpty else { return }
        for cell in cells {
            guard let cost = prices.cost(of: cell.allocation) else {
                throw fields.refusal(
                    of: .cost, "nobody says what \(cell.allocation) costs; give every name of an axis its price")
            }
            if cost <= 0 {
                throw fields.refusal(
                    of: .cost, "\(cell.allocation) costs \(Format.significant(cost)); a cost has to be above zero")
            }
        }
        if let budget, !cells.contains(where: { prices.cost(of: $0.allocation).map { $0 <= budget } ?? false }) {
            let least = cells.compactMap { prices.cost(of: $0.allocation) }.min() ?? 0
            throw fields.refusal(
                of: .find,
                "nothing costs \(Format.significant(budget)) or less; the least is \(Format.significant(least))")
        }
    }
}

extension Combinations {
    /// What in them is on none of these axes; nil when all is.
    fileprivate func refusal(on axes: [Axis]) -> String? {
        for (resource, settings) in settings {
            guard let axis = axes.first(where: { $0.resource == resource }) else {
                return
                    "'\(resource.rawValue)' is no axis (axes: \(axes.map(\.resource.rawValue).joined(separator: ", ")))"
            }
            if let setting = settings.first(where: { !axis.values.contains($0) }) {
                return "\(resource.rawValue) \(resource.format(setting)) is not on its axis (values: "
                    + axis.values.map(resource.format).joined(separator: ", ") + ")"
            }
        }
        return nil
    }
}
