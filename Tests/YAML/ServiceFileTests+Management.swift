import Model
import Testing

extension ServiceFileTests {
    private static let managed = good + "\nmanage: "

    @Test func managementHasSensibleTerms() throws {
        #expect(try decode(Self.good).manage == nil)
        let file = try decode(Self.managed + "{ act: apply }")
        #expect(
            file.manage
                == ManagementTerms(act: .apply, tiers: [ManagedTier("app", axes: [Axis(.cpu, [0.2, 0.4, 0.6])])]))
    }

    @Test func managementIsRead() throws {
        let text =
            Self.good.replacing(
                "serves: \"postgresql:5432\" }", with: "serves: \"postgresql:5432\", log-in: { user: a } }")
                + """

                manage:
                  every: 5 s
                  violated: 2 of 3
                  give-back: never
                  cooldown: 20 min
                  changes-per-hour: 2
                  expires: 1 h
                  verify: 2 min
                  windows: ["22:00-06:00"]
                  exclude: [app]
                  tiers: { app: { cpu: [20%, 40%] }, db: { cpu: [30%, 50%] } }
                """
        #expect(
            try decode(text).manage
                == ManagementTerms(
                    every: .seconds(5), violated: CheckCount(least: 2, of: 3), giveBack: nil, cooldown: .seconds(1200),
                    changesPerHour: 2, windows: [try DailyWindow(parsing: "22:00-06:00")], expires: .seconds(3600),
                    verify: .seconds(120), tiers: [ManagedTier("db", axes: [Axis(.cpu, [0.3, 0.5])])]))
    }

    @Test(arguments: [
        ("{ violated: 5 of 3 }", "how many of the last checks, such as '3 of 5'"),
        ("{ violated: often }", "how many of the last checks"),
        ("{ windows: [\"22:00\"] }", "such as '22:00-06:00'"),
        ("{ windows: [\"25:00-26:00\"] }", "such as '22:00-06:00'"),
        ("{ give-back: 120% }", "'never', or a part of the SLA's limit"),
        ("{ act: aply }", "one of: propose, apply"), ("{ colldown: 5 min }", "did you mean 'cooldown'?"),
        ("{ tiers: { ap: { cpu: [20%, 40%] } } }", "'ap' is not a tier"),
        ("{ tiers: { app: { node: [as-is, big] } } }", "'node' is nothing that a manager can set"),
        ("{ tiers: { web: { cpu: [20%, 40%] } } }", "no tier calls 'web'"),
        ("{ tiers: { db: { cpu: [20%, 40%] } } }", "nobody can log in to its clone"),
        ("{ exclude: [app] }", "nothing is left that could be changed"),
        ("{ every: 10 ms }", "a second apart"),
    ])
    func managementThatCannotBeIsRefused(_ terms: String, _ reason: String) throws {
        #expect { try decode(Self.managed + terms) } throws: { "\($0)".contains(reason) }
    }

    @Test func windowsGoOverMidnight() throws {
        let window = try DailyWindow(parsing: "22:00-06:00")
        let at = { (hour: Int64, minute: Int64) in Timestamp(nanoseconds: (hour * 60 + minute) * 60_000_000_000) }
        #expect(window.contains(at(22, 0)) && window.contains(at(24, 0)) && window.contains(at(29, 59)))
        #expect(!window.contains(at(6, 0)) && !window.contains(at(21, 59)))
        #expect(window.description == "22:00-06:00")
        let noon = try DailyWindow(parsing: "12:30-13:00")
        #expect(noon.contains(at(12, 30)) && !noon.contains(at(13, 0)) && !noon.contains(at(0, 40)))
    }

    /// A campaign of another tier than the file's clones nothing along that belongs to that one.
    @Test func aManagedTierIsAskedAboutByItself() throws {
        let file = try decode(
            Self.good.replacing(
                "serves: \"postgresql:5432\" }", with: "serves: \"postgresql:5432\", log-in: { user: a } }"
            )
            .replacing("tier: app\n", with: "tier: app\n  with: [db]\n")
                + "\nmanage: { tiers: { app: { cpu: [20%, 40%] }, db: { cpu: [30%, 50%] } } }")
        let tiers = try #require(file.manage?.tiers)
        #expect(tiers.map(\.name) == ["app", "db"])
        let sla = SLA(.p95, below: .milliseconds(30), over: .seconds(60))
        let other = file.asking(of: tiers[1], sla: sla)
        #expect(other.campaign.tier == "db" && other.campaign.with.isEmpty && other.sla == sla)
        #expect(other.campaign.axes == [Axis(.cpu, [0.3, 0.5])])
        #expect(file.asking(of: tiers[0], sla: sla).campaign.with == ["db"])
    }
}
