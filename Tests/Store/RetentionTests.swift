import Model
import Store
import Testing

@Suite struct RetentionTests {
    private func head(_ id: String, _ service: String, _ tier: String, _ started: Int64, running: Bool = false)
        -> CampaignHead
    {
        var record = Sample.record(id, started: started)
        (record.service, record.tier, record.state) = (service, tier, running ? .running : .done)
        return CampaignHead(record, counts: ["blank": 3])
    }

    @Test(arguments: [
        (Retention(service: "shop"), ["s1"]), (Retention(before: Timestamp(nanoseconds: 3)), ["s1", "b1", "a1"]),
        (Retention(keep: 1), ["a2", "a1"]), (Retention(keep: 2), ["a1"]),
        (Retention(service: "auction", keep: 0), ["a3", "a2", "b1", "a1"]),
        (Retention(service: "auction", before: Timestamp(nanoseconds: 4), keep: 2), ["a1"]),
        (Retention(service: "none"), []),
    ])
    func whatFitsAllThatIsAskedGoes(_ retention: Retention, _ expected: [String]) {
        let heads = [
            head("run", "auction", "app", 1, running: true), head("a1", "auction", "app", 0),
            head("s1", "shop", "app", 2),
            head("a3", "auction", "app", 5), head("b1", "auction", "db", 1), head("a2", "auction", "app", 4),
        ]
        #expect(retention.outdated(heads).map(\.record.id) == expected)
    }
}
