import Foundation
import Model

extension CampaignRecord {
    /// What the names on the axes stood for, and what else of the file changes what is measured, each as a sum: cells that were
    /// measured under another meaning are no cells of this campaign.
    static func meanings(_ file: ServiceFile) -> [String: String] {
        var texts: [String: String] = [:]
        for axis in file.campaign.axes {
            for name in axis.values.compactMap(\.name) {
                let text: String? =
                    switch axis.resource {
                    case .software: file.software[name]
                    case .mix: file.mixes[name]?.map { "\($0.pattern) \($0.factor)" }.joined(separator: "\n")
                    case .variant:
                        file.variants[name].flatMap { FileManager.default.contents(atPath: $0) }
                            .map { String(decoding: $0, as: UTF8.self) }
                    case .node: file.nodes[name]?.connect
                    default: nil
                    }
                if let text { texts["\(axis.resource.rawValue) '\(name)'"] = text }
            }
        }
        let cloned = [file.campaign.tier] + file.campaign.with
        for tier in file.tiers where cloned.contains(tier.name) {
            if let prepare = tier.prepare { texts["'prepare' of tier \(tier.name)"] = prepare }
        }
        return texts.mapValues(Fingerprint.of)
    }

    /// What has another meaning than in `earlier`; what is new or not known means nothing else.
    func changedMeanings(since earlier: CampaignRecord) -> [String] {
        let before = earlier.meanings ?? [:]
        return (meanings ?? [:]).filter { name, sum in before[name].map { $0 != sum } ?? false }.keys.sorted()
    }
}
