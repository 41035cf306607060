package import Hypervisor

/// Clones of a domain that are made from another definition than its own.
package enum CloneVariant {
    /// Why no clone of `original` can be made as `variant` describes it; empty when it can. A variant may describe another
    /// machine, and has to have the domain's disks and the address of its first interface.
    package static func obstacles(_ variant: DomainDescription, of original: DomainDescription) -> [String] {
        guard variant.isMachine == original.isMachine, variant.isContainer == original.isContainer else {
            return ["its type is \(variant.type), and that of the domain \(original.type)"]
        }
        var found: [String] = []
        if variant.isContainer, !variant.shared.isEmpty {
            found.append("it would share with production: \(variant.shared.joined(separator: ", "))")
        }
        let (mac, own) = (variant.interfaces.first?.mac, original.interfaces.first?.mac)
        if mac?.lowercased() != own?.lowercased() {
            found.append(
                "its first <interface> has the MAC address \(mac ?? "none"), and the domain's \(own ?? "none")")
        }
        let sources = Set(original.disks.filter(\.isWritable).compactMap(\.image?.source))
        for disk in variant.disks where disk.isWritable {
            guard let source = disk.image?.source, !sources.contains(source) else { continue }
            found.append("it writes to \(source), which is none of the domain's disks")
        }
        return found
    }
}

extension ClonePlan {
    /// What a disk of the original is called in the clone.
    func target(of disk: Disk) -> String {
        variant?.disks.first { $0.isWritable && $0.image?.source == disk.image?.source }?.target ?? disk.target
    }
}
