import Foundation
import Model
import Store
import Testing

@Suite struct DecisionStoreTests {
    private let path = NSTemporaryDirectory() + "decisions-\(UInt64.random(in: 0 ... .max)).db"

    private func decision(_ id: String, _ service: String = "auction", at seconds: Int64) -> ManagedDecision {
        ManagedDecision(
            id: id, service: service, cause: .violated, tier: "app", limit: 0.045, rate: 100, figure: 0.09,
            at: Timestamp(nanoseconds: seconds * 1_000_000_000), because: "3 of the last 5")
    }

    @Test func whatWasDecidedIsThereAgain() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        var first = decision("d-1", at: 10)
        let (second, other) = (decision("d-2", at: 20), decision("d-3", "shop", at: 15))
        do {
            let store = try DecisionStore(path)
            for decision in [second, first, other] { try store.save(decision) }
            first.hasCampaign = true
            first.changes = [
                AllocationChange(domain: "app1", resource: .memory, from: .name("unlimited"), to: .number(268_435_456))
            ]
            first.go(to: .applying, at: Timestamp(nanoseconds: 30_000_000_000), because: "a change is allowed now")
            try store.save(first)
        }
        let store = try DecisionStore(path)
        // What was saved last comes last.
        #expect(try store.decisions(of: "auction") == [second, first])
        #expect(try store.decisions() == [second, other, first])
        #expect(try store.decisions(of: "none").isEmpty)
        #expect(try store.decision("d-3") == other && store.decision("d-4") == nil)
        #expect(first.changed == Timestamp(nanoseconds: 30_000_000_000) && second.changed == nil)
    }

    /// The last of each domain, of each data centre by itself.
    @Test func whatWasMovedIsThereAgain() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let at = { Timestamp(nanoseconds: $0) }
        let store = try DecisionStore(path)
        try store.record(moveOf: "web1", to: "n2", in: "rack", at: at(1))
        try store.record(moveOf: "web1", to: "n3", in: "rack", at: at(2))
        try store.record(moveOf: "web1", to: "n4", in: "other", at: at(3))
        let moves = try DecisionStore(path).moves(in: "rack")
        #expect(moves.count == 1 && moves["web1"]?.node == "n3" && moves["web1"]?.at == at(2))
        #expect(try store.moves(in: "none").isEmpty)
    }

    @Test func whatIsNoStoreIsSaid() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        try String(repeating: "no database ", count: 100).write(toFile: path, atomically: true, encoding: .utf8)
        #expect(throws: StoreError.self) { try DecisionStore(path) }
    }
}
