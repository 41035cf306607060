import Foundation
import Model
import OperatingSystem
import Planning
import Report
import Testing
import YAML

/// What a plan says, in each of its forms.
@Suite struct PlanTextTests {
    private static let yaml = """
        data-centre: lab
        reserve: { cpu: 10% }
        migration: { bandwidth: 1 GB/s }
        nodes:
          - { name: n1, cpu: 1000%, memory: 16 GiB, power: { idle: 100 W, busy: 200 W } }
          - { name: n2, cpu: 1000%, memory: 16 GiB, power: { idle: 100 W, busy: 200 W } }
          - { name: n3, cpu: 1000%, memory: 16 GiB, power: { idle: 100 W, busy: 200 W } }
        domains:
          - { name: a, on: n1, cpu: 300%, memory: 1 GB }
          - { name: b, on: n2, cpu: 300%, memory: 2 GB, dirty-rate: 0 }
          - { name: c, on: n3, cpu: 200%, memory: 4 GB, dirty-rate: 0 }
          - { name: d, on: n3, cpu: 200%, memory: 4 GB, dirty-rate: 0, pinned: true }
        """

    private func plan(_ text: String = yaml) throws -> PlanDocument {
        let file = try YAMLDecoder.decode(DataCentreFile.self, from: text, file: "centre.yaml")
        return PlanDocument(try Consolidation.plan(file.centre, file.goal), of: file)
    }

    @Test func theTextSaysWhatIsGainedAndHow() throws {
        #expect(
            PlanText.text(try plan()) == """
                lab on 2 nodes instead of 3: 1 migration in 1 stage, about 1 s.
                  - 2 nodes instead of 3 with 1 migration; at least 2 nodes have to be on, and with 2 at least 1 migration
                  - no dirty-rate is said of 1 running domain: predicted as if no memory were written while it moves

                                     now   then
                nodes on               3      2  at least 2 are needed
                worst utilisation  46.6%    60%  may be cpu 90%, memory 100%
                domains at risk        0      0  on nodes used beyond what is to be kept free
                spread             16.6%  13.4%
                power              400 W  300 W  2.40 kWh a day less, by the nodes' idle and busy power

                Stage 1, about 1 s
                  domain  from  to  why      takes   stands    sends  source then  target then
                  a       n1    n2  empties    1 s  0.00 ms  954 MiB           0%          60%
                  power off n1

                nodes  migrations  at least
                    2           1         1  this plan
                    3           0         0
                """)
    }

    @Test func noChangeIsAnAnswer() throws {
        let text = PlanText.text(
            try plan(Self.yaml.replacing("cpu: 300%", with: "cpu: 600%").replacing("cpu: 200%", with: "cpu: 400%")))
        #expect(text.hasPrefix("No change helps lab.\n  - no change helps: 3 nodes are on, and at least 3 are needed"))
        #expect(!text.contains("Stage"))
    }

    /// The JSON is the plan: what is read again is the same.
    @Test func theJSONIsReadAgain() throws {
        let plan = try plan()
        let json = try MatrixData.encode(plan)
        #expect(try JSONDecoder().decode(PlanDocument.self, from: Data(json.utf8)) == plan)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        #expect((object["nodesOn"] as? [String: Int]) == ["before": 3, "after": 2])
        #expect((object["power"] as? [String: Double]) == ["before": 400, "after": 300])
    }

    static let hasXMLLint = (try? ChildProcess.run(["xmllint", "--version"]))?.status == 0

    /// libxml2's own tool is the judge, and asks for what was drawn.
    @Test(.enabled(if: hasXMLLint, "xmllint is not installed (apt install libxml2-utils)"))
    func thePictureHasABarForEachUse() throws {
        let svg = SVGPlan(try plan()).text
        let bars = "count(//*[local-name()='title'][contains(., 'cpu, before: ')])"
        for (path, answer) in [
            (bars, "3"), (bars.replacing("before", with: "after"), "2"),
            ("count(//*[local-name()='text'][.='off'])", "1"),
            ("count(//*[local-name()='title'][.='n3, cpu, before: 40%'])", "1"),
        ] {
            let result = try ChildProcess.run(["xmllint", "--nonet", "--xpath", path, "-"], input: svg)
            #expect(
                result.status == 0 && result.output.trimmingCharacters(in: .whitespacesAndNewlines) == answer,
                "\(path): \(result)")
        }
    }
}
