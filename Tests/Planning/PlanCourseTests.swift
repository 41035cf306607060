import Model
import Testing

@testable import Planning

/// How far a plan has come, from where everything is.
@Suite struct PlanCourseTests {
    /// n3 is powered on, web goes there by way of n2, a new domain is started, and n1 is powered off.
    private let centre = DataCentre(
        resources: [.memory],
        nodes: [
            .init("n1", capacity: [100]), .init("n2", capacity: [100]), .init("n3", capacity: [100], isOn: false),
            .init("n4", capacity: [100]),
        ],
        domains: [
            .init("web", demand: [10], node: 0), .init("db", demand: [10], node: 1),
            .init("new", demand: [10], node: nil),
            .init("far", demand: [10], node: 3),
        ])

    private func move(_ domain: Int, _ from: Int?, _ to: Int) -> ConsolidationPlan.Move {
        .init(
            domain: domain, from: from, to: to, why: .empties, cost: nil, source: nil,
            target: .init(node: to, use: [0], utilisation: 0))
    }

    private var course: PlanCourse {
        PlanCourse(
            [
                .init(powersOn: [2], moves: [move(0, 0, 1)]),
                .init(moves: [move(0, 1, 2), move(2, nil, 2)], powersOff: [0]),
            ], centre)
    }

    @Test func everyPointIsFoundAgain() throws {
        let course = course
        // n4 too, which no step is about: what is started could run there.
        #expect(course.nodes == [0, 1, 2, 3])
        #expect(PlanCourse([.init(moves: [move(0, 0, 1)])], centre).nodes == [0, 1])
        let places: [[Int?]] = [
            [0, 1, nil, 3], [0, 1, nil, 3], [1, 1, nil, 3], [2, 1, nil, 3], [2, 1, 2, 3], [2, 1, 2, 3],
        ]
        for (point, place) in places.enumerated() {
            let seen = PlanCourse.State(place: place, isOn: [point < 5, true, point > 0, true])
            #expect(try course.done(seen) == point)
        }
        #expect(
            course.steps.map(course.text) == [
                "power on n3", "migrate web from n1 to n2", "migrate web from n2 to n3", "start new on n3",
                "power off n1",
            ])
    }

    /// Of two points that look the same the last: a detour that has come to nothing is not made again.
    @Test func aCircleIsNotMadeAgain() throws {
        let circle = PlanCourse([.init(moves: [move(0, 0, 1)]), .init(moves: [move(0, 1, 0)])], centre)
        #expect(try circle.done(.init(place: centre.placement, isOn: centre.nodes.map(\.isOn))) == 2)
    }

    @Test func whatIsElsewhereIsSaidBesideTheNearestPoint() {
        // As after the second step, but for db.
        let seen = PlanCourse.State(place: [1, 0, nil, 3], isOn: [true, true, true, true])
        let error = #expect(throws: PlanCourse.Astray.self) { try course.done(seen) }
        #expect(error?.differences == ["domain db is on n1, where the plan has it on n2"])
        let dark = PlanCourse.State(place: [nil, 1, nil, 3], isOn: [false, true, false, true])
        let lost = #expect(throws: PlanCourse.Astray.self) { try course.done(dark) }
        #expect(
            lost?.differences == [
                "node n1 is not to be reached, where the plan has it on",
                "domain web is not running, where the plan has it on n1",
            ])
    }

    @Test func whatTheFileLacksIsSaidBeforeAnythingIsDone() {
        let known = NodeAccess(connect: "test:///default")
        var access: [NodeAccess?] = [known, known, nil, nil]
        #expect(
            course.lacks(access) == [
                "node n3 does not say how to reach its libvirt; add connect: URI",
                "node n4 does not say how to reach its libvirt; add connect: URI",
                "node n1 does not say what powers it off; add switch: { off: COMMAND }",
            ])
        access[2] = NodeAccess(connect: "test:///default", power: .wakeOnLAN(address: "52:54:00:00:00:01", off: nil))
        access[0]?.power = .ipmi(address: "bmc1", user: "admin", passwordFile: "/etc/bmc1")
        access[3] = known
        #expect(course.lacks(access) == [])
        access[0]?.connect = "qemu:///system"
        #expect(course.lacks(access).first?.hasPrefix("node n1 is this machine (qemu:///system)") == true)
    }

    @Test(arguments: [
        ("qemu:///system", true), ("lxc:///", true), ("qemu+ssh://localhost/system", true), ("qemu://n1/system", false),
        ("qemu+ssh://admin@n1/system", false), ("qemu:///system?socket=/run/n1.sock", false),
        ("test:///default", false),
        ("", false),
    ])
    func thisMachineIsKnown(_ uri: String, _ isHere: Bool) { #expect(NodeAccess(connect: uri).isHere == isHere) }

    @Test func whatAnotherDriverHasIsAskedFor() {
        #expect(NodeAccess(connect: "qemu+ssh://n1/system?a=b").otherDrivers == ["lxc+ssh://n1/system?a=b"])
        #expect(NodeAccess(connect: "lxc:///system").otherDrivers == ["qemu:///system"])
    }

    @Test func driversOfPowerSayWhatToRun() {
        let command = PowerSwitch.command(on: "up n1", off: nil)
        #expect(command.words(on: true) == ["sh", "-c", "up n1"] && command.words(on: false) == nil)
        let ipmi = PowerSwitch.ipmi(address: "bmc1", user: "admin", passwordFile: "/etc/bmc1")
        let common = ["ipmitool", "-I", "lanplus", "-H", "bmc1", "-U", "admin", "-f", "/etc/bmc1", "chassis", "power"]
        #expect(ipmi.words(on: true) == common + ["on"] && ipmi.words(on: false) == common + ["soft"])
        let magic = PowerSwitch.wakeOnLAN(address: "52:54:00:00:00:01", off: "ssh n1 poweroff")
        #expect(magic.words(on: true) == ["wakeonlan", "52:54:00:00:00:01"])
        #expect(magic.words(on: false) == ["sh", "-c", "ssh n1 poweroff"])
    }
}
