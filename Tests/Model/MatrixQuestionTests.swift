import Model
import Testing

@Suite struct MatrixQuestionTests {
    @Test(arguments: [
        ("cheapest cpu, memory where p95 < 50ms at load 1.5", "p95 < 50.0 ms", "load 150%"),
        ("cheapest cpu and memory at load 1.5x where p95<50ms?", "p95 < 50.0 ms", "load 150%"),
        (
            "CHEAPEST cpu AT load=150 % WHERE p95 < 50 ms and throughput >= 40/s",
            "p95 < 50.0 ms and throughput >= 40.0/s", "load 150%"
        ),
        ("cheapest", nil, ""), ("cheapest at memory 1 GiB, software 'tuned'", nil, "memory 1 GiB, software tuned"),
        ("cheapest cpu where not (p95 >= 50 ms or p99 >= 1 s)", "p95 < 50.0 ms and p99 < 1000 ms", ""),
        (
            "cheapest cpu where p95 < 50 ms and (energy < 80 mJ or cpu-used < 20%)",
            "p95 < 50.0 ms and (energy < 80.0 mJ or cpu-used < 20%)", ""
        ),
    ])
    func theCheapestIsAskedFor(_ text: String, _ limits: String?, _ at: String) throws {
        let question = try QueryParser.question(text)
        guard case .cheapest(let axes) = question.wish else {
            Issue.record("\(question)")
            return
        }
        #expect(axes.first == (text.lowercased().contains("cheapest cpu") ? .cpu : nil))
        #expect(question.limits?.text == limits && question.at.description == at && question.selection == nil)
    }

    @Test(arguments: [
        ("best throughput", MatrixQuestion.Wish.best(.throughput, most: true)), ("best p95", .best(.p95, most: false)),
        ("highest energy where p95 < 50 ms", .best(.energy, most: true)),
        ("lowest p99 at cpu 20% where memory in (1 GiB, 2 GiB) and node = as-is", .best(.p99, most: false)),
        ("p99 at cpu 70%, memory 512 MiB", .value(.p99)), ("cpu-used", .value(.cpuUsed)),
        ("does p95 < 50 ms hold at cpu 60%", .holds), ("does p95 < 50 ms at cpu = 60% hold?", .holds),
        ("p95 < 50 ms and p99 < 80 ms at cpu 60%", .holds), ("is (p95 < 50 ms or mean < 1 ms)", .holds),
    ])
    func otherWishes(_ text: String, _ wish: MatrixQuestion.Wish) throws {
        #expect(try QueryParser.question(text).wish == wish)
    }

    /// What is of axes chooses cells, what is of metrics has to hold there.
    @Test func conditionsAreSorted() throws {
        let question = try QueryParser.question("best p95 where memory <= 1 GiB and energy < 80 mJ and not cpu > 60%")
        #expect(question.selection?.text == "memory <= 1 GiB and cpu <= 60%")
        #expect(question.limits?.text == "energy < 80.0 mJ")
        #expect(question.metrics == [.p95, .energy] && Set(question.axes) == [.cpu, .memory])
    }

    /// A limit is told as it was asked for: rounded it would be another.
    @Test(arguments: [
        ("p95 < 15 us", "p95 < 0.015 ms"), ("p99 <= 50.04 ms", "p99 <= 50.04 ms"),
        ("mean < 1.2345 s", "mean < 1234.5 ms"),
        ("throughput > 0.001/s", "throughput > 0.001/s"), ("energy < 0.00125 mJ", "energy < 0.00125 mJ"),
        ("cpu-used < 0.04%", "cpu-used < 0.04%"), ("cpu-used < 12.5%", "cpu-used < 12.5%"),
    ])
    func limitsAreToldInFull(_ text: String, _ told: String) throws {
        #expect(try QueryParser.question(text).limits?.text == told)
    }

    @Test(arguments: [
        ("", 1, "there is no question; for instance"), (" ? ", 1, "there is no question"),
        ("chepest cpu", 1, "did you mean 'cheapest'?"), ("p96 at cpu 60%", 1, "did you mean 'p9"),
        ("tell me", 1, "expected 'cheapest AXES', 'best METRIC'"),
        ("cheapest cpu, memroy where p95 < 50 ms", 15, "did you mean 'memory'?"),
        ("cheapest p95", 10, "'p95' is no axis"), ("cheapest load", 10, "is what users do and costs nothing"),
        ("cheapest cpu, cpu", 15, "comes twice"), ("cheapest cpu memory", 14, "expected ',', 'where', 'at' or the end"),
        ("lowest cpu", 8, "'cheapest cpu' looks for the least that does"), ("best", 5, "expected a name"),
        ("cheapest cpu where p95 < 50", 26, "expected a duration such as '50 ms'"),
        ("cheapest cpu where p95 < 50 MiB", 26, "expected a duration"),
        ("cheapest cpu where p95 50 ms", 24, "expected a sign behind 'p95'"),
        ("cheapest cpu where", 19, "expected a name such as p95 or cpu"),
        (
            "cheapest cpu where p95 < 50 ms and p95 > 60 ms", 20,
            "nothing can be p95 < 50.0 ms and p95 > 60.0 ms at once"
        ),
        ("cheapest cpu where p95 = 50 ms", 20, "never exactly a value"),
        ("cheapest cpu where p95.upper < 50 ms", 20, "how sure it is the answer says itself; write 'p95'"),
        ("cheapest cpu where state = measured", 20, "'whatif matrix query' chooses by state"),
        ("cheapest cpu where service = auction", 20, "--service"),
        ("cheapest cpu where p95 < 50 ms or memory = 1 GiB", 20, "'or' joins an axis and a metric"),
        ("cheapest cpu where p95 < 50 ms where p99 < 1 s", 32, "'where' comes twice"),
        ("cheapest cpu at cpu 60%", 17, "looked for and fixed at once"),
        ("best p95 where cpu < 60% at cpu 20%", 29, "chosen by 'where' and fixed by 'at' at once"),
        ("p95 at cpu 60%, cpu 70%", 17, "comes twice"), ("p95 at cpu", 11, "expected a value behind 'cpu ='"),
        ("p95 at p99 1 s", 8, "'p99' is no axis"), ("p95 at cpu < 60%", 12, "conditions stand behind 'where'"),
        ("p95 at cpu 60", 12, "expected a percentage such as '20%'"),
        ("p95 at load 150", 13, "how many times as much, such as '150%' or '1.5'"),
        ("p95 where cpu = 60%", 5, "of one allocation write 'at AXIS VALUE'"),
        ("does cpu < 60% hold", 6, "at cpu …"), ("does hold", 6, "unknown name 'hold'"),
        ("cpu at memory 1 GiB", 1, "alone is no question"),
        ("does p95 < 50 ms hold now", 23, "found 'now'"), ("p95 at cpu 'x", 12, "a quote begins and does not end"),
    ])
    func errorsSayWhereAndTheWayOut(_ text: String, _ place: Int, _ message: String) {
        do throws(QueryError) {
            let question = try QueryParser.question(text)
            Issue.record("\(text) is \(question)")
        } catch {
            #expect(error.place == place, "\(error)")
            #expect(error.description.contains(message), "\(error)")
        }
    }
}
