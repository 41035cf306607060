import Foundation
import Model
import Testing

@Suite struct ResourceTests {
    private static let mebi = 1_048_576.0

    /// What people write, what is meant, and what is shown.
    @Test(arguments: [
        (Resource.cpu, "60%", Setting.number(0.6), "60%"), (.cpu, "57.5 %", .number(0.575), "57.5%"),
        (.shares, "512", .number(512), "512"), (.vcpus, "2", .number(2), "2"),
        (.processors, "3,0-1", .name("0-1,3"), "0-1,3"), (.processors, "2", .name("2"), "2"),
        (.memory, "128 MiB", .number(128 * mebi), "128 MiB"), (.memory, "1.5GiB", .number(1536 * mebi), "1.5 GiB"),
        (.memory, "1 GB", .number(1e9), "1 GB"), (.memory, "200123 KiB", .number(200_123 * 1024), "204925952 B"),
        (.diskRead, "10 MiB/s", .number(10 * mebi), "10 MiB/s"), (.diskWrite, "5 MB", .number(5e6), "5 MB/s"),
        (.network, "100 KiB/s", .number(102_400), "100 KiB/s"),
        (.frequency, "2.4 GHz", .number(2.4e9), "2.4 GHz"), (.frequency, "1800 MHz", .number(1.8e9), "1.8 GHz"),
        (.frequency, "1234567 Hz", .number(1_234_567), "1234567 Hz"), (.node, "big", .name("big"), "big"),
        (.variant, "virtio-2.0", .name("virtio-2.0"), "virtio-2.0"), (.software, "as-is", .asIs, "as-is"),
    ])
    func valuesAreReadAndShown(_ resource: Resource, _ text: String, _ setting: Setting, _ shown: String) throws {
        let read = try resource.parse(text)
        if case (.number(let a), .number(let b)) = (read, setting) {
            #expect(abs(a - b) <= abs(b) * 1e-12)
        } else {
            #expect(read == setting)
        }
        #expect(resource.format(read) == shown)
        let again = try resource.parse(shown)
        #expect(resource.format(again) == shown && resource.agrees(again, with: read))
    }

    @Test(arguments: [
        (Resource.cpu, "0.6", "a percentage"), (.cpu, "0%", "at least 1% of one core"),
        (.shares, "1", "a number from 2 to 262144"), (.shares, "1.5", "a number from 2"),
        (.vcpus, "0", "a number from 1 to 1024"), (.vcpus, "two", "a number from 1"),
        (.processors, "1-0", "numbers and ranges such as 0-1,3"), (.processors, "", "numbers and ranges"),
        (.processors, "0-99999", "numbers and ranges"), (.memory, "128", "a size such as '128 MiB'"),
        (.diskRead, "10/s", "a rate such as '10 MiB/s'"), (.network, "-1 MiB/s", "a rate"),
        (.frequency, "2.4", "a frequency such as"), (.frequency, "0 GHz", "a frequency"),
        (.software, "a b", "a name of letters, digits"), (.node, "", "a name of letters"),
    ])
    func whatIsNoneIsRefused(_ resource: Resource, _ text: String, _ words: String) {
        let error = #expect(throws: UnitError.self) { try resource.parse(text) }
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    }

    /// The kernel rounds; beyond that it is another value.
    @Test(arguments: [
        (Resource.cpu, 0.6, 0.600_02, true), (.cpu, 0.6, 0.61, false), (.memory, 1e6, 1e6 - 4000, true),
        (.memory, 1e6, 1e6 - 4096, false), (.network, 1e6, 999_424, true), (.frequency, 2e9, 2e9 - 1e6, false),
        (.shares, 1024, 1023, false), (.diskRead, 4096, 4095, false),
    ])
    func whatIsReadBackAgrees(_ resource: Resource, _ wanted: Double, _ found: Double, _ agrees: Bool) {
        #expect(resource.agrees(.number(found), with: .number(wanted)) == agrees)
        #expect(!resource.agrees(.unlimited, with: .number(wanted)))
        #expect(resource.agrees(.unlimited, with: .unlimited))
    }

    /// Numbers of other axes and names came later.
    @Test func allocationsOfEarlierVersionsAreRead() throws {
        let old = Data(#"{"values":{"cpu":0.6}}"#.utf8)
        #expect(try JSONDecoder().decode(Allocation.self, from: old) == Allocation([.cpu: 0.6]))
        let axis = Data(#"{"resource":"cpu","values":[0.2,0.4]}"#.utf8)
        #expect(try JSONDecoder().decode(Axis.self, from: axis) == Axis(.cpu, [0.2, 0.4]))
        let encoder = JSONEncoder()
        #expect(
            String(decoding: try encoder.encode(Allocation([.cpu: 0.6])), as: UTF8.self) == #"{"values":{"cpu":0.6}}"#)
        let new = Allocation([.memory: .number(1e9), .software: .name("tuned"), .processors: .name("0-1")])
        #expect(try JSONDecoder().decode(Allocation.self, from: encoder.encode(new)) == new)
    }

    @Test func numbersAscendAndNamesKeepTheirOrder() {
        #expect(Axis(.memory, [3, 1, 2]).numbers == [1, 2, 3])
        let names: [Setting] = [.name("tuned"), .asIs, .name("other")]
        #expect(Axis(.software, names).values == names && Axis(.software, names).numbers == nil)
        let matrix = ResultMatrix(axes: [Axis(.memory, [2, 1]), Axis(.software, names)])
        #expect(
            matrix.cells.map { "\($0.allocation[.memory]?.number ?? 0) \($0.allocation[.software]?.name ?? "")" } == [
                "1.0 tuned", "1.0 as-is", "1.0 other", "2.0 tuned", "2.0 as-is", "2.0 other",
            ])
        #expect(matrix[Allocation([.memory: .number(2), .software: .asIs])] != nil)
    }

    @Test func allocationsAreTold() {
        let allocation = Allocation([.software: .asIs, .cpu: .number(0.6), .memory: .number(134_217_728)])
        #expect(allocation.description == "cpu 60%, memory 128 MiB, software as-is")
        #expect(allocation.without(.memory).description == "cpu 60%, software as-is")
        #expect(
            allocation.over(Allocation([.cpu: .number(1), .shares: .number(2)])).description
                == "cpu 60%, shares 2, memory 128 MiB, software as-is")
    }

    @Test(arguments: [("disk", CloneSource.disk), ("memory", .memory), ("/var/app.qcow2", .image("/var/app.qcow2"))])
    func whatClonesBeginWithIsRead(_ text: String, _ source: CloneSource) throws {
        #expect(try CloneSource(parsing: text) == source && source.description == text)
        #expect(try JSONDecoder().decode([CloneSource].self, from: JSONEncoder().encode([source])) == [source])
        #expect(throws: UnitError.self) { try CloneSource(parsing: "ram") }
    }
}
