package import Model

/// Which campaigns are to go: those that fit all that is asked. Pure. One that runs never goes.
package struct Retention: Sendable {
    /// Of this service only; nil is any.
    package var service: String?
    /// That began before; nil is at any time.
    package var before: Timestamp?
    /// But for so many latest of each tier; nil keeps none.
    package var keep: Int?

    package init(service: String? = nil, before: Timestamp? = nil, keep: Int? = nil) {
        self.service = service
        self.before = before
        self.keep = keep
    }

    /// Latest first, as `heads` are.
    package func outdated(_ heads: [CampaignHead]) -> [CampaignHead] {
        var seen: [[String]: Int] = [:]
        return heads.sorted { $0.record.started > $1.record.started }.filter { head in
            let record = head.record
            if record.state == .running { return false }
            let place = seen[[record.service, record.tier], default: 0]
            seen[[record.service, record.tier]] = place + 1
            return (service.map { $0 == record.service } ?? true) && (before.map { record.started < $0 } ?? true)
                && (keep.map { place >= $0 } ?? true)
        }
    }
}
