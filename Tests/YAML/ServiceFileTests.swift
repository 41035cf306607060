import Model
import Testing
import YAML

/// Service files as people write them, right and wrong: the message leads to the place.
@Suite struct ServiceFileTests {
    static let good = """
        service: auction
        connect: qemu:///system
        sla: { p95: 50 ms, over: 60 s }
        tiers:
          - { name: web, domains: [web1],  serves: "http:80",         calls: [app] }
          - { name: app, domains: [app1],  serves: "http:8080",       calls: [db] }
          - { name: db,  domains: [db1],   serves: "postgresql:5432" }
        campaign:
          tier: app
          axes: { cpu: [20%, 60%, 40%] }
          experiment: 20 s
          time-bound: 4 min
          find: cheapest
          check: { threshold: 10% }
        """

    func decode(_ text: String) throws -> ServiceFile {
        try YAMLDecoder.decode(ServiceFile.self, from: text, file: "service.yaml")
    }

    @Test func theExampleIsRead() throws {
        let file = try decode(Self.good)
        #expect(file.sla == SLA(.p95, below: .milliseconds(50), over: .seconds(60)))
        #expect(file.tiers.map(\.name) == ["web", "app", "db"])
        #expect(file.campaign.axes == [Axis(.cpu, [0.2, 0.4, 0.6])])
        #expect(file.campaign.timeBound == .seconds(240))
        #expect(file.callers.map(\.name) == ["web"])
        #expect(file.node == nil)
    }

    /// What two cells must have in common to be compared is told, and nothing else.
    @Test(arguments: [
        ("experiment: 20 s", "experiment: { from: 5 s, to: 20 s, until: 10% }", ["experiment"]),
        ("experiment: 20 s", "experiment: 20 s\n  reuse: false", ["clones"]),
        ("experiment: 20 s", "experiment: 20 s\n  answers: { delay: none }", ["answers"]),
        ("experiment: 20 s", "experiment: 20 s\n  limits: { lost: 3% }", ["invalid"]),
        ("experiment: 20 s", "experiment: 20 s\n  energy: { core: 10 W, idle: 30 W }", ["energy"]),
        ("[20%,", "[10%, 20%,", []),
    ]) func theMannerOfMeasuringIsTold(_ old: String, _ new: String, _ changed: [String]) throws {
        let text = Self.good.replacing(old, with: new)
        #expect(text != Self.good)
        let (before, after) = (try decode(Self.good).campaign.manner, try decode(text).campaign.manner)
        #expect(Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }.sorted() == changed)
    }

    /// Answers are replayed in any protocol of a next tier.
    @Test(arguments: ["postgresql", "mysql", "redis", "http", "tcp"])
    func theNextTierMaySpeakAnyProtocol(_ name: String) throws {
        let file = try decode(Self.good.replacing("postgresql:5432", with: "\(name):5432"))
        #expect(file.tiers.last?.serves.protocolName.rawValue == name)
    }

    /// Where a machine's volumes are, whose disks do not say it.
    @Test func storageIsRead() throws {
        let text = Self.good.replacing(
            "calls: [db] }",
            with: """
                calls: [db],
                    storage: { ask: "ssh s1 whatif-storage", export: "nbd://10.0.0.5:10900-10903", volumes: { vda: data/vm1 }, room: 1 GiB } }
                """)
        let storage = try #require(try decode(text).tiers[1].storage)
        #expect(storage.ask == "ssh s1 whatif-storage" && storage.volumes == ["vda": "data/vm1"])
        #expect(storage.export == .nbd(address: "10.0.0.5", ports: 10900...10903) && storage.room == 1 << 30)
    }

    @Test(arguments: [
        ("{ ask: s1 }", "say where it serves snapshots, too"),
        ("{ export: \"nbd://a\" }", "say how that machine is asked"),
        ("{ ask: s1, export: \"a\" }", "expected nbd://ADDRESS[:PORT[-PORT]] or iscsi://"),
        ("{ volumes: { vda: vm1 } }", "found 'vm1' for vda, expected GROUP/NAME"),
        ("{ room: much }", "expected"), ("{ rooms: 1 GiB }", "unknown key 'rooms'"),
    ]) func storageThatIsNoneIsRefused(_ storage: String, _ words: String) {
        let text = Self.good.replacing("calls: [db] }", with: "calls: [db], storage: \(storage) }")
        #expect { try decode(text) } throws: { "\($0)".contains("service.yaml:6:") && "\($0)".contains(words) }
    }

