// A private host with one virtual machine, for benchmarks; Tools/benchmarks/pause calls it.
//
//   machine up FOLDER MIB           starts both; prints the process whose network sees the machine, and libvirt's address
//   machine capture FOLDER WAY      captures memory and disk, `background` or `live`, and undoes it; prints one JSON object
//   machine down FOLDER             nothing is left
//
// FOLDER is a state directory of the benchmark's own.

import Foundation
import Hypervisor
import Lab
import Model
import OperatingSystem
import Store

struct WrongUse: Error {}

func seconds(_ duration: Duration) -> Double { Double(duration.nanoseconds) / 1e9 }

func run(_ words: [String]) throws {
    guard words.count >= 2 else { throw WrongUse() }
    let host = LabFiles(try StateDirectory(words[1])).host
    let files = host.directory + "/machines"
    switch (words[0], words.count) {
    case ("up", 3):
        guard let memory = Int(words[2]) else { throw WrongUse() }
        try Guest.image { FileHandle.standardError.write(Data("\($0)\n".utf8)) }
        let holder = try host.start(interrupt: InterruptSignal())
        try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
        try host.makeBridge()
        try Guest(memoryMiB: memory).start(on: host, disk: files + "/vm1.qcow2")
        print(holder, host.uri("qemu"))
    case ("capture", 3):
        guard let way = CaptureWay(rawValue: words[2]), let domain = try Node(connect: host.uri("qemu")).domain("vm1")
        else { throw WrongUse() }
        let plan = MemoryCapturePlan(
            memory: files + "/whatif-bench.save", overlays: ["vda": files + "/whatif-bench-vda.qcow2"])
        let capture = try domain.capture(plan, way)
        try domain.endCapture(memory: plan.memory, overlays: plan.overlays)
        print(#"{"pause":\#(seconds(capture.pause)),"duration":\#(seconds(capture.duration))}"#)
    case ("down", 2): try host.end()
    default: throw WrongUse()
    }
}

do {
    try run(Array(CommandLine.arguments.dropFirst()))
} catch {
    FileHandle.standardError.write(Data("machine: \(error)\n".utf8))
    exit(1)
}
