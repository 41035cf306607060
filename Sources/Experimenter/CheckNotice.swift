import Foundation
package import Model
import OperatingSystem

extension Check {
    /// Whether what rested on the prediction does not stand: it was too far off, or it promised an SLA that does not hold.
    package func fails(_ sla: SLA) -> Bool {
        if !passed { return true }
        return metric == Metric(sla.statistic) && sla.isMet(by: predicted.value) && !sla.isMet(by: measured)
    }
}

/// What others are told of a failed check: one JSON object; times in seconds.
struct CheckNotice: Encodable {
    let event = "check-failed"
    let campaign, service, tier, domain, sla: String
    let allocation: [String: Setting]
    let metric: Metric
    let predicted: Estimate
    let measured, threshold: Double

    init(_ record: CampaignRecord, _ allocation: Allocation, _ check: Check) {
        campaign = record.id
        (service, tier, domain, sla) = (record.service, record.tier, record.domain, record.sla.description)
        self.allocation = Dictionary(uniqueKeysWithValues: allocation.values.map { ($0.key.rawValue, $0.value) })
        (metric, predicted, measured, threshold) = (check.metric, check.predicted, check.measured, check.threshold)
    }

    /// Tells the command and the webhook that are named; what did not work comes back.
    func send(_ specification: CheckSpecification) -> [String] {
        var failures: [String] = []
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            let text = String(decoding: try encoder.encode(self), as: UTF8.self)
            if let command = specification.command {
                do { try ChildProcess.succeed(["timeout", "10", "sh", "-c", command], input: text) } catch {
                    failures.append("the command of a failed check did not work: \(error.reason)")
                }
            }
            if let webhook = specification.webhook {
                do {
                    try ChildProcess.succeed(
                        [
                            "curl", "--fail", "--silent", "--show-error", "--max-time", "10", "--header",
                            "Content-Type: application/json", "--data-binary", "@-", "--", webhook,
                        ], input: text)
                } catch {
                    failures.append("the webhook of a failed check did not work: \(error.reason)")
                }
            }
        } catch {
            failures.append("the notice of a failed check could not be written: \(error)")
        }
        return failures
    }
}
