import Exploration
import Model
import Planning
import TestSupport
import Testing

@Suite struct AnsweringTests {
    private static let cpu = [0.2, 0.4, 0.6, 0.8, 1.0]

    /// Measured where there is a number, not to be used where it is below zero, blank elsewhere.
    static func record(
        _ axes: [Axis], onLine: Allocation, deviation: Double = 0, _ p95: (Allocation) -> Double?
    ) throws -> CampaignRecord {
        var record = CampaignRecord(
            id: "c", service: "auction", tier: "app", domain: "app1", connect: "lxc:///system", node: nil,
            started: Timestamp(nanoseconds: 0), sla: SLA(.p95, below: .milliseconds(50), over: .seconds(60)),
            goal: .cheapest, onLine: onLine, matrix: ResultMatrix(axes: axes))
        record.state = .done
        for (number, cell) in record.matrix.cells.enumerated() {
            guard let value = p95(cell.allocation) else { continue }
            guard value >= 0, var measurement = Surface.measurement(p95: value) else {
                record.matrix.replace(number, by: .invalid(nil, reasons: ["it does not boot"]))
                continue
            }
            measurement.started = Timestamp(nanoseconds: Int64(number + 1) * 30_000_000_000)
            record.matrix.replace(number, by: .measured(measurement))
        }
        var control = try #require(Surface.measurement(p95: 0.09))
        control.clone.mean.value *= 1 + deviation
        record.control = ControlResult(allocation: onLine, measurement: control, limits: ControlLimits())
        return record
    }

    private func line(_ p95: [Double?]) throws -> CampaignRecord {
        try Self.record([Axis(.cpu, Self.cpu)], onLine: Allocation([.cpu: 0.4])) { allocation in
            let index = Self.cpu.firstIndex(of: allocation[.cpu]?.number ?? 0) ?? 0
            return p95[index]
        }
    }

    private func ask(_ text: String, _ record: CampaignRecord, confidence: Double = 0.95) throws -> MatrixReply {
        try Answering.reply(try QueryParser.question(text), record, confidence: confidence)
    }

    /// A cell that others spoilt is no evidence against its allocation.
    @Test func whatWasSpoiltIsAskedOfItsNeighbours() throws {
        var record = try line([0.2, 0.08, nil, 0.03, 0.02])
        let place = Allocation([.cpu: 0.6])
        record.matrix[place] = Cell(place, spoilt: nil, reasons: ["3 requests lost"])
        let reply = try ask("does p95 < 100 ms hold at cpu 60%", record)
        #expect(reply.outcome == .yes && reply.place?.state == "interpolated", "\(reply)")
        #expect(reply.reasons.contains("it was tried and is not to be used: 3 requests lost"))
        let value = try ask("p95 at cpu 60%", record)
        #expect(value.experiments.map(\.allocation) == [place] && value.place?.figures[.p95] != nil)
        record.matrix[place] = Cell(place, .invalid(nil, reasons: ["it does not boot"]))
        #expect(try ask("does p95 < 100 ms hold at cpu 60%", record).outcome == .no)
        #expect(try ask("p95 at cpu 60%", record).place?.figures[.p95] == nil)
    }

