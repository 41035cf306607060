import Model
import TestSupport
import Testing

@Suite struct MatrixQueryTests {
    /// Nothing is an answer; where one comparison alone is the reason, it is said, with the nearest that there is.
    @Test(
        arguments: [
            ("cpu = 33%", "no value of the campaign's axis is cpu = 33%; the nearest is cpu 40%"),
            ("cpu > 100% and p95 < 50 ms", "no value of the campaign's axis is cpu > 100%; the nearest is cpu 80%"),
            (
                "software = tunde",
                "software tunde is not on the campaign's axis, which has as-is, tuned; did you mean 'tuned'?"
            ),
            ("service = auctoin", "there is no campaign of service 'auctoin'; did you mean 'auction'?"),
            ("cpu = 33% or cpu = 40%", nil), ("p95 < 1 ns", nil), ("not cpu = 40%", nil), ("state = checked", nil),
        ] as [(String, String?)])
    func whyThereIsNothingIsSaid(_ condition: String, _ reason: String?) throws {
        let axes = [Axis(.cpu, [0.2, 0.4, 0.8]), Axis(.software, [.asIs, .name("tuned")])]
        let record = CampaignRecord(
            id: "c", service: "auction", tier: "app", domain: "app1", connect: "lxc:///system", node: nil,
            started: Timestamp(nanoseconds: 0), sla: SLA(.p95, below: .milliseconds(50), over: .seconds(60)),
            goal: .cheapest, onLine: Allocation(), matrix: ResultMatrix(axes: axes))
        let asked = try #require(try QueryParser.condition(condition))
        #expect(asked.emptiness(axes: axes, campaigns: [record]) == (reason.map { [$0] } ?? []))
    }

    private func record() -> CampaignRecord {
        var record = CampaignRecord(
            id: "c", service: "auction", tier: "app", domain: "app1", connect: "lxc:///system", node: "lab",
            started: Timestamp(nanoseconds: 0), sla: SLA(.p95, below: .milliseconds(50), over: .seconds(60)),
            goal: .cheapest, onLine: Allocation([.cpu: 0.2]),
            matrix: ResultMatrix(axes: [Axis(.cpu, [0.2, 0.4, 0.6, 0.8])]))
        record.matrix[Allocation([.cpu: 0.2])] = Surface.cell(0.2, p95: 0.120)
        record.matrix[Allocation([.cpu: 0.4])] = Cell(
            Allocation([.cpu: 0.4]), .interpolated([.p95: Estimate(0.08, lower: 0.04, upper: 0.12)]))
        record.matrix[Allocation([.cpu: 0.6])] = Surface.cell(0.6, p95: 0.040)
        record.matrix[Allocation([.cpu: 0.8])] = Cell(
            Allocation([.cpu: 0.8]), .invalid(nil, reasons: ["3 requests lost"]))
        return record
    }

    /// Memory by software: two numbers, two names; the third cell is blank.
    private func several() -> ResultMatrix {
        let (memory, software): ([Double], [String]) = ([134_217_728, 268_435_456], ["tuned", "as-is"])
        var matrix = ResultMatrix(axes: [Axis(.memory, memory), Axis(.software, software.map { .name($0) })])
        for (number, cell) in matrix.cells.enumerated() where number != 2 {
            matrix[cell.allocation] = Cell(
                cell.allocation, Surface.cell(0, p95: 0.1 - 0.02 * Double(number)).content)
        }
        return matrix
    }

    @Test(arguments: [
        ("memory >= 256 MiB", nil, ["tuned", "as-is"]), ("software = tuned", "-memory", ["tuned", "tuned"]),
        ("software != tuned and p95 < 60 ms", nil, ["as-is"]), ("memory = 128 MiB", "software", ["tuned", "as-is"]),
        ("memory = 128 MiB", "-software", ["as-is", "tuned"]), ("cpu > 1%", nil, []), ("node = as-is", nil, []),
        ("software in (other, 'tuned')", nil, ["tuned", "tuned"]),
        ("", "software,-memory", ["tuned", "tuned", "as-is", "as-is"]),
    ])
    func queriesKnowUnitsAndNames(_ condition: String, _ order: String?, _ expected: [String]) throws {
        let cells = try MatrixQuery(where: condition, order: order).select(from: several())
        #expect(cells.compactMap { $0.allocation[.software]?.name } == expected)
    }

    @Test(arguments: [
        ("p95 < 50ms", nil, [0.6]), ("p95 >= 0.1 s", nil, [0.2]), ("cpu >= 40% and p95 < 1 s", "-cpu", [0.6, 0.4]),
        ("", "p95", [0.6, 0.4, 0.2, 0.8]), ("cpu = 60%", nil, [0.6]), ("cpu != 60%", "cpu", [0.2, 0.4, 0.8]),
        // Without a figure neither it nor its opposite holds.
        ("not p95 < 50 ms", nil, [0.2, 0.4]), ("not (p95 < 50 ms or cpu = 20%)", nil, [0.4]),
        ("p95 < 50 ms or cpu > 60% and state = invalid", nil, [0.6, 0.8]),
        ("p95.upper > 110 ms and p95.lower < 50 ms", nil, [0.4]),
        ("state IN (measured, invalid)", "-p95", [0.2, 0.6, 0.8]), ("(cpu<=40%)AND(state=interpolated)", nil, [0.4]),
        ("NOT NOT cpu == 20 %", nil, [0.2]), ("cpu-used < 100%", nil, [0.2, 0.6]),
    ])
    func queriesSelectAndOrder(_ condition: String, _ order: String?, _ expected: [Double]) throws {
        let cells = try MatrixQuery(where: condition, order: order).select(from: record().matrix)
        #expect(cells.compactMap { $0.allocation[.cpu]?.number } == expected)
    }