    /// What the SLA is about: the tier that no other calls, wherever it stands.
    @Test func theEntryTierIsTheOneNobodyCalls() throws {
        #expect(try decode(Self.good).entryTier?.name == "web")
        var file = try decode(Self.good)
        file.tiers.reverse()
        #expect(file.entryTier?.name == "web")
        file.tiers = []
        #expect(file.entryTier == nil)
    }

    /// Unquoted `http:80` is one word of YAML too.
    @Test func portsNeedNoQuotes() throws {
        let file = try decode(Self.good.replacing("\"http:80\"", with: "http:80"))
        #expect(file.tiers.first?.serves.port == 80)
    }

    @Test(arguments: [
        ("p95: 50 ms", "p95: 50", 3, "found '50', expected a duration"),
        ("p95: 50 ms", "p96: 50 ms", 3, "unknown key 'p96'"),
        ("time-bound: 4 min", "time-bond: 4 min", 12, "unknown key 'time-bond'"),
        ("cpu: [20%", "ram: [20%", 10, "unknown axis 'ram'; this version can set: cpu"),
        ("cpu: [20%", "cpu: [20", 10, "found '20', expected a percentage"),
        ("60%, 40%]", "60%, 60%]", 10, "each value once"),
        (
            "find: cheapest", "find: good", 13,
            "found 'good', expected one of: cheapest, best, fill, exhaustive, justrunit, measure"
        ),
        ("find: cheapest", "find: measure", 13, "which cells?"),
        ("find: cheapest", "find: { measure: [{ cpu: [20%, 30%] }] }", 13, "cpu 30% is not on its axis"),
        ("find: cheapest", "find: { measure: [] }", 13, "no cell is named"),
        ("find: cheapest", "find: { measure: [{ cpu: 20% }] }\n  forbid: [{ cpu: 20% }]", 13, "no cell is named"),
        ("find: cheapest", "find: { fill: 0% }", 13, "found '0%', expected a percentage above 0%"),
        ("find: cheapest", "find: { best: p96 }", 13, "found 'p96', expected one of: throughput, mean"),
        ("find: cheapest", "find: { fill: 5%, best: p95 }", 13, "is looked for"),
        ("find: cheapest", "find: { fill: 5%, budget: 3 }", 13, "only 'best' has a budget"),
        ("find: cheapest", "find: { best: p95, budget: 3 }", 13, "a budget needs prices"),
        ("find: cheapest", "find: { best: p95, budget: 1 }\n  cost: { cpu: 10 }", 13, "the least is 2.00"),
        ("find: cheapest", "cost: { memory: 2 }", 13, "'memory' has a price and is no axis"),
        ("find: cheapest", "cost: { cpu: 10 ms }", 13, "expected the price of one core"),
        ("find: cheapest", "cost: { cpu: 0 }", 13, "cpu 20% costs 0"),
        ("find: cheapest", "cost: { ram: 2 }", 13, "unknown axis 'ram'"),
        ("find: cheapest", "forbid: [{ cpu: 30% }]", 13, "cpu 30% is not on its axis (values: 20%, 40%, 60%)"),
        ("find: cheapest", "forbid: [{ cpu: [20%, 40%, 60%] }]", 13, "every combination of the axes is forbidden"),
        ("find: cheapest", "forbid: [{ memory: 1 GiB }]", 13, "'memory' is no axis (axes: cpu)"),
        ("find: cheapest", "forbid: [{ }]", 13, "nothing is named"),
        ("cpu: [20%, 60%, 40%]", "cpu: [20%, 60%], load: [100%, 150%]", 10, "one search is for one load"),
        ("cpu: [20%, 60%, 40%]", "cpu: [20%, 60%], load: [0%]", 10, "a load from 1% to"),
        ("cpu: [20%, 60%, 40%]", "cpu: [20%, 60%], mix: [buying]", 10, "expected one of: as-is"),
        ("tiers:", "mixes: { buying: { } }\ntiers:", 4, "no request is weighed"),
        ("tiers:", "mixes: { buying: { \"GET /*\": x } }\ntiers:", 4, "expected a factor from 0 to 100"),
        ("find: cheapest", "confidence: 100%", 13, "expected a percentage from 50% to below 100%"),
        ("find: cheapest", "interpolate: cubic", 13, "expected one of: auto, linear, log-linear, gaussian-process"),
        ("find: cheapest", "seed: -1", 13, "expected a whole number from 0"),
        ("threshold: 10%", "time: never", 14, "expected one of: before, after"),
        ("threshold: 10%", "notify: { webhook: example.com }", 14, "begins with http://"),
        ("threshold: 10%", "notify: { }", 14, "name a command or a webhook"),
        ("tier: app", "tier: apps", 9, "'apps' is not a tier; tiers: web, app, db"),
        ("tier: app", "tier: db", 9, "give the tier log-in: { user"),
        ("calls: [db]", "calls: [dbs]", 5, "'dbs', which is not a tier"),
        ("domains: [app1]", "domains: []", 6, "at least one domain"),
        ("domains: [app1]", "domains: app1", 6, "found 'app1', expected a list"),
        ("domains: [app1],", "domains: [app1], prepare: ' ',", 6, "there is no command"),
        ("domains: [app1],", "domains: [app1], prepare: [a, b],", 6, "found a list, expected a single value"),
        ("\"http:8080\"", "http", 6, "expected protocol:port"),
        ("\"http:8080\"", "\"http:0\"", 6, "expected protocol:port"),
        ("experiment: 20 s", "experiment: 10 min", 12, "leaves no room"),
        ("connect: qemu:///system", "connects: qemu:///system", 2, "unknown key 'connects'"),
        ("qemu:///system", "qemu+ssh://host/system", 2, "is another machine"),
        ("qemu:///system", "qemu+tls:///system", 2, "is another machine"),
        ("find: cheapest", "time-shift: 1 ms", 8, "200 ms at least"),
        ("service: auction", "service: [a, b]", 1, "found a list, expected a single value"),
        ("find: cheapest", "find: cheapest\n  find: cheapest", 14, "stands twice"),
        ("campaign:", "campaign: &a", 8, ""),
    ])
    func anErrorSaysWhere(_ from: String, _ to: String, _ line: Int, _ words: String) throws {
        let text = Self.good.replacing(from, with: to)
        #expect(text != Self.good)
        if words.isEmpty {
            // An anchor that nothing refers to changes nothing.
            _ = try decode(text)
            return
        }
        let error = try #require(throws: YAMLError.self) { try decode(text) }
        #expect(error.description.contains(words), "\(error)")
        // Errors about a whole tier or campaign point at it; it may begin a line later than its key.
        #expect(abs(error.line - line) <= 1, "\(error)")
    }

