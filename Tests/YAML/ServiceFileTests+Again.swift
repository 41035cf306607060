import Model
import TestSupport
import Testing

extension ServiceFileTests {
    private func measured(_ axes: [Axis], _ cpus: [Double]) throws -> CampaignRecord {
        var matrix = ResultMatrix(axes: axes)
        for cpu in cpus {
            let allocation = Allocation([.cpu: cpu])
            matrix[allocation] = Cell(allocation, .measured(try #require(Surface.measurement(p95: 0.04))))
        }
        return CampaignRecord(
            id: "c-1", service: "auction", tier: "app", domain: "app1", connect: "qemu:///system", node: nil,
            started: Timestamp(nanoseconds: 0), sla: SLA(.p95, below: .milliseconds(50), over: .seconds(60)),
            goal: .cheapest, onLine: Allocation([.cpu: 0.4]), matrix: matrix)
    }

    @Test func whatWasMeasuredIsMeasuredAgain() throws {
        let campaign = try decode(Self.good).campaign
        let again = try campaign.again(measured(campaign.axes, [0.2, 0.6]))
        #expect(again.goal == .measure && again.axes == campaign.axes)
        let named = try #require(again.search.named)
        let cells = ResultMatrix(axes: again.axes).cells.map(\.allocation)
        #expect(
            cells.filter { cell in named.contains { $0.contains(cell) } }
                == [Allocation([.cpu: 0.2]), Allocation([.cpu: 0.6])])
    }

    @Test func whatCannotBeMeasuredAgainIsSaid() throws {
        let campaign = try decode(Self.good).campaign
        let nothing = try measured(campaign.axes, [])
        #expect { try campaign.again(nothing) } throws: { "\($0)".contains("c-1 has measured nothing") }
        let other = try measured([Axis(.cpu, [0.2, 0.5])], [0.2, 0.5])
        #expect { try campaign.again(other) } throws: { "\($0)".contains("measured cpu 50%, which is no cell") }
    }

    @Test func clonesAreUsedAgainUnlessTheyMayNotBe() throws {
        #expect(try decode(Self.good).campaign.reuses)
        #expect(try !decode(Self.good + "\n  reuse: false").campaign.reuses)
    }

    @Test func howMuchAHostMayKeepIsRead() throws {
        #expect(try decode(Self.good).campaign.stolenLimit == 0.1)
        #expect(try decode(Self.good + "\n  limits: { stolen: 30% }").campaign.stolenLimit == 0.3)
    }

    @Test func anAxisOfOthersNeedsThem() throws {
        let text = Self.good.replacing("cpu: [20%, 60%, 40%]", with: "cpu: [20%, 40%], with-cpu: [10%, 30%]")
        #expect { try decode(text) } throws: { "\($0)".contains("name them in 'with'") }
        let file = try decode(text.replacing("  tier: app\n", with: "  tier: app\n  with: [db]\n"))
        let cell = try #require(ResultMatrix(axes: file.campaign.axes).cells.last?.allocation)
        #expect(cell.description == "cpu 40%, with-cpu 30%" && cell.ofDomain == Allocation([.cpu: 0.4]))
        #expect(cell.ofOthers == Allocation([.cpu: 0.3]))
    }
}
