package import Model

/// What keeps campaigns and their matrices. Any such store passes the same tests (Tests/Store/StoreContract.swift).
///
/// Every method throws `StoreError`: when the store cannot be reached or written, and when what it holds is damaged. What is
/// damaged is never returned in part, nor taken for something that is not there.
package protocol CampaignStore: AnyObject {
    /// Writes the record as it stands now: all of it, or nothing. Of a campaign that is saved again and again, what has not
    /// changed is not written again.
    func save(_ record: CampaignRecord) throws(StoreError)

    /// The campaign of that id, or the one that was started last; nil when there is none.
    func campaign(_ id: String?) throws(StoreError) -> CampaignRecord?

    /// The latest campaign of a tier that has come to its end; nil when there is none.
    func latestDone(service: String, tier: String) throws(StoreError) -> CampaignRecord?

    /// The latest campaign of a tier, in that state if one is given; nil when there is none.
    func latest(service: String, tier: String, state: CampaignRecord.State?) throws(StoreError) -> CampaignRecord?

    /// All campaigns, latest first; those that cannot be read are said beside the others.
    func campaigns() throws(StoreError) -> (records: [CampaignRecord], damaged: [StoreError])

    /// The same without their cells: what a list of them takes.
    func heads() throws(StoreError) -> (heads: [CampaignHead], damaged: [StoreError])

    /// One of them, or the one that was started last; nil when there is none.
    func head(_ id: String?) throws(StoreError) -> CampaignHead?

    /// Removes campaigns and all their cells: all of them, or none. One that is not there is none.
    func remove(_ ids: [String]) throws(StoreError)
}

/// A campaign without its cells.
package struct CampaignHead: Hashable, Sendable {
    /// Its matrix has axes, and no cells.
    package let record: CampaignRecord
    /// How many cells are in each state, by `Cell.state`.
    package let counts: [String: Int]

    package init(_ record: CampaignRecord, counts: [String: Int]) {
        self.record = record
        self.counts = counts
    }

    package var cells: Int { counts.values.reduce(0, +) }
    /// By experiment, whatever for.
    package var measured: Int { counts["measured", default: 0] + counts["checked", default: 0] }
}