    /// That none of so many failed does not prove that one in a thousand does not; and nothing has fewer than none.
    @Test func noErrorsAreAsManyAsRequestsCanTell() throws {
        var record = try line([0.2, 0.08, 0.045, 0.03, 0.02])
        for cell in record.matrix.cells {
            guard case .measured(var measurement) = cell.content else { continue }
            measurement.requests.sent = 600
            measurement.requests.failed = cell.allocation == Allocation([.cpu: 0.2]) ? 30 : 0
            record.matrix[cell.allocation] = Cell(cell.allocation, .measured(measurement))
        }
        #expect(try ask("does errors < 1% hold at cpu 60%", record).outcome == .yes)
        #expect(try ask("does errors < 0.1% hold at cpu 60%", record).outcome == .unsure)
        // Of two, the one that is rather broken is no likelier to be kept for the other.
        let p95 = try #require(record.matrix.cells[2].estimate(.p95))
        for limit in [p95.lower, (p95.lower + p95.value) / 2] {
            let alone = try ask("does p95 < \(limit * 1000) ms hold at cpu 60%", record)
            let both = try ask("does p95 < \(limit * 1000) ms and errors < 0.1% hold at cpu 60%", record)
            #expect(try #require(both.place?.holds) <= #require(alone.place?.holds) + 1e-6, "\(both)")
        }
        // What is far from its limit does not hide what is hardly known, nor the other way round.
        #expect(try ask("does p95 < 100 ms and errors < 0.1% hold at cpu 60%", record).outcome == .unsure)
        #expect(try ask("does p95 < 100 ms or errors < 0.1% hold at cpu 60%", record).outcome == .yes)
        #expect(try ask("does errors < 1% hold at cpu 20%", record).outcome == .no)
        let value = try ask("errors at cpu 60%", record)
        let errors = try #require(value.place?.figures[.errors])
        #expect(errors.value == 0 && errors.lower == 0 && abs(errors.upper - 0.006_36) < 1e-4)
        let least = try ask("lowest errors", record)
        #expect(least.outcome == .found && least.place?.figures[.errors]?.value == 0 && least.nothingBetter == 1)
    }

    /// Beyond an axis nothing is known, and its end is not what was meant.
    @Test func whatIsBeyondTheAxisIsRefused() throws {
        let record = try line([0.2, 0.08, 0.045, 0.03, 0.02])
        for text in ["p95 at cpu 1000%", "does p95 < 50 ms hold at cpu 5%"] {
            #expect(throws: QueryError.self) { try ask(text, record) }
        }
    }

    @Test func whatWasMeasuredAnswersForAnyLimit() throws {
        let record = try line([0.2, 0.08, 0.045, 0.03, 0.02])
        for (text, cpu) in [
            ("cheapest cpu", 0.6), ("cheapest cpu where p95 < 100 ms", 0.4), ("cheapest where p95 < 25 ms", 1.0),
            ("cheapest cpu where p50 < 12 ms", 0.8), ("cheapest cpu where p95 < 100 ms and cpu > 50%", 0.6),
            ("lowest p95", 1.0), ("lowest p95 where cpu <= 60%", 0.6), ("highest p95 where p95 < 50 ms", 0.6),
        ] {
            let reply = try ask(text, record)
            #expect(reply.outcome == .found && reply.place?.allocation == Allocation([.cpu: cpu]), "\(text): \(reply)")
            #expect(reply.place?.state == "measured" && reply.experiments.isEmpty)
            #expect(try #require(reply.nothingBetter) >= 0.95)
        }
        #expect(try ask("cheapest cpu", record).assumptions == ["p95 < 50.0 ms, the campaign's SLA"])
        let none = try ask("cheapest cpu where p95 < 10 ms", record)
        #expect(none.outcome == .nothing && none.place == nil && none.nothingBetter ?? 0 > 0.99)
    }

    @Test func whatIsOpenIsNamedInTheOrderOfTheSearch() throws {
        let record = try line([0.2, nil, nil, nil, 0.02])
        let reply = try ask("cheapest cpu", record)
        #expect(reply.outcome == .unsure && reply.isPlanWhole)
        let experiments = reply.experiments.map(\.allocation)
        #expect(
            !experiments.isEmpty && Set(experiments).isSubset(of: Set([0.4, 0.6, 0.8].map { Allocation([.cpu: $0]) })))
        let question = try QueryParser.question("cheapest cpu")
        let step = try Inquiry(question, record).next(record.matrix, timeLeft: .seconds(100), duration: .seconds(30))
        guard case .measure(let first, _, _) = step else {
            Issue.record("\(step)")
            return
        }
        #expect(first == experiments.first)
        // The two that were measured began 120 s apart; a control clone comes first.
        #expect(reply.time == .seconds(120) * (experiments.count + 1))
        let late = try Inquiry(question, record).next(record.matrix, timeLeft: .seconds(10), duration: .seconds(30))
        #expect(
            late == .finish(Conclusion(confidence: try #require(reply.nothingBetter), why: "the time bound is reached"))
        )
    }