    @Test(arguments: [
        ("p96 < 50ms", 1, "unknown name 'p96'; did you mean 'p9"),
        ("cpu <= 60% and memry > 1 GiB", 16, "did you mean 'memory'?"),
        ("disk_read > 1 MB", 1, "did you mean 'disk-read'?"), ("P95 < 1 s", 1, "did you mean 'p95'?"),
        ("p95 < 50", 7, "expected a duration such as '50 ms'"), ("p95 50ms", 5, "expected a sign behind 'p95'"),
        ("p95 < 1s and", 13, "expected a name such as p95 or cpu"), ("cpu < 0.5", 7, "expected a percentage"),
        ("memory < 5", 10, "expected a size"), ("software < tuned", 12, "names have no order, write = or != or in"),
        ("cpu-set = 1-0", 11, "expected numbers and ranges"), ("< 5", 1, "expected a name"),
        ("p95 <", 6, "expected a value"),
        ("p95 < 1 s p99 > 1 s", 7, "found '1 s p99', expected a duration"),
        ("(p95 < 1 s", 11, "the ')' of the '(' at character 1"),
        ("p95 < 1 s)", 10, "found ')'"), ("state = mesured", 9, "did you mean 'measured'?"),
        ("campaign = 'x", 12, "a quote begins"),
        ("cpu in 40%", 8, "expected '('"), ("cpu in (40%", 12, "expected ',' or ')'"),
        ("cpu ! 40%", 5, "'!' is no sign"),
        ("p95 < 10 ms and p95 > 20 ms", 1, "nothing can be p95 < 10.0 ms and p95 > 20.0 ms at once"),
        ("state = blank or (cpu > 40% and cpu < 40%)", 19, "nothing can be cpu > 40% and cpu < 40% at once"),
        ("software = a and software = b", 1, "nothing can be software = a and software = b at once"),
    ])
    func wrongQueriesSayWhereAndWhatIsNear(_ condition: String, _ place: Int, _ words: String) throws {
        let error = try #require(throws: QueryError.self) { try MatrixQuery(where: condition) }
        #expect(error.place == place && error.description.contains(words), "\(error)")
    }

    @Test func whatNestsTooDeeplyIsRefused() throws {
        let deep = String(repeating: "(", count: 5000) + "p95 < 1 s" + String(repeating: ")", count: 5000)
        #expect(throws: QueryError.self) { try MatrixQuery(where: deep) }
        let nots = String(repeating: "not ", count: 5000) + "p95 < 1 s"
        #expect(throws: QueryError.self) { try MatrixQuery(where: nots) }
    }

    @Test func theNearestCellsComeFirst() throws {
        var query = try MatrixQuery(order: "-cpu")
        query.near = try QueryParser.allocation("cpu = 50%")
        let cells = query.select(from: record().matrix)
        // 60% is a sixth of itself away, 40% a fifth, 80% three eighths, 20% three fifths.
        #expect(cells.compactMap { $0.allocation[.cpu]?.number } == [0.6, 0.4, 0.8, 0.2])
        query.near = try QueryParser.allocation("software=tuned, memory = 100 MiB")
        let named = query.select(from: several()).map { $0.allocation.description }
        #expect(named.first == "memory 128 MiB, software tuned" && named.last == "memory 256 MiB, software as-is")
        let error = try #require(throws: QueryError.self) { try QueryParser.allocation("cpu = 50%, p95 = 1 s") }
        #expect(error.place == 12 && error.description.contains("'p95' is no axis"))
    }

    /// Beside the definition: no other is as good in everything and better in something.
    @Test func theParetoSetIsWhatItsDefinitionSays() throws {
        var random = SeededGenerator(4)
        let matrix = ResultMatrix(axes: [
            Axis(.cpu, (1...9).map { Double($0) / 10 }), Axis(.memory, (1...9).map { Double($0) * 1e8 }),
        ])
        let cells = matrix.cells.enumerated().map { number, cell in
            // Few values, so that many are alike.
            let estimates = [Metric.p95, .throughput].map { metric in
                (metric, Double(Int.random(in: 1...6, using: &random)))
            }
            let content = Cell.Content.interpolated(
                Dictionary(
                    estimates.map { ($0.0, Estimate($0.1, lower: $0.1, upper: $0.1)) }, uniquingKeysWith: { a, _ in a })
            )
            return FoundCell(
                campaign: "c", service: "s", tier: "t", domain: "d", number: number,
                cell: Cell(cell.allocation, content))
        }
        let objectives = try Objective.parse("p95, cpu, throughput, least memory")
        let costs = { (cell: FoundCell) in
            objectives.compactMap { objective in
                cell[objective.subject]?.number.map { objective.moreIsBetter ? -$0 : $0 }
            }
        }
        let expected = cells.filter { cell in
            !cells.contains { other in
                zip(costs(other), costs(cell)).allSatisfy { $0 <= $1 } && costs(other) != costs(cell)
            }
        }
        let found = ParetoSet.of(cells, objectives)
        #expect(Set(found.map(\.number)) == Set(expected.map(\.number)) && found.count == expected.count)
        #expect(found.count > 5 && found.count < cells.count)
        for wrong in ["p95", "p95, software", "p95, state", "p95, fewest cpu", "p95, cpuu"] {
            #expect(throws: QueryError.self, "\(wrong)") { try Objective.parse(wrong) }
        }
    }
}
