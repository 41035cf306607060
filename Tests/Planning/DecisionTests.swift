import Model
import Planning
import TestSupport
import Testing

@Suite struct DecisionTests {
    private let sla = SLA(.p95, below: .milliseconds(50), over: .seconds(60))

    private func record(
        _ p95: [Double: Double?], onLine: Double = 0.2, deviation: Double = 0, goal: Goal = .cheapest,
        confidence: Double = 0.97
    ) throws -> CampaignRecord {
        var record = CampaignRecord(
            id: "c", service: "auction", tier: "app", domain: "app1", connect: "lxc:///system", node: nil,
            started: Timestamp(nanoseconds: 0), sla: sla, goal: goal, onLine: Allocation([.cpu: onLine]),
            matrix: ResultMatrix(axes: [Axis(.cpu, [Double](p95.keys))]))
        for (cpu, value) in p95 {
            guard let value else { continue }
            record.matrix[Allocation([.cpu: cpu])] = Surface.cell(cpu, p95: value)
        }
        var control = try #require(Surface.measurement(p95: 0.09))
        control.clone.mean.value *= 1 + deviation
        (control.cpuUsed, control.onLineCPUUsed) = (onLine / 4, onLine / 4)
        record.control = ControlResult(allocation: record.onLine, measurement: control, limits: ControlLimits())
        record.conclusion = Conclusion(confidence: confidence, why: "nothing cheaper meets it, by what was seen")
        return record
    }

    @Test func theCheapestThatMeetsIsTheAnswer() throws {
        let answer = Decision.answer(try record([0.2: 0.09, 0.4: 0.06, 0.6: 0.03, 0.8: nil, 1.0: 0.02]))
        #expect(answer.verdict == .cheapest(Allocation([.cpu: 0.6])))
        #expect(answer.confidence == 1)
        #expect(answer.reasons.contains { $0.contains("cpu 60% meets") })
        #expect(answer.reasons.contains { $0.contains("cpu 40% violates") })
    }

    /// What is not measured is excluded as surely as the search said, or not at all.
    @Test func anUntestedCheaperCellIsExcludedByProbabilityOnly() throws {
        let surfaces: [Double: Double?] = [0.2: 0.09, 0.4: nil, 0.6: 0.03]
        let sure = Decision.answer(try record(surfaces))
        #expect(sure.verdict == .cheapest(Allocation([.cpu: 0.6])) && sure.confidence == 0.97)
        #expect(sure.reasons.contains("nothing cheaper meets it, by what was seen"))
        let unsure = Decision.answer(try record(surfaces, confidence: 0.5))
        guard case .undecided = unsure.verdict else {
            Issue.record("\(unsure)")
            return
        }
        #expect(unsure.confidence == 0.5)
        #expect(unsure.reasons.contains { $0.contains("cpu 40%") && $0.contains("not excluded") })
    }

    /// Whoever asked for a filled matrix gets what surely meets the SLA in it, and how sure it is that nothing cheaper does.
    @Test func aFilledMatrixAnswersWithItsOwnProbability() throws {
        var filled = try record([0.2: 0.09, 0.4: nil, 0.6: nil, 0.8: 0.03], goal: .fill)
        let near = Estimate(0.05, lower: 0.04, upper: 0.06)
        let good = Estimate(0.04, lower: 0.038, upper: 0.042)
        for (cpu, estimate) in [(0.4, near), (0.6, good)] {
            let allocation = Allocation([.cpu: cpu])
            filled.matrix[allocation] = Cell(allocation, .interpolated([.p95: estimate]))
        }
        let answer = Decision.answer(filled)
        #expect(answer.verdict == .cheapest(Allocation([.cpu: 0.6])))
        #expect(try #require(answer.confidence) < 0.95)
        #expect(answer.reasons.contains { $0.contains("has not been checked") })
        #expect(answer.reasons.contains { $0.contains("cpu 40%") && $0.contains("not excluded") })
    }

    @Test func severalAxes() throws {
        var several = try record([0.2: 0.09, 0.4: 0.03], confidence: 0.4)
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
        measure(&several, 2, 0.02)
        #expect(Decision.answer(several).reasons.contains("it is the cheapest of all combinations"))
    }

    @Test func pricesDecide() throws {
        var priced = try record([0.2: 0.03, 0.4: 0.03])
        priced.matrix = ResultMatrix(axes: [Axis(.node, [.asIs, .name("old")])])
        for cell in priced.matrix.cells {
            priced.matrix[cell.allocation] = Cell(cell.allocation, Surface.cell(0, p95: 0.03).content)
        }
        priced.search = SearchSpecification()
        priced.search?.prices.byResource = [.node: .named(["as-is": 30, "old": 12])]
        let answer = Decision.answer(priced)
        #expect(answer.verdict == .cheapest(priced.matrix.cells[1].allocation))
        #expect(answer.reasons.contains("it costs 12.0"))
    }

    /// Of several loads, the greatest decides.
    @Test func theGreatestLoadDecides() throws {
        var loaded = try record([0.2: 0.03], goal: .exhaustive)
        loaded.matrix = ResultMatrix(axes: [Axis(.load, [1, 1.5]), Axis(.cpu, [0.2, 0.4])])
        for (cell, p95) in zip(loaded.matrix.cells, [0.03, 0.02, 0.08, 0.04]) {
            loaded.matrix[cell.allocation] = Cell(cell.allocation, Surface.cell(0, p95: p95).content)
        }
        let answer = Decision.answer(loaded)
        #expect(answer.verdict == .cheapest(Allocation([.load: 1.5, .cpu: 0.4])))
    }

    @Test func theBestIsTold() throws {
        let answer = Decision.answer(try record([0.2: 0.09, 0.4: 0.06, 0.6: 0.03], goal: .best))
        #expect(answer.verdict == .best(Allocation([.cpu: 0.6])) && answer.confidence == 1)
        let unsure = Decision.answer(try record([0.2: 0.09, 0.4: 0.06, 0.6: nil], goal: .best, confidence: 0.3))
        #expect(unsure.verdict.isUndecided)
    }

    /// Every cell tried, or the search sure that there is none; not because little was tried.
    @Test func nothingMeetsIsAnAnswer() throws {
        #expect(Decision.answer(try record([0.2: 0.09, 0.4: 0.08, 0.6: 0.07])).verdict == .nothingMeets)
        #expect(Decision.answer(try record([0.2: 0.09, 0.4: nil, 0.6: 0.07])).verdict == .nothingMeets)
        #expect(Decision.answer(try record([0.2: 0.09, 0.4: nil], confidence: 0.3)).verdict.isUndecided)
    }

    /// What was measured near the limit may meet it.
    @Test func whatMayMeetIsSaid() throws {
        let near = Decision.answer(try record([0.2: 0.09, 0.4: 0.08, 0.6: 0.0502]))
        #expect(near.verdict == .nothingMeets && near.confidence ?? 1 < 0.95)
        #expect(near.reasons.contains { $0.hasPrefix("cpu 60% may meet it, with ") }, "\(near.reasons)")
    }

    /// A sandbox that does not behave like production gives no answer, however good its numbers look.
    @Test(arguments: [0.6, -0.6])
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

extension Verdict {
    fileprivate var isUndecided: Bool { if case .undecided = self { true } else { false } }
}