    @Test func figuresAreMeasuredInterpolatedOrNearest() throws {
        var record = try line([0.2, 0.08, nil, 0.03, -1])
        let measured = try ask("p95 at cpu 40%", record)
        #expect(measured.outcome == .figure && measured.place?.state == "measured" && measured.experiments.isEmpty)
        #expect(measured.place?.figures[.p95]?.value == record.matrix.cells[1].estimate(.p95)?.value)
        let between = try ask("p99 at cpu 60%", record)
        let estimate = try #require(between.place?.figures[.p99])
        #expect(between.outcome == .figure && between.place?.state == "interpolated")
        #expect(
            estimate.lower < estimate.value && estimate.value < estimate.upper && (0.03...0.08).contains(estimate.value)
        )
        #expect(between.experiments.map(\.allocation) == [Allocation([.cpu: 0.6])])
        let wide = try ask("p99 at cpu 60%", record, confidence: 0.99)
        #expect(try #require(wide.place?.figures[.p99]).upper > estimate.upper)
        let near = try ask("p95 at cpu 65%", record)
        #expect(near.place?.allocation == Allocation([.cpu: 0.65]) && near.place?.state == "interpolated")
        let value = try #require(near.place?.figures[.p95])
        let ends = try ["p95 at cpu 60%", "p95 at cpu 80%"].map { try #require(ask($0, record).place?.figures[.p95]) }
        #expect(ends[1].value < value.value && value.value < ends[0].value && value.upper == ends[0].upper)
        #expect(near.assumptions.count == 1 && near.assumptions[0].contains("between cpu 60% and cpu 80%"))
        #expect(near.experiments.map(\.allocation) == [Allocation([.cpu: 0.6])])
        #expect(try ask("p95", record).assumptions == ["cpu 40%, as on-line"])
        let invalid = try ask("p95 at cpu 100%", record)
        #expect(invalid.reasons.contains("it was tried and is not to be used: it does not boot"))
        #expect(invalid.place?.state == "invalid" && invalid.experiments.isEmpty)
        record.onLine = Allocation([.cpu: .unlimited])
        #expect(
            try ask("p95", record).assumptions == [
                "cpu 100%, the value on its axis that is nearest to the on-line unlimited"
            ])
    }

    @Test(arguments: [
        ("does p95 < 50 ms hold at cpu 80%", MatrixReply.Outcome.yes), ("does p95 < 50 ms hold at cpu 40%", .no),
        ("p95 < 50 ms and throughput >= 1/s at cpu 80%", .yes), ("p95 < 50 ms and throughput >= 100/s at cpu 80%", .no),
        ("p95 < 50 ms or throughput >= 1/s at cpu 40%", .yes), ("not p95 < 50 ms at cpu 40%", .yes),
        ("does p95 < 50 ms hold at cpu 60%", .unsure), ("does p95 < 100 ms hold at cpu 60%", .yes),
    ])
    func yesNoOrNotSure(_ text: String, _ outcome: MatrixReply.Outcome) throws {
        let reply = try ask(text, try line([0.2, 0.07, nil, 0.03, 0.02]))
        #expect(reply.outcome == outcome, "\(reply)")
        let holds = try #require(reply.place?.holds)
        #expect(outcome == .yes ? holds >= 0.95 : outcome == .no ? holds <= 0.05 : (0.05...0.95).contains(holds))
        #expect(reply.experiments.map(\.allocation) == (outcome == .unsure ? [Allocation([.cpu: 0.6])] : []))
    }

    /// What lies between two values of an axis is as both are; where they differ, nobody knows.
    @Test(arguments: [
        ("does p95 < 50 ms hold at cpu 90%", MatrixReply.Outcome.yes, 0.9),
        ("does p95 < 50 ms hold at cpu 30%", .no, 0.3),
        ("does p95 < 50 ms hold at cpu 79%", .unsure, 0.79), ("does p95 < 50 ms hold at cpu 61%", .unsure, 0.61),
    ])
    func betweenTwoValuesBothHaveToHold(_ text: String, _ outcome: MatrixReply.Outcome, _ cpu: Double) throws {
        let reply = try ask(text, try line([0.2, 0.07, 0.06, 0.03, 0.02]))
        #expect(reply.outcome == outcome && reply.place?.allocation == Allocation([.cpu: .number(cpu)]), "\(reply)")
        #expect(reply.reasons[0].hasPrefix("of the two it holds at cpu "))
        #expect(reply.reasons.contains { $0.contains("on the axis in the service file") } == (outcome == .unsure))
        // What is measured for it are both.
        let parts = Answering.parts(try QueryParser.question(text), try line([0.2, 0.07, 0.06, 0.03, 0.02]))
        #expect(parts.compactMap { $0.at[.cpu]?.number }.map { abs($0 - cpu) < 0.2 } == [true, true])
    }

    /// What was measured near its limit may be on either side of it.
    @Test func whatIsNearItsLimitIsNeitherRuledOutNorTaken() throws {
        let record = try line([0.2, 0.08, 0.045, 0.03, 0.02])
        let upper = try #require(record.matrix.cells[2].estimate(.p95)).upper
        let limit = { (share: Double) in
            let value = try #require(record.matrix.cells[2].estimate(.p95)).value
            return (value + share * (upper - value)) * 1000
        }
        // At its very figure it does with one half; what has more surely does.
        let half = try ask("cheapest cpu where p95 < \(limit(0)) ms", record)
        #expect(half.outcome == .found && half.place?.allocation == Allocation([.cpu: 0.8]))
        #expect(abs(try #require(half.nothingBetter) - 0.5) < 0.01)
        #expect(half.reasons.contains { $0.hasPrefix("cpu 60% was measured and may do, with 50%") }, "\(half.reasons)")
        // Where its whole interval is inside, it is taken.
        let enough = try ask("cheapest cpu where p95 < \(limit(1.1)) ms", record)
        #expect(enough.outcome == .found && enough.place?.allocation == Allocation([.cpu: 0.6]))
        #expect(try ask("does p95 < \(limit(1.1)) ms hold at cpu 60%", record).outcome == .yes)
        // Nor is it concluded that nothing does.
        let last = try #require(record.matrix.cells[4].estimate(.p95)).value * 1000
        for wish in ["cheapest cpu", "lowest p99"] {
            let none = try ask("\(wish) where p95 < \(last) ms", record)
            #expect(none.outcome == .unsure && none.nothingBetter ?? 1 < 0.6, "\(none)")
        }
    }

    /// Of figures whose intervals overlap, the other may be the better one.
    @Test func theBestOfTwoAlikeIsNotSaidToBeSure() throws {
        var record = try line([0.2, 0.08, 0.045, 0.0202, 0.02])
        // Within what anybody would notice.
        #expect(try ask("lowest p95", record).outcome == .found)
        for cell in record.matrix.cells.suffix(2) {
            guard case .measured(var measurement) = cell.content else { continue }
            let value = measurement.clone.p95.value
            measurement.clone.p95 = Estimate(value, lower: value * 0.7, upper: value * 1.3)
            record.matrix[cell.allocation] = Cell(cell.allocation, .measured(measurement))
        }
        let alike = try ask("lowest p95", record)
        #expect(alike.outcome == .found && alike.place?.allocation == Allocation([.cpu: 1.0]))
        #expect((0.5..<0.8).contains(try #require(alike.nothingBetter)))
        #expect(alike.reasons.contains { $0.hasPrefix("cpu 80% was measured and may be better, with ") })
    }

    // MARK: Several axes

    private static let load = Axis(.load, [1, 1.5])

    private func loaded(_ prices: Prices = Prices()) throws -> CampaignRecord {
        let memory = [1.0, 2, 4].map { $0 * 1_073_741_824 }
        var record = try Self.record(
            [Self.load, Axis(.cpu, Self.cpu), Axis(.memory, memory)],
            onLine: Allocation([.load: 1, .cpu: 0.4, .memory: 2 * 1_073_741_824])
        ) { allocation in
            let part = { (resource: Resource) in allocation[resource]?.number ?? 1 }
            return 0.012 * part(.load) / part(.cpu) * (1 + 0.5 / (part(.memory) / 1_073_741_824))
        }
        record.search = SearchSpecification()
        record.search?.prices = prices
        return record
    }

    @Test func axesThatAreNotNamedAreAsOnLine() throws {
        let record = try loaded()
        let one = try ask("cheapest cpu where p95 < 40 ms", record)
        #expect(one.place?.allocation.description == "cpu 40%, memory 2 GiB, load 100%", "\(one)")
        #expect(one.assumptions == ["load 100%, as on-line", "memory 2 GiB, as on-line"])
        let more = try ask("cheapest cpu where p95 < 40 ms at load 1.5, memory 4 GiB", record)
        #expect(more.place?.allocation.description == "cpu 60%, memory 4 GiB, load 150%" && more.assumptions.isEmpty)
        let all = try ask("cheapest where p95 < 40 ms at load 150%", record)
        #expect(all.place?.allocation.description == "cpu 60%, memory 2 GiB, load 150%")
        let other = try ask("cheapest memory, cpu where p95 < 40 ms at load 150%", record)
        #expect(other.place?.allocation.description == "cpu 80%, memory 1 GiB, load 150%")
        #expect(other.assumptions == ["nobody said what things cost: the least memory, then cpu"])
    }

    @Test func pricesDecide() throws {
        var prices = Prices()
        prices.byResource = [.cpu: .each(1), .memory: .each(10)]
        let cheap = try ask("cheapest cpu, memory where p95 < 40 ms at load 150%", try loaded(prices))
        #expect(cheap.place?.allocation.description == "cpu 80%, memory 1 GiB, load 150%")
        #expect(try #require(cheap.place?.cost).rounded(.up) == 11)
    }

    // MARK: What cannot be answered

    @Test(arguments: [
        ("cheapest memory", 10, "campaign c has no axis 'memory'; it has cpu"),
        ("cheapest cpu at load 1.5", 17, "write 'load: [150%]' below 'axes:'"),
        ("cheapest cpu at cpu-set 0-1", 17, "has no axis 'cpu-set'"),
        ("lowest energy", 8, "campaign c did not record 'energy'; it has throughput, mean"),
        (
            "cheapest cpu where p95 < 50 ms and cpu < 10%", 36,
            "no allocation of campaign c has cpu < 10%; it has cpu 20%, 40%"
        ),
        ("lowest p95 at cpu 50%", 15, "cpu 50% is not on the axis of campaign c, which has 20%, 40%"),
    ])
    func whatTheCampaignHasNotIsSaid(_ text: String, _ place: Int, _ message: String) throws {
        let record = try line([0.2, 0.08, 0.045, 0.03, 0.02])
        let error = try #require(throws: QueryError.self) { try self.ask(text, record) }
        #expect(error.place == place && error.description.contains(message), "\(error)")
    }

    /// What was tried without an axis was tried at what is usual.
    @Test func theUsualNeedsNoAxis() throws {
        let record = try line([0.2, 0.08, 0.045, 0.03, 0.02])
        #expect(try ask("cheapest cpu at load 100%, software as-is", record).outcome == .found)
    }

    @Test func withoutATrustedControlNothingIsSure() throws {
        let axes = [Axis(.cpu, Self.cpu)]
        let off = try Self.record(axes, onLine: Allocation([.cpu: 0.4]), deviation: 0.9) { _ in 0.03 }
        let reply = try ask("cheapest cpu", off)
        #expect(reply.outcome == .unsure && reply.reasons[0].contains("control clone is out of line"))
        #expect(reply.experiments.isEmpty && reply.lacksControl && reply.canBeRun)
        let empty = try Self.record(axes, onLine: Allocation([.cpu: 0.4])) { _ in nil }
        for text in ["cheapest cpu", "lowest p95", "p95 at cpu 40%", "does p95 < 50 ms hold at cpu 40%"] {
            let reply = try ask(text, empty)
            #expect(reply.outcome == .unsure && reply.reasons[0] == "campaign c has measured nothing yet", "\(reply)")
            #expect(reply.experiments.count == 1 && reply.isPlanWhole == false, "\(reply)")
        }
    }

    /// An allocation alone would do, but more of what helps does not: it is not trusted.
    @Test func contradictionsAreNotTrusted() throws {
        let reply = try ask("cheapest cpu", try line([0.2, 0.03, 0.09, 0.03, 0.02]))
        #expect(reply.outcome == .found && reply.place?.allocation == Allocation([.cpu: 0.8]), "\(reply)")
        #expect(
            reply.reasons.contains {
                $0.hasPrefix("cpu 40% was measured and alone would do, but more of what helps does not")
            })
    }
}
