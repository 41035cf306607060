import Model
import Planning
import TestSupport
import Testing

@Suite struct DecisionTests {
    private let sla = SLA(.p95, below: .milliseconds(50), over: .seconds(60))

    private func record(_ p95: [Double: Double?], onLine: Double = 0.2, deviation: Double = 0) throws -> CampaignRecord
    {
        var record = CampaignRecord(
            id: "c", service: "auction", tier: "app", domain: "app1", connect: "lxc:///system", node: nil,
            started: Timestamp(nanoseconds: 0), sla: sla, goal: .cheapest, onLine: Allocation([.cpu: onLine]),
            matrix: ResultMatrix(axes: [Axis(.cpu, [Double](p95.keys))]))
        for (cpu, value) in p95 {
            guard let value else { continue }
            record.matrix[Allocation([.cpu: cpu])] = Surface.cell(cpu, p95: value)
        }
        var control = try #require(Surface.measurement(p95: 0.09))
        control.clone.mean.value *= 1 + deviation
        record.control = ControlResult(allocation: record.onLine, measurement: control, limits: ControlLimits())
        return record
    }

    @Test func theSmallestThatMeetsIsTheAnswer() throws {
        let answer = Decision.answer(try record([0.2: 0.09, 0.4: 0.06, 0.6: 0.03, 0.8: nil, 1.0: 0.02]))
        #expect(answer.verdict == .cheapest(Allocation([.cpu: 0.6])))
        #expect(answer.reasons.contains { $0.contains("cpu 60% meets") })
        #expect(answer.reasons.contains { $0.contains("cpu 40% violates") })
    }

    @Test func anUntestedCheaperCellLeavesItUndecided() throws {
        let answer = Decision.answer(try record([0.2: 0.09, 0.4: nil, 0.6: 0.03]))
        guard case .undecided = answer.verdict else {
            Issue.record("\(answer)")
            return
        }
        #expect(answer.reasons.contains { $0.contains("cpu 40%") && $0.contains("not excluded") })
    }

    /// Of several axes the first cell that meets is the answer when all before it do not.
    @Test func severalAxes() throws {
        var several = try record([0.2: 0.09, 0.4: 0.03])
        several.matrix = ResultMatrix(axes: [Axis(.memory, [1e8, 2e8]), Axis(.software, [.asIs, .name("tuned")])])
        let measure = { (record: inout CampaignRecord, index: Int, p95: Double) in
            let allocation = record.matrix.cells[index].allocation
            record.matrix[allocation] = Cell(allocation, Surface.cell(0, p95: p95).content)
        }
        measure(&several, 0, 0.09)
        measure(&several, 2, 0.03)
        guard case .undecided = Decision.answer(several).verdict else {
            Issue.record("a cheaper cell was not tried")
            return
        }
        measure(&several, 1, 0.08)
        let answer = Decision.answer(several)
        #expect(answer.verdict == .cheapest(several.matrix.cells[2].allocation))
        #expect(answer.reasons.contains { $0.hasPrefix("memory 100 MB, software tuned violates") })
        for index in [2, 3] { measure(&several, index, 0.07) }
        #expect(Decision.answer(several).verdict == .nothingMeets)
        measure(&several, 0, 0.02)
        #expect(Decision.answer(several).reasons.contains("it is the first in the order of the axes"))
    }

    @Test func nothingMeetsIsAnAnswer() throws {
        #expect(Decision.answer(try record([0.2: 0.09, 0.4: nil, 0.6: 0.07])).verdict == .nothingMeets)
    }

    /// A sandbox that does not behave like production gives no answer, however good its numbers look.
    @Test(arguments: [0.2, -0.2])
    func aControlOutOfLineForbidsAnAnswer(_ deviation: Double) throws {
        let answer = Decision.answer(try record([0.2: 0.09, 0.4: 0.03], deviation: deviation))
        #expect(answer.verdict == .undecided("the control clone is out of line with the on-line domain"))
    }

    @Test func aMissingControlForbidsAnAnswer() throws {
        var record = try record([0.2: 0.09, 0.4: 0.03])
        record.control = nil
        #expect(Decision.answer(record).verdict == .undecided("no control clone could be measured"))
    }
}
