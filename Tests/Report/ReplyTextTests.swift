import Foundation
import Model
import Report
import Testing

/// What is answered to a question, as people read it, and as programs do.
@Suite struct ReplyTextTests {
    private static let sixty = Allocation([.cpu: 0.6])

    private func place(
        _ cpu: Double, _ state: String = "measured", p95: Estimate? = Estimate(0.04, lower: 0.038, upper: 0.042),
        cost: Double? = nil, holds: Double? = nil
    ) -> MatrixReply.Place {
        MatrixReply.Place(
            Allocation([.cpu: cpu]), state: state, figures: p95.map { [.p95: $0] } ?? [:], cost: cost, holds: holds)
    }

    private func reply(
        _ question: String, _ outcome: MatrixReply.Outcome, _ place: MatrixReply.Place?, isGoodEnough: Bool = false,
        nothingBetter: Double? = nil, limits: String? = "p95 < 50.0 ms", assumptions: [String] = [],
        experiments: [MatrixReply.Place] = [], isPlanWhole: Bool = true, lacksControl: Bool = false,
        time: Duration? = nil
    ) throws -> MatrixReply {
        let record = CampaignRecord(
            id: "c1", service: "auction", tier: "app", domain: "app1", connect: "lxc:///system", node: nil,
            started: Timestamp(nanoseconds: 0), sla: SLA(.p95, below: .milliseconds(50), over: .seconds(60)),
            goal: .cheapest, onLine: Self.sixty, matrix: ResultMatrix(axes: [Axis(.cpu, [0.4, 0.6, 0.8])]))
        return MatrixReply(
            try QueryParser.question(question), record, outcome, place, isGoodEnough: isGoodEnough,
            nothingBetter: nothingBetter, confidence: 0.95, limits: limits, assumptions: assumptions,
            reasons: ["because"], experiments: experiments, isPlanWhole: isPlanWhole, lacksControl: lacksControl,
            time: time)
    }

    private func text(_ reply: MatrixReply) -> String { ReplyText.text(reply, command: "whatif ask …") }

    private func headline(_ reply: MatrixReply) -> String {
        text(reply).split(separator: "\n").first.map(String.init) ?? ""
    }

    // MARK: Of one allocation

