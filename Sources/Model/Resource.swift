/// What a clone can be given more or less of, or another of. The raw value is the name in files and commands.
package enum Resource: String, Hashable, Codable, CaseIterable, Comparable, Sendable, CodingKeyRepresentable {
    /// CPU quota, as a fraction of one core: 0.6 is 60 % of a core.
    case cpu
    /// Weight against others when processors are short; 1024 is the usual one.
    case shares
    /// Virtual processors.
    case vcpus
    /// Processors of the node that it runs on, in the kernel's words: `0-1,3`.
    case processors = "cpu-set"
    /// Bytes: a container's limit, what a machine's balloon leaves it.
    case memory
    /// Bytes a second from disks, and to them.
    case diskRead = "disk-read"
    case diskWrite = "disk-write"
    /// Bytes a second, each way.
    case network
    /// Hertz of the cores that it runs on.
    case frequency
    /// A node type of the service file.
    case node
    /// A definition of the domain that the service file names.
    case variant
    /// A command of the service file that is run in the clone.
    case software
    /// How many times as many sessions as on-line: 1.5 is 150 %.
    case load
    /// Weights of the service file on what sessions ask.
    case mix
    /// CPU quota of each domain that is cloned along, as a fraction of one core.
    case withCPU = "with-cpu"

    /// In this order in texts.
    package static func < (a: Resource, b: Resource) -> Bool { a.place < b.place }

    package var isNumeric: Bool {
        switch self {
        case .cpu, .shares, .vcpus, .memory, .diskRead, .diskWrite, .network, .frequency, .load, .withCPU: true
        case .processors, .node, .variant, .software, .mix: false
        }
    }

    /// Whether more of it does not make a domain worse.
    package var helps: Bool { isNumeric && self != .load }

    /// Whether it is what users do, and not what the domain has.
    package var isDemand: Bool { self == .load || self == .mix }

    /// Whether it is of the domains that are cloned along, and not of the one under test.
    package var isOfOthers: Bool { self == .withCPU }

    /// Whether a name of it has to be given a meaning in the service file.
    package var isDeclared: Bool { [.node, .variant, .software, .mix].contains(self) }
}

extension Resource {
    /// A value with its unit, as people write it; what is shown can be read back.
    package func format(_ setting: Setting) -> String {
        switch setting {
        case .name(let name): name
        case .number(let value): format(value)
        }
    }

    private func format(_ value: Double) -> String {
        switch self {
        case .cpu, .withCPU, .load: Format.percent(value)
        case .memory: Units.exactBytes(value)
        case .diskRead, .diskWrite, .network: Units.exactBytes(value) + "/s"
        case .frequency: Units.exactHertz(value)
        case .shares, .vcpus, .processors, .node, .variant, .software, .mix: Format.decimal(value, 0)
        }
    }

    /// A value to try, or to compare with.
    package func parse(_ text: String) throws(UnitError) -> Setting {
        switch self {
        case .cpu, .withCPU:
            let value = try Units.fraction(text)
            // The kernel takes no quota below 1 ms a period; a percent of a core is the least that can be meant.
            guard value >= 0.01, value <= 1024 else {
                throw UnitError(found: text, expected: "a CPU quota of at least 1% of one core")
            }
            return .number(value)
        // The kernel's own bounds of the weight.
        case .shares: return .number(try Units.count(text, in: 2...262_144))
        case .vcpus: return .number(try Units.count(text, in: 1...1024))
        case .processors: return .name(ProcessorSet.text(try ProcessorSet.parse(text)))
        case .memory: return .number(Double(try Units.bytes(text)))
        case .diskRead, .diskWrite, .network: return .number(Double(try Units.byteRate(text)))
        case .frequency: return .number(try Units.hertz(text))
        case .load:
            let value = try Units.times(text)
            guard value >= 0.01, value <= 100 else {
                throw UnitError(found: text, expected: "a load from 1% to 10000% of the on-line one")
            }
            return .number(value)
        case .node, .variant, .software, .mix: return .name(try Units.name(text))
        }
    }

    /// Whether `found` is what a domain has that was given `wanted`: what the kernel and libvirt round is no difference.
    package func agrees(_ found: Setting, with wanted: Setting) -> Bool {
        guard case (.number(let a), .number(let b)) = (found, wanted) else { return found == wanted }
        return switch self {
        // The kernel keeps microseconds of a period of 100 ms, for each virtual processor.
        case .cpu, .withCPU: abs(a - b) < 1e-4
        // Pages of 4 KiB, of which libvirt shows kibibytes.
        case .memory: abs(a - b) < 4096
        case .network: abs(a - b) < 1024
        case .frequency: abs(a - b) < 1000
        default: a == b
        }
    }
}

extension Resource {
    /// Its place among `allCases`.
    package var place: Int {
        switch self {
        case .cpu: 0
        case .shares: 1
        case .vcpus: 2
        case .processors: 3
        case .memory: 4
        case .diskRead: 5
        case .diskWrite: 6
        case .network: 7
        case .frequency: 8
        case .node: 9
        case .variant: 10
        case .software: 11
        case .load: 12
        case .mix: 13
        case .withCPU: 14
        }
    }

    /// By its place: cells are kept by the million, and the raw value would be hashed as a text.
    package func hash(into hasher: inout Hasher) { hasher.combine(place) }
}
