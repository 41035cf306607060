import Hypervisor
import Model
import Volumes

/// What LVM reports of its volumes: whatever it says, how full they are is a share, and bytes that there are.
enum VolumeReportEntry {
    static func run(_ bytes: [UInt8]) throws(BrokenInvariant) {
        guard let volumes = LogicalVolumeReport.all(String(decoding: bytes, as: UTF8.self)) else { return }
        for report in volumes {
            try BrokenInvariant.unless(report.free >= 0, "less than nothing is free")
            guard let fill = LogicalVolumeReport.fill(of: report.volume, in: volumes) else {
                throw BrokenInvariant("it is in the report and is not found")
            }
            try BrokenInvariant.unless((0...1).contains(fill.share), "a share of \(fill.share)")
            try BrokenInvariant.unless(fill.used >= 0 && fill.used <= fill.room, "more is used than there is")
        }
    }
}

/// What libvirt says of a domain: a description, or an error that says something; a clone made from it is none of the original's
/// name, is on its own bridge, and can be read as one.
enum DomainEntry {
    static func run(_ bytes: [UInt8]) throws(BrokenInvariant) {
        let domain: DomainDescription
        do throws(HypervisorError) {
            domain = try DomainDescription(xml: String(decoding: bytes, as: UTF8.self), name: "original")
        } catch {
            try BrokenInvariant.unless(!"\(error)".isEmpty, "an error says nothing")
            return
        }
        let xml: String
        do throws(HypervisorError) {
            xml = try domain.clone(named: "twin", root: "/twin", bridge: "wi-bridge", device: "wi-twin")
        } catch {
            return
        }
        guard let clone = try? DomainDescription(xml: xml, name: "twin") else {
            throw BrokenInvariant("the clone's description cannot be read")
        }
        try BrokenInvariant.unless(clone.root == "/twin", "the clone's root is the original's")
        try BrokenInvariant.unless(clone.interfaces.count == 1, "more than one way in and out")
        try BrokenInvariant.unless(clone.interfaces.first?.device == "wi-twin", "another device")
    }
}
