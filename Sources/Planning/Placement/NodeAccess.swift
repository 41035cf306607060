import Model

/// How a node is reached by who carries a plan out: its libvirt, and what powers it on and off.
package struct NodeAccess: Hashable, Sendable {
    /// libvirt's URI.
    package var connect: String
    /// How memory gets there, such as `tcp://node2`; nil is up to libvirt.
    package var transport: String?
    package var power: PowerSwitch?

    package init(connect: String, transport: String? = nil, power: PowerSwitch? = nil) {
        (self.connect, self.transport, self.power) = (connect, transport, power)
    }
}

/// A node of the embedded lab.
package struct LabNodeNumber: Hashable, Sendable {
    /// From 1.
    package let number: Int
    /// What powers it on and off instead of the lab: to try a switch on nodes that may be switched.
    package let power: PowerSwitch?
}

extension NodeAccess {
    /// Whether this is the machine that asks, by libvirt's own sockets on it. One that is named to be elsewhere is believed to be.
    var isHere: Bool {
        let parts = connect.split(separator: "?", maxSplits: 1)
        guard parts.count < 2 || !parts[1].contains("socket="), let scheme = connect.firstRange(of: "://") else {
            return false
        }
        let place = parts[0][scheme.upperBound...]
        let authority = place.prefix { $0 != "/" }
        return ["", "localhost", "127.0.0.1", "[::1]"].contains(String(authority))
            && ["", "/", "/system", "/session"].contains(String(place.dropFirst(authority.count)))
    }

    /// Of the same node, what its other drivers are asked by: a machine's libvirt does not tell of containers, and the other way
    /// round.
    package var otherDrivers: [String] {
        let driver = connect.prefix { $0 != "+" && $0 != ":" }
        return ["qemu", "lxc"].filter { $0 != driver }.map { $0 + connect.dropFirst(driver.count) }
    }
}

/// Who powers a node on and off.
package enum PowerSwitch: Hashable, Sendable {
    /// For a shell; either may be missing.
    case command(on: String?, off: String?)
    /// A board management controller: IPMI 2.0 over LAN, sections 13 and 28 (chassis control), by ipmitool.
    case ipmi(address: String, user: String, passwordFile: String)
    /// A magic packet to the node's MAC, by wakeonlan; off is for a shell.
    case wakeOnLAN(address: String, off: String?)

    /// The program that has to be there.
    package var program: String {
        switch self {
        case .command: "sh"
        case .ipmi: "ipmitool"
        case .wakeOnLAN: "wakeonlan"
        }
    }

    /// What to run; nil when nothing does that.
    package func words(on: Bool) -> [String]? {
        switch self {
        case .command(let onCommand, let offCommand):
            return (on ? onCommand : offCommand).map { ["sh", "-c", $0] }
        case .ipmi(let address, let user, let passwordFile):
            // Soft: the system is asked to shut down.
            return [
                "ipmitool", "-I", "lanplus", "-H", address, "-U", user, "-f", passwordFile, "chassis", "power",
                on ? "on" : "soft",
            ]
        case .wakeOnLAN(let address, let off):
            return on ? ["wakeonlan", address] : off.map { ["sh", "-c", $0] }
        }
    }
}

/// `{ on: COMMAND, off: COMMAND }`, `{ ipmi: ADDRESS, user: NAME, password-file: FILE }`, or
/// `{ wake-on-lan: MAC, off: COMMAND }`
struct SwitchFields: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case on, off, ipmi, user
        case passwordFile = "password-file"
        case wakeOnLAN = "wake-on-lan"
    }

    let power: PowerSwitch

    init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        let text = { (key: CodingKeys) in try fields.decodeIfPresent(String.self, forKey: key) }
        let drivers = [CodingKeys.on, .ipmi, .wakeOnLAN].filter { fields.contains($0) }
        if drivers.count > 1 {
            throw fields.refusal(of: drivers[1], "a node is powered on in one way: 'on', 'ipmi' or 'wake-on-lan'")
        }
        let isIPMI = drivers.first == .ipmi
        for key in [CodingKeys.user, .passwordFile] where fields.contains(key) != isIPMI {
            throw fields.refusal(
                of: key, isIPMI ? "ipmi needs a user and a password-file" : "it belongs to 'ipmi', which is not there")
        }
        if isIPMI, fields.contains(.off) {
            throw fields.refusal(of: .off, "ipmi powers off itself; leave 'off' out")
        }
        switch drivers.first {
        case .ipmi:
            power = .ipmi(
                address: try fields.decode(String.self, forKey: .ipmi),
                user: try fields.decode(String.self, forKey: .user),
                passwordFile: try fields.decode(String.self, forKey: .passwordFile))
        case .wakeOnLAN:
            let address = try fields.value(.wakeOnLAN) { (text) throws(UnitError) in
                let parts = text.split(separator: ":", omittingEmptySubsequences: false)
                guard parts.count == 6, parts.allSatisfy({ $0.utf8.count == 2 && UInt8($0, radix: 16) != nil }) else {
                    throw UnitError(found: text, expected: "a MAC address, such as 52:54:00:12:34:56")
                }
                return text
            }
            power = .wakeOnLAN(address: address, off: try text(.off))
        default: power = .command(on: try text(.on), off: try text(.off))
        }
    }
}
