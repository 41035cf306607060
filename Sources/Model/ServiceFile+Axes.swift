// Reading of a campaign's axes, and of what the names on them mean.

/// `{ cpu: [20%, 40%], software: [as-is, tuned] }`
struct AxesFields: Decodable {
    /// More than could ever be measured.
    private static let cellLimit = 1000
    let axes: [Axis]

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: AnyKey.self)
        let known = Resource.allCases.map(\.rawValue).joined(separator: ", ")
        axes = try fields.allKeys.map { key in
            guard let resource = Resource(rawValue: key.stringValue) else {
                let hint = Nearest.hint(key.stringValue, in: Resource.allCases.map(\.rawValue))
                throw fields.refusal(
                    of: key, "unknown axis '\(key.stringValue)'; this version can set: \(known)\(hint)")
            }
            var list = try fields.nestedUnkeyedContainer(forKey: key)
            var values: [Setting] = []
            while !list.isAtEnd {
                let path = list.codingPath
                let text = try list.decode(String.self)
                do throws(UnitError) {
                    let value = try resource.parse(text)
                    guard !values.contains(value) else {
                        throw UnitError(found: text, expected: "each value once")
                    }
                    values.append(value)
                } catch {
                    throw DecodingError.dataCorrupted(.init(codingPath: path, debugDescription: "\(error)"))
                }
            }
            // Of what users do, one value is a question too: what if the load were that?
            guard values.count >= (resource.isDemand ? 1 : 2) else {
                throw fields.refusal(of: key, "an axis needs at least two values to try")
            }
            return Axis(resource, values)
        }
        var cells = 1
        for (axis, key) in zip(axes, fields.allKeys) {
            cells *= axis.values.count
            if cells > Self.cellLimit {
                throw fields.refusal(of: key, "the axes make more than \(Self.cellLimit) cells; try fewer values")
            }
        }
        if axes.isEmpty {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "no axis to try; for instance { cpu: [20%, 40%, 60%] }"))
        }
    }
}

extension ServiceFile {
    private typealias Fields = KeyedDecodingContainer<CodingKeys>

    /// `{ tuned: "sed -i … && systemctl restart app" }`
    static func commands(_ fields: KeyedDecodingContainer<CodingKeys>) throws -> [String: String] {
        try named(fields, .software) { meanings, key in
            let command = try meanings.decode(String.self, forKey: key)
            if command.allSatisfy(\.isWhitespace) { throw meanings.refusal(of: key, "there is no command") }
            return command
        }
    }

    /// `{ virtio: app1-virtio.xml }`
    static func files(_ fields: KeyedDecodingContainer<CodingKeys>) throws -> [String: String] {
        try named(fields, .variants) { meanings, key in
            let path = try meanings.decode(String.self, forKey: key)
            if path.allSatisfy(\.isWhitespace) {
                throw meanings.refusal(
                    of: key, "there is no file; write the path of a whole domain XML, as 'virsh dumpxml' prints it")
            }
            return path
        }
    }

    /// `{ big: { connect: "lxc+unix:///system?socket=/run/big/libvirt-sock" } }`, which is on the service's own private host
    /// where it has one.
    static func nodes(
        _ fields: KeyedDecodingContainer<CodingKeys>, besides own: String?
    ) throws -> [String: NodeType] {
        try named(fields, .nodes) { meanings, key in
            let node = try NodeFields(from: meanings.superDecoder(forKey: key))
            guard isLocal(node.connect), (node.node ?? own) == own else {
                throw meanings.refusal(
                    of: key,
                    "'\(node.node ?? node.connect)' is another machine, where this version has nobody who could stand for "
                        + "the clone's neighbours; run a campaign there, or name another libvirt of this machine")
            }
            return NodeType(connect: node.connect, node: own)
        }
    }

    /// `{ buying: { "POST /bid*": 3, "GET /search*": 0.5 } }`
    static func mixes(_ fields: KeyedDecodingContainer<CodingKeys>) throws -> [String: [MixWeight]] {
        try named(fields, .mixes) { meanings, key in
            let rules = try meanings.nestedContainer(keyedBy: AnyKey.self, forKey: key)
            let weights = try rules.allKeys.map { pattern in
                let factor = try rules.value(pattern) { (text) throws(UnitError) in
                    guard let factor = Double(text), (0...100).contains(factor) else {
                        throw UnitError(found: text, expected: "a factor from 0 to 100")
                    }
                    return factor
                }
                return MixWeight(pattern: pattern.stringValue, factor: factor)
            }
            if weights.isEmpty {
                throw meanings.refusal(of: key, "no request is weighed; for instance { \"GET /*\": 2 }")
            }
            return weights
        }
    }

    private struct NodeFields: Decodable {
        enum CodingKeys: String, CodingKey, CaseIterable { case connect, node }
        let connect: String
        let node: String?

        init(from decoder: any Decoder) throws {
            let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
            connect = try fields.decode(String.self, forKey: .connect)
            node = try fields.decodeIfPresent(String.self, forKey: .node)
        }
    }

    private static func named<Meaning>(
        _ fields: Fields, _ section: CodingKeys,
        _ meaning: (KeyedDecodingContainer<AnyKey>, AnyKey) throws -> Meaning
    ) throws -> [String: Meaning] {
        guard fields.contains(section) else { return [:] }
        let meanings = try fields.nestedContainer(keyedBy: AnyKey.self, forKey: section)
        var named: [String: Meaning] = [:]
        for key in meanings.allKeys {
            do throws(UnitError) {
                let name = try Units.name(key.stringValue)
                if name == Setting.asIs.name {
                    throw UnitError(found: name, expected: "another name: this one always means the on-line domain's")
                }
            } catch {
                throw meanings.refusal(of: key, "\(error)")
            }
            named[key.stringValue] = try meaning(meanings, key)
        }
        return named
    }

    /// Throws at the first value of an axis that is a name without a meaning.
    func requireMeaning(of axes: [Axis], _ path: [any CodingKey]) throws {
        for axis in axes where axis.resource.isDeclared {
            let (section, known): (CodingKeys, [String]) =
                switch axis.resource {
                case .software: (.software, Array(software.keys))
                case .variant: (.variants, Array(variants.keys))
                case .mix: (.mixes, Array(mixes.keys))
                default: (.nodes, Array(nodes.keys))
                }
            for (index, value) in axis.values.enumerated() {
                guard let name = value.name, value != .asIs, !known.contains(name) else { continue }
                let names = (["as-is"] + known.sorted()).joined(separator: ", ")
                throw DecodingError.dataCorrupted(
                    .init(
                        codingPath: path + [
                            CodingKeys.campaign, AnyKey(stringValue: "axes"),
                            AnyKey(stringValue: axis.resource.rawValue),
                            AnyKey(intValue: index),
                        ],
                        debugDescription:
                            "found '\(name)', expected one of: \(names) (what others mean stands in the section "
                            + "'\(section.stringValue):' beside 'tiers:')"))
            }
        }
    }
}