    /// Several axes with names, and what these mean.
    private static let several = """
        service: auction
        connect: qemu:///system
        sla: { p95: 50 ms }
        tiers:
          - { name: web, domains: [web1],  serves: "http:80",   calls: [app] }
          - { name: app, domains: [app1],  serves: "http:8080" }
        software: { tuned: "sed -i s/1/4/ /etc/app && systemctl restart app", newer: "apt-get -y install app" }
        variants: { virtio: app1-virtio.xml }
        nodes: { big: { connect: "qemu+unix:///system?socket=/run/big/libvirt-sock" } }
        campaign:
          tier: app
          clone: disk
          axes:
            cpu: [60%, 20%]
            memory: [256 MiB, 128 MiB]
            cpu-set: [0, 0-1]
            software: [tuned, as-is]
            variant: [as-is, virtio]
            node: [as-is, big]
        """

    @Test func axesOfAllKindsAreRead() throws {
        let file = try decode(Self.several)
        let names = { (names: String...) in names.map { Setting.name($0) } }
        #expect(
            file.campaign.axes == [
                Axis(.cpu, [0.2, 0.6]), Axis(.memory, [134_217_728, 268_435_456]), Axis(.processors, names("0", "0-1")),
                Axis(.software, names("tuned", "as-is")), Axis(.variant, names("as-is", "virtio")),
                Axis(.node, names("as-is", "big")),
            ])
        #expect(file.software["newer"] == "apt-get -y install app" && file.variants == ["virtio": "app1-virtio.xml"])
        #expect(file.nodes["big"]?.connect == "qemu+unix:///system?socket=/run/big/libvirt-sock")
        // Of the lab's service, that is one of the lab's.
        let inLab = try decode(Self.several.replacing("sla:", with: "node: lab\nsla:"))
        #expect(file.nodes["big"]?.node == nil && inLab.nodes["big"]?.node == "lab")
        #expect(file.campaign.clone == .disk)
        let other = Self.several.replacing("clone: disk", with: "clone: /srv/app.qcow2")
        #expect(try decode(other).campaign.clone == .image("/srv/app.qcow2"))
        #expect(try decode(Self.good).campaign.clone == .disk && decode(Self.good).software.isEmpty)
    }

    @Test(arguments: [
        ("[256 MiB, 128 MiB]", "[256 MiB, 128]", 15, 23, "found '128', expected a size such as '128 MiB'"),
        ("[256 MiB, 128 MiB]", "[256 MiB, 256 MiB]", 15, 23, "each value once"),
        ("[256 MiB, 128 MiB]", "[256 MiB]", 15, 13, "an axis needs at least two values"),
        ("[0, 0-1]", "[0, 1-0]", 16, 18, "found '1-0', expected numbers and ranges such as 0-1,3"),
        ("[tuned, as-is]", "[tuned, slow]", 17, 23, "found 'slow', expected one of: as-is, newer, tuned"),
        ("[as-is, virtio]", "[as-is, scsi]", 18, 22, "found 'scsi', expected one of: as-is, virtio"),
        ("[as-is, big]", "[as-is, small]", 19, 19, "found 'small', expected one of: as-is, big"),
        ("[as-is, big]", "[as-is, 'b g']", 19, 19, "found 'b g', expected a name of letters, digits"),
        ("{ tuned:", "{ as-is:", 7, 20, "this one always means the on-line domain's"),
        ("newer: \"apt-get -y install app\"", "newer: ' '", 7, 78, "there is no command"),
        ("virtio: app1-virtio.xml", "virtio: ''", 8, 21, "there is no file; write the path of a whole domain XML"),
        ("big: { connect", "big: { conect", 9, 25, "unknown key 'conect', expected one of: connect, node"),
        ("qemu+unix:///system?socket=/run/big/libvirt-sock", "qemu+ssh://big/system", 9, 15, "is another machine"),
        ("libvirt-sock\" }", "libvirt-sock\", node: lab }", 9, 15, "'lab' is another machine"),
        ("clone: disk", "clone: ram", 12, 10, "found 'ram', expected disk, memory, or the path of an image"),
        ("clone: disk", "clone: a/b", 12, 10, "found 'a/b', expected the whole path of an image"),
        ("clone: disk", "clone: memory", 12, 10, "a memory image fits the machine that it was taken from"),
        ("calls: [app]", "calls: []", 11, 3, "name an address of its own network that stands for them"),
        ("clone: disk", "client: web1", 12, 11, "found 'web1', expected an address"),
    ])
    func anErrorOfAnAxisSaysWhere(
        _ from: String, _ to: String, _ line: Int, _ column: Int, _ words: String
    ) throws {
        let text = Self.several.replacing(from, with: to)
        #expect(text != Self.several)
        let error = try #require(throws: YAMLError.self) { try decode(text) }
        #expect(error.description.contains(words) && error.line == line && error.column == column, "\(error)")
    }

    @Test func aMatrixHasABound() throws {
        let many = (1...40).map { "\($0)%" }.joined(separator: ", ")
        let more = (100...140).map { "\($0) MiB" }.joined(separator: ", ")
        let text = Self.good.replacing("cpu: [20%, 60%, 40%]", with: "cpu: [\(many)], memory: [\(more)]")
        let error = try #require(throws: YAMLError.self) { try decode(text) }
        #expect(error.description.contains("the axes make more than 1000 cells") && error.line == 10, "\(error)")
    }

    /// A tier that nobody calls is asked by whoever is outside.
    @Test func theFirstTierHasAClient() throws {
        let text = Self.good.replacing("tier: app", with: "tier: web\n  client: 10.0.0.1")
        let file = try decode(text)
        #expect(file.callers.isEmpty && file.campaign.client == IPAddress("10.0.0.1"))
    }

    /// What makes a clone ready is one line of shell, or several.
    @Test func preparationsAreRead() throws {
        #expect(try decode(Self.good).tiers.allSatisfy { $0.prepare == nil })
        let one = Self.good.replacing(
            "domains: [app1],", with: "domains: [app1], prepare: 'curl -f \"http://a\"; true',")
        #expect(try decode(one).tier("app")?.prepare == "curl -f \"http://a\"; true")
        let several = """
              - name: db
                domains: [db1]
                serves: "postgresql:5432"
                prepare: |
                  set -e
                  su postgres -c "psql -c 'SELECT 1'"
            """
        let lines = Self.good.split(separator: "\n").map { $0.contains("name: db") ? several[...] : $0 }
        let read = try decode(lines.joined(separator: "\n")).tier("db")?.prepare
        #expect(read == "set -e\nsu postgres -c \"psql -c 'SELECT 1'\"\n")
    }

    /// Rules of a service file, with one mistake each.
    @Test func sessionRulesAreRead() throws {
        let rules = """
            sessions:
                - { name: cart, from: { pattern: 'cart = "(?<id>[^"()]+)"' }, to: { header: X-Cart } }
                - { name: order, from: { json: "items[].id" }, to: { json: "order[0].id" } }
                - { name: xsrf, from: { cookie: XSRF-TOKEN }, to: { form: _token } }
            """
        let good = Self.good + "\n  " + rules
        let read = try decode(good).campaign.sessions
        #expect(read.map(\.name) == ["cart", "order", "xsrf"])
        #expect(read[2].from == .cookie("XSRF-TOKEN") && read[2].to == .form("_token"))
        guard case .pattern(let pattern) = read[0].from else {
            Issue.record("not a pattern")
            return
        }
        #expect(pattern.first(in: "var cart = \"a1\";") == "a1" && pattern.first(in: "cart") == nil)
        #expect(try decode(Self.good).campaign.sessions.isEmpty)
        for (from, to, line, words) in [
            ("{ cookie: XSRF-TOKEN }", "{ cookies: XSRF-TOKEN }", 18, "unknown key 'cookies', expected one of: header"),
            (
                "{ cookie: XSRF-TOKEN }", "{ cookie: a, header: b }", 18,
                "expected one of: header, cookie, json, pattern"
            ),
            ("{ cookie: XSRF-TOKEN }", "{ pattern: 'a(b' }", 18, "found 'a(b', expected a regular expression"),
            ("{ cookie: XSRF-TOKEN }", "{ pattern: 'a(?:b)[(]' }", 18, "with one group"),
            ("{ cookie: XSRF-TOKEN }", "{ pattern: '(a)(b)' }", 18, "with one group"),
            ("{ json: \"items[].id\" }", "{ json: \"items[.id\" }", 17, "expected a path such as order.id"),
            ("{ json: \"items[].id\" }", "{ json: \"items[].a[0]\" }", 17, "not [] and [0] in one"),
            ("{ header: X-Cart }", "{ path: a }", 16, "unknown key 'path'"),
            ("name: cart, ", "", 16, "the key 'name' is missing"),
        ] {
            let text = good.replacing(from, with: to)
            let error = try #require(throws: YAMLError.self) { try decode(text) }
            #expect(error.description.contains(words) && error.line == line, "\(error)")
        }
    }

    /// A wider service: two ways to the database, and what it calls in turn.
    private static let wide = """
        service: auction
        connect: lxc:///system
        sla: { p95: 50 ms }
        tiers:
          - { name: web,    domains: [web1],        serves: http:80,         calls: [app] }
          - { name: app,    domains: [app1],        serves: http:8080,       calls: [db, search] }
          - { name: search, domains: [s1, s2],      serves: http:9200,       calls: [db, cache] }
          - { name: db,     domains: [db1],         serves: postgresql:5432, calls: [store] }
          - { name: cache,  domains: [cache1],      serves: redis:6379 }
          - { name: store,  domains: [store1],      serves: tcp:3260 }
        campaign:
          tier: app
          with: [db, search]
          axes: { cpu: [20%, 60%] }
        """

    /// Callees start before their callers; out-proxies stand for what is called and not cloned along.
    @Test func tiersAreClonedAlong() throws {
        let file = try decode(Self.wide)
        #expect(file.sandboxTiers.map(\.name) == ["db", "search", "app"])
        #expect(file.sandboxTiers.flatMap { file.tiersBeyond($0) }.map(\.name) == ["store", "cache"])
        #expect(file.campaign.timeShift == .seconds(5))
        let alone = try decode(Self.good)
        #expect(alone.campaign.with.isEmpty && alone.sandboxTiers.map(\.name) == ["app"])
        #expect(alone.campaign.timeShift == .seconds(2))
        #expect(alone.tiersBeyond(try #require(alone.tier("app"))).map(\.name) == ["db"])
    }

    /// Tiers that call each other have no first; each is there once.
    @Test func aCircleOfTiersIsOrdered() throws {
        let file = try decode(
            Self.wide.replacing("calls: [store]", with: "calls: [search]"))
        #expect(file.sandboxTiers.map(\.name) == ["search", "db", "app"])
    }

    @Test(arguments: [
        ("with: [db, search]", "with: [db, find]", "'find' is not a tier; tiers: web, app"),
        ("with: [db, search]", "with: [db, app]", "'app' is the campaign's own tier"),
        ("with: [db, search]", "with: [search, db, search]", "'search' stands twice"),
        ("with: [db, search]", "with: [web]", "no tier of the sandbox calls 'web'"),
        (
            "with: [db, search]", "with: [store, search]",
            "no tier of the sandbox calls 'store'; name the tiers between 'app'"
        ),
        ("with: [db, search]", "with: [db]", "'db' is called by 'search' too, whose load its clone would not have"),
        ("calls: [store]", "calls: [app]", "'db' calls 'app', whose clone would get those requests twice"),
        ("[app1]", "[app1, app2]", "'app' has 2 domains, of which one is cloned: the others' load on 'search'"),
        (
            "[cache1]", "[db1]",
            "domain 'db1' runs 'db', which is cloned, and 'cache', which is not; add 'cache', or leave 'db' out"
        ),
        (
            "[web1]", "[s2]",
            "domain 's2' runs 'search', which is cloned, and 'web', which is not; leave 'search' out"
        ),
        (
            "[store1]", "[app1]",
            "domain 'app1' runs 'app', which is cloned, and 'store', which is not; add 'store', or leave out"
        ),
        ("with: [db, search]", "with: db", "found 'db', expected a list"),
    ])
    func whatCannotBeJoinedIsRefusedAtItsPlace(_ from: String, _ to: String, _ words: String) throws {
        #expect(Self.wide.contains(from))
        let error = try #require(throws: YAMLError.self) {
            try decode(Self.wide.replacing(from, with: to))
        }
        #expect(error.description.contains(words) && error.line == 13, "\(error)")
    }

    @Test func howQuestionsAreAnsweredIsRead() throws {
        #expect(try decode(Self.good).campaign.answers == AnswerSpecification())
        let with = { (answers: String) in
            try decode(Self.good.replacing("find: cheapest", with: "answers: \(answers)")).campaign.answers
        }
        var expected = AnswerSpecification()
        expected.match = .template
        expected.unmatched = .wait(.seconds(2))
        expected.keepsDelay = false
        #expect(try with("{ match: template, unmatched: wait 2 s, delay: none }") == expected)
        #expect(try with("{ match: nearest, unmatched: error, delay: recorded }") == AnswerSpecification())
    }

    /// The next tier is cloned behind its out-proxy.
    @Test func tiersMayBeForwardedTo() throws {
        let text = Self.good.replacing("find: cheapest", with: "answers: { match: exact, unmatched: forward }")
            .replacing("\"postgresql:5432\"", with: "\"postgresql:5432\", log-in: { user: a }")
        let file = try decode(text)
        #expect(file.campaign.answers.unmatched == .forward && file.forwardTiers.map(\.name) == ["db"])
        // Both clones shall see every request.
        #expect(file.campaign.timeShift == .seconds(5) && file.sandboxTiers.map(\.name) == ["app"])
        #expect(try decode(Self.good).forwardTiers.isEmpty)
        let beyond = try decode(
            Self.wide.replacing("with: [db, search]", with: "with: [db, search]\n  answers: { unmatched: forward }")
                .replacing("tcp:3260", with: "redis:3260"))
        #expect(beyond.forwardTiers.map(\.name) == ["store", "cache"])
    }

    @Test(arguments: [
        ("answers: { unmatched: ask }", "found 'ask', expected 'error', 'forward', or how long to wait"),
        ("answers: { unmatched: wait 2 }", "found '2', expected a duration"),
        ("answers: { nearest: yes }", "unknown key 'nearest', expected one of: match, unmatched, delay"),
        ("answers: { match: best }", "found 'best', expected one of: exact, template, nearest"),
        ("answers: { delay: half }", "found 'half', expected one of: recorded, none"),
        ("answers: { unmatched: forward }", "'db' serves postgresql, and nobody can log in to its clone"),
    ])
    func answersThatAreNoneAreRefused(_ answers: String, _ words: String) throws {
        let error = try #require(throws: YAMLError.self) {
            try decode(Self.good.replacing("find: cheapest", with: answers))
        }
        #expect(error.description.contains(words) && error.line == 13, "\(error)")
    }

    @Test(arguments: [
        ("", "", "'store' serves tcp, of which questions cannot be told apart"),
        ("tcp:3260", "mysql:3260", "'store' serves mysql, and nobody can log in"),
        ("tcp:3260 ", "redis:3260, calls: [cache] ", "'store' calls 'cache', which its clone would not reach"),
        ("with: [db, search]", "with: [db, search, store, cache]", "there is nobody to forward to"),
    ])
    func whatCannotBeForwardedIsRefused(_ from: String, _ to: String, _ words: String) throws {
        let text = from.isEmpty ? Self.wide : Self.wide.replacing(from, with: to)
        let error = try #require(throws: YAMLError.self) {
            try decode(text + "\n  answers: { unmatched: forward }")
        }
        #expect(error.description.contains(words) && error.line == 15, "\(error)")
    }

    @Test func missingKeysAreNamed() throws {
        let text = Self.good.split(separator: "\n").filter { !$0.hasPrefix("service") }.joined(separator: "\n")
        let error = try #require(throws: YAMLError.self) { try decode(text) }
        #expect(error.description.contains("the key 'service' is missing"))
    }

    @Test(arguments: ["", "{", "a: [1, 2", "a: *b", "- - - x", "a: b\n---\nc: d", "\u{0}", "a: \"\\xZZ\""])
    func whatIsNoServiceFileIsRefusedWithAPlace(_ text: String) throws {
        let error = try #require(throws: YAMLError.self) { try decode(text) }
        #expect(error.line >= 1 && error.column >= 1)
        #expect(error.description.hasPrefix("service.yaml:"))
    }

    @Test func deepNestingIsRefused() {
        #expect(throws: YAMLError.self) { try decode(String(repeating: "[", count: 5000)) }
    }

    /// Random damage to a good file: an answer or an error, never a crash.
    @Test func damagedFilesAreRefusedOrRead() {
        var random = SystemRandomNumberGenerator()
        let good = Array(Self.good.utf8)
        for _ in 0..<3000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: place)
                default: bytes.insert(UInt8.random(in: 32...126, using: &random), at: place)
                }
            }
            _ = try? decode(String(decoding: bytes, as: UTF8.self))
        }
    }
}