    /// A probability is never said to be more than it is, and nothing is to be run for an answer that is sure.
    @Test func whatHoldsIsSaidWithHowSurely() throws {
        let yes = try reply("does p95 < 50 ms hold at cpu 60%", .yes, place(0.6, holds: 0.99999), isGoodEnough: true)
        #expect(
            text(yes) == """
                Yes: p95 < 50.0 ms holds for app1 at cpu 60%.
                  - at cpu 60%: p95 40.0 ms [38.0 ms – 42.0 ms] (95% interval), measured
                  - p95 < 50.0 ms holds there with probability 99.9%
                  - because
                """)
        let no = try reply("does p95 < 50 ms hold", .no, place(0.4, holds: 0.001), assumptions: ["cpu 40%, as on-line"])
        #expect(headline(no) == "No: p95 < 50.0 ms does not hold for app1 at cpu 40%.")
        #expect(text(no).hasSuffix("probability 0.1%\n  - taken to be meant: cpu 40%, as on-line\n  - because"))
    }

    @Test func aFigureThatWasNotMeasuredCanBe() throws {
        let between = place(0.6, "interpolated", p95: Estimate(0.04, lower: 0.03, upper: 0.052))
        let interpolated = try reply(
            "p95 at cpu 60%", .figure, between, limits: nil, experiments: [between], time: .milliseconds(71_200))
        #expect(
            text(interpolated) == """
                The p95 of app1 at cpu 60% is 40.0 ms.
                  - at cpu 60%: p95 40.0 ms [30.0 ms – 52.0 ms] (95% interval), interpolated
                  - because

                To measure it, about 72 s with the control clone:
                  1. cpu 60%: p95 40.0 ms [30.0 ms – 52.0 ms] expected
                  whatif ask …
                """)
        #expect(!text(try reply("p95 at cpu 60%", .figure, place(0.6), limits: nil)).contains("whatif ask"))
    }

    @Test(arguments: [(0.7, "; rather yes than no."), (0.2, "; rather no than yes."), (nil, ".")])
    func whatIsNotSureLeansOneWay(_ holds: Double?, _ words: String) throws {
        let unsure = try reply("does p95 < 50 ms hold at cpu 60%", .unsure, place(0.6, "blank", p95: nil, holds: holds))
        #expect(headline(unsure) == "Not sure enough (95% is asked for)" + words)
        #expect(text(unsure).contains("\n  - at cpu 60%: blank\n"))
    }

    // MARK: Of many

    @Test func whatWasFoundIsNamedWithItsCost() throws {
        let cheapest = try reply(
            "cheapest cpu where p95 < 50 ms", .found, place(0.6, cost: 10.31, holds: 0.99), isGoodEnough: true,
            nothingBetter: 0.9876)
        #expect(
            text(cheapest) == """
                The cheapest cpu of app1 with p95 < 50.0 ms is cpu 60%.
                  - at cpu 60%: p95 40.0 ms [38.0 ms – 42.0 ms] (95% interval), measured
                  - p95 < 50.0 ms holds there with probability 99%
                  - that nothing cheaper does has probability 98.7%
                  - it costs 10.3
                  - because
                """)
        let best = try reply("lowest p95", .found, place(0.8), isGoodEnough: true, nothingBetter: 0.97, limits: nil)
        #expect(headline(best) == "The lowest p95 of app1 is at cpu 80%.")
        #expect(text(best).contains("that nothing is better by more than 5% has probability 97%"))
    }

    @Test func thereIsNoSuchAllocation() throws {
        let nothing = try reply("cheapest cpu", .nothing, nil, nothingBetter: 1)
        #expect(
            text(nothing) == """
                Nothing does: no allocation of app1 that is asked about is one with p95 < 50.0 ms.
                  - that nothing at all does has probability 100%
                  - because
                """)
    }

    /// The experiments stand in their order, with what is expected of them, what they take, and how they are run.
    @Test func whatWouldMakeItSureIsProposed() throws {
        let open = [
            place(0.6, "interpolated", p95: Estimate(0.045, lower: 0.03, upper: 0.06), holds: 0.6),
            place(0.8, "blank", p95: nil),
        ]
        let unsure = try reply(
            "cheapest cpu", .unsure, place(0.6, "interpolated", holds: 0.6), nothingBetter: 0.4, experiments: open,
            time: .seconds(90))
        #expect(
            text(unsure) == """
                Not sure enough (95% is asked for); of what is known, most probably cpu 60%.
                  - at cpu 60%: p95 40.0 ms [38.0 ms – 42.0 ms] (95% interval), interpolated
                  - p95 < 50.0 ms holds there with probability 60%
                  - that nothing at all does has probability 40%
                  - because

                2 experiments, about 90 s with the control clone, would make it sure, if what is expected comes out:
                  1. cpu 60%: p95 45.0 ms [30.0 ms – 60.0 ms] expected, holds with 60%
                  2. cpu 80%
                  whatif ask …
                """)
        let first = try reply(
            "cheapest cpu", .unsure, place(0.6, holds: 0.3), experiments: [open[1]], isPlanWhole: false)
        #expect(headline(first).hasSuffix("; rather nothing does."))
        #expect(text(first).contains("\n1 experiment, would be the next; more may follow:\n  1. cpu 80%\n"))
    }

    @Test func withoutAControlCloneThatIsMeasuredFirst() throws {
        let reply = try reply("cheapest cpu", .unsure, place(0.6, holds: 0.99), lacksControl: true)
        #expect(text(reply).hasSuffix("\n\nA control clone has to be measured first:\n  whatif ask …"))
    }

    // MARK: For programs

    @Test func programsAreToldTheSame() throws {
        let object = { (reply: MatrixReply) in
            let data = Data(try ReplyData.json(reply, command: "whatif ask …").utf8)
            return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        }
        let open = try object(
            reply(
                "cheapest cpu", .unsure, place(0.6, cost: 2, holds: 0.6), nothingBetter: 0.4,
                experiments: [place(0.8, "blank", p95: nil)], time: .seconds(90)))
        #expect(open["outcome"] as? String == "unsure" && open["isGoodEnough"] as? Bool == false)
        #expect(open["question"] as? String == "cheapest cpu" && open["campaign"] as? String == "c1")
        #expect(open["seconds"] as? Double == 90 && open["command"] as? String == "whatif ask …")
        let place = try #require(open["place"] as? [String: Any])
        #expect(place["allocation"] as? [String: Double] == ["cpu": 0.6] && place["cost"] as? Double == 2)
        let metrics = try #require(place["metrics"] as? [String: [String: Double]])
        #expect(metrics["p95"] == ["value": 0.04, "lower": 0.038, "upper": 0.042])
        let experiments = try #require(open["experiments"] as? [[String: Any]])
        #expect(experiments.count == 1 && experiments[0]["state"] as? String == "blank")

        let nothing = try object(reply("cheapest cpu", .nothing, nil, nothingBetter: 1))
        #expect(nothing["outcome"] as? String == "nothing" && nothing["nothingBetter"] as? Double == 1)
        #expect(nothing["place"] == nil && nothing["command"] == nil && nothing["seconds"] == nil)
        #expect((nothing["experiments"] as? [Any])?.isEmpty == true)
    }
}
