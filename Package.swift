// swift-tools-version: 6.3
import PackageDescription

// What-if, drawn from the ground up: a target may import only what stands above it in this file.

// `Tools/fuzz` builds with libFuzzer's instrumentation in a folder of its own; no other build sees any of it. The variable
// names the sanitizers. It is a variable and not a flag of that build, as the flag would also reach the link, where it
// brings a `main` of its own.
let sanitizers = Context.environment["WHATIF_FUZZ_TARGETS"]

let settings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .strictMemorySafety(),
        .treatAllWarnings(as: .error),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .enableUpcomingFeature("InferIsolatedConformances"),
        .enableUpcomingFeature("ImmutableWeakCaptures"),
        // Generic types are made for their elements across modules too.
        .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
    ] + (sanitizers.map { [.unsafeFlags(["-sanitize=\($0)"])] } ?? [])

func cLibrary(_ name: String, pkgConfig: String, apt: String) -> Target {
    .systemLibrary(name: name, path: "Sources/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

func room(_ name: String, _ dependencies: [Target.Dependency] = [], isNumeric: Bool = false) -> Target {
    // A decision in a debug build takes seconds where it takes milliseconds in a release: tests wait for many.
    let speed: [SwiftSetting] = isNumeric ? [.unsafeFlags(["-O"], .when(configuration: .debug))] : []
    return .target(name: name, dependencies: dependencies, swiftSettings: settings + speed)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: name + "Tests", dependencies: dependencies, path: "Tests/\(name)", exclude: exclude,
        swiftSettings: settings)
}

/// The program that `Tools/fuzz` runs.
let fuzzTargets: [Target] = [
    .systemLibrary(name: "CLibFuzzer", path: "Tools/FuzzTargets/CLibFuzzer"),
    .executableTarget(
        name: "fuzz", dependencies: ["CLibFuzzer", "FuzzEntries", "Model", "Wire"], path: "Tools/FuzzTargets/Driver",
        swiftSettings: settings,
        // libFuzzer itself is linked by `Tools/fuzz`.
        linkerSettings: sanitizers?.contains("address") == true ? [.unsafeFlags(["-sanitize=address"])] : []),
]

let package = Package(
    name: "whatif",
    products: [
        .executable(name: "whatif", targets: ["whatif"]),
        .executable(name: "whatif-storage", targets: ["whatif-storage"]),
    ],
    targets: [
        // Floor 0: C libraries from Debian, and the operating system.
        cLibrary("CLibvirt", pkgConfig: "libvirt", apt: "libvirt-dev"),
        cLibrary("CPcap", pkgConfig: "libpcap", apt: "libpcap-dev"),
        cLibrary("CSQLite", pkgConfig: "sqlite3", apt: "libsqlite3-dev"),
        cLibrary("CYAML", pkgConfig: "yaml-0.1", apt: "libyaml-dev"),
        cLibrary("CNftables", pkgConfig: "libnftables", apt: "libnftables-dev"),
        cLibrary("CBtrfsUtil", pkgConfig: "libbtrfsutil", apt: "libbtrfsutil-dev"),
        // It has no file for pkg-config.
        .systemLibrary(name: "CLVM", path: "Sources/CLVM", providers: [.apt(["liblvm2-dev"])]),
        cLibrary("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),
        cLibrary("CGcrypt", pkgConfig: "libgcrypt", apt: "libgcrypt20-dev"),
        cLibrary("CLAPACK", pkgConfig: "lapacke", apt: "liblapacke-dev"),
        .systemLibrary(name: "CLinux", path: "Sources/CLinux"),
        room("OperatingSystem", ["CLinux"]),

        // Floor 1: values, and one owner for each outside thing.
        room("Model"),
        room("YAML", ["CYAML"]),
        room("Compression", ["CZlib"]),
        room("Cryptography", ["CGcrypt"]),
        room("Wire", ["Model", "OperatingSystem", "CPcap"]),
        room("Volumes", ["OperatingSystem", "CBtrfsUtil", "CLVM"]),
        room("Hypervisor", ["Model", "OperatingSystem", "CLibvirt"]),
        room("Telemetry", ["Model", "Hypervisor"]),
        room("Store", ["Model", "OperatingSystem", "CSQLite"]),

        // Floor 2: what stands between production and a clone, and the pure decisions.
        room("Proxies", ["Model", "OperatingSystem", "Cryptography", "Compression", "Wire"]),
        room("Cloning", ["Model", "OperatingSystem", "Volumes", "Hypervisor", "Store", "CNftables"]),
        room("Exploration", ["Model", "CLAPACK"], isNumeric: true),
        room("Planning", ["Model", "Exploration"], isNumeric: true),
        room("Report", ["Model", "Compression", "Planning", "Wire"]),

        // Floor 3 and up: the campaign, what acts on it, and who asks.
        room(
            "Experimenter",
            [
                "Model", "OperatingSystem", "Cryptography", "Wire", "Hypervisor", "Telemetry", "Store", "Proxies",
                "Cloning", "Exploration", "Planning",
            ]),
        room("Survey", ["Model", "OperatingSystem", "Wire", "Hypervisor"]),
        room(
            "Manager",
            [
                "Model", "OperatingSystem", "Wire", "Hypervisor", "Cloning", "Store", "Telemetry", "Planning",
                "Experimenter",
            ]),
        room("Lab", ["Model", "OperatingSystem", "Wire", "Volumes", "Hypervisor", "Store", "Proxies"]),
        room("Arguments", ["Model"]),
        .executableTarget(
            name: "whatif",
            dependencies: [
                "Arguments", "Cloning", "Experimenter", "Exploration", "Hypervisor", "Lab", "Manager", "Model",
                "OperatingSystem", "Planning", "Proxies", "Report", "Store", "Survey", "Telemetry", "Volumes", "Wire",
                "YAML",
            ],
            swiftSettings: settings,
            // By it records say which program measured.
            linkerSettings: [.unsafeFlags(["-Xlinker", "--build-id=sha1"])]),

        // What the benchmark of pauses starts, and a test kills.
        .executableTarget(
            name: "machine", dependencies: ["Hypervisor", "Lab", "Model", "OperatingSystem", "Store"],
            path: "Tools/benchmarks/Machine", swiftSettings: settings),
        // What the benchmark of exploration asks: ours on surfaces and splits that it is given.
        .executableTarget(
            name: "explorer", dependencies: ["Exploration", "Model"], path: "Tools/benchmarks/Explorer",
            swiftSettings: settings),
        // What the benchmark of consolidation asks: plans for data centres that it is given.
        .executableTarget(
            name: "consolidator", dependencies: ["Model", "Planning"], path: "Tools/benchmarks/Consolidator",
            swiftSettings: settings),
        // What the benchmark of plots writes its matrix with.
        .executableTarget(
            name: "campaigns", dependencies: ["Model", "Store", "TestSupport"], path: "Tools/benchmarks/Campaigns",
            swiftSettings: settings),
        // What the benchmark of the matrix store fills and asks, and tests of the store run beside themselves.
        .executableTarget(
            name: "cells", dependencies: ["Model", "Store"], path: "Tools/benchmarks/Cells", swiftSettings: settings),
        // For a machine with volumes and without us: it needs no library of Swift's there.
        .executableTarget(
            name: "whatif-storage", dependencies: ["OperatingSystem", "Volumes"], swiftSettings: settings,
            linkerSettings: [.unsafeFlags(["-static-stdlib"])]),

        // Tests: a folder a module, what several of them share, and the system tests on the real lab.
        .target(name: "TestSupport", dependencies: ["Model"], path: "Tests/Support", swiftSettings: settings),
        // What fuzzing calls, for the fuzzer and for the test that replays what it found.
        .target(
            name: "FuzzEntries",
            dependencies: [
                "CLinux", "Hypervisor", "Model", "OperatingSystem", "Planning", "Proxies", "Volumes", "Wire", "YAML",
                "Report", "TestSupport",
            ],
            path: "Tests/Fuzz",
            swiftSettings: settings),
        tests("Model", ["Model", "TestSupport"]),
        tests("YAML", ["YAML", "Model", "TestSupport", "Wire"]),
        tests("Cryptography", ["Cryptography", "OperatingSystem"]),
        tests(
            "Wire", ["Wire", "Model", "OperatingSystem", "TestSupport", "FuzzEntries"],
            exclude: ["Captures", "Corpora"]),
        tests("Hypervisor", ["Hypervisor", "Model", "TestSupport"]),
        tests("Telemetry", ["Telemetry", "Model"]),
        tests("Store", ["Store", "Model", "TestSupport", "OperatingSystem", "cells"]),
        tests(
            "Proxies",
            [
                "Proxies", "Compression", "Model", "OperatingSystem", "Cryptography", "Wire", "FuzzEntries",
                "TestSupport",
            ]),
        tests("Volumes", ["Volumes", "OperatingSystem"]),
        tests("Exploration", ["Exploration", "Model", "TestSupport"], exclude: ["Fixtures"]),
        tests("Planning", ["Planning", "Model", "TestSupport", "YAML"]),
        tests("Survey", ["Survey", "Model", "Wire", "YAML"]),
        tests(
            "Report", ["Report", "Compression", "Model", "OperatingSystem", "Planning", "Wire", "TestSupport", "YAML"],
            exclude: ["Logs"]),
        tests("Manager", ["Manager", "Model", "Wire"]),
        tests("Arguments", ["Arguments"]),
        tests("Lab", ["Lab", "Model", "OperatingSystem", "Proxies"]),
        tests("Cloning", ["Cloning", "Hypervisor", "Model"]),
        tests("Experimenter", ["Experimenter", "Model", "OperatingSystem", "Proxies", "TestSupport", "Wire", "YAML"]),
        tests(
            "System",
            ["Hypervisor", "Lab", "Model", "OperatingSystem", "Report", "Store", "TestSupport", "machine", "whatif"],
            exclude: ["Probes"]),
    ] + (sanitizers == nil ? [] : fuzzTargets)
)
