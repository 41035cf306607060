import Cloning
import Foundation
import Hypervisor
import Model
import OperatingSystem
import Proxies
import Store

/// What the names on a campaign's axes mean.
struct Meanings {
    private let software: [String: String]
    private let mixes: [String: [MixWeight]]
    private let seed: UInt64
    private let warmUp: Duration
    private let variants: [String: DomainDescription]
    private let makers: [String: CloneMaker]

    /// Reads the files of variants and connects to nodes. `maker` makes the maker of a node.
    init(_ file: ServiceFile, of original: DomainDescription, maker: (Node) -> CloneMaker) throws {
        let names = { (resource: Resource) in
            file.campaign.axes.first { $0.resource == resource }?.values.compactMap(\.name) ?? []
        }
        software = file.software
        mixes = file.mixes
        seed = file.campaign.search.seed
        warmUp = file.campaign.warmUp
        variants = try Dictionary(
            uniqueKeysWithValues: names(.variant).compactMap { name in
                try file.variants[name].map { (name, try Self.variant(name, $0, of: original.name)) }
            })
        if original.isMachine, let name = names(.node).first(where: { file.nodes[$0] != nil }) {
            throw AllocationError.unsupported(
                .node, domain: original.name,
                reason: "this version clones machines where their disks are held; leave out the node '\(name)'")
        }
        makers = try Dictionary(
            uniqueKeysWithValues: names(.node).compactMap { name in
                try file.nodes[name].map { (name, maker(try Node(connect: $0.connect))) }
            })
    }

    private static func variant(_ name: String, _ path: String, of domain: String) throws -> DomainDescription {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CampaignError.badVariant(name, file: path, reason: "it cannot be read")
        }
        do {
            // virsh prints an empty line behind it. What is cut off would be mended in silence.
            let xml = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
            guard xml.hasSuffix("</domain>") else {
                throw CampaignError.badVariant(name, file: path, reason: "it does not end with </domain>")
            }
            return try DomainDescription(xml: xml, name: domain)
        } catch let error as HypervisorError {
            throw CampaignError.badVariant(name, file: path, reason: error.message)
        }
    }

    var allVariants: [DomainDescription] { Array(variants.values) }

    func command(_ allocation: Allocation) -> String? { allocation[.software]?.name.flatMap { software[$0] } }
    /// How much load, and of which mix.
    func shape(_ allocation: Allocation) -> ReplayShape {
        var shape = ReplayShape()
        shape.scale = allocation[.load]?.number ?? 1
        shape.mix = (allocation[.mix]?.name.flatMap { mixes[$0] } ?? []).map {
            MixRule(pattern: $0.pattern, factor: $0.factor)
        }
        shape.seed = seed &+ 1
        // When measuring begins, the load is the one that was asked for.
        shape.spread = min(shape.spread, warmUp)
        return shape
    }

    func variant(_ allocation: Allocation) -> DomainDescription? { allocation[.variant]?.name.flatMap { variants[$0] } }
    /// Nil is the campaign's own node.
    func maker(_ allocation: Allocation) -> CloneMaker? { allocation[.node]?.name.flatMap { makers[$0] } }
}
