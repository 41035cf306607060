// libFuzzer with a target by name; `Tools/fuzz` builds and calls it.
//
//   fuzz --list                      names, longest inputs and dictionaries
//   fuzz --seeds FOLDER CAPTURE…     first inputs of all targets, from captures and texts
//   WHATIF_FUZZ_TARGET=NAME fuzz ARGUMENTS OF libFuzzer
//
// The name is in the environment as libFuzzer starts itself again when it merges and minimises, with its own arguments.
// A broken invariant traps, which libFuzzer sees as it does any other crash.

import Foundation
import FuzzEntries

func say(_ text: String) { FileHandle.standardError.write(Data("fuzz: \(text)\n".utf8)) }

let arguments = CommandLine.arguments.dropFirst()

switch arguments.first {
case "--list":
    for target in FuzzTarget.all { print(target.name, target.longest, target.dictionary ?? "-") }
case "--seeds":
    let seeds = Seeds(captures: Array(arguments.dropFirst(2)))
    do {
        try seeds.write(to: arguments.dropFirst().first ?? ".")
    } catch {
        say("\(error)")
        exit(1)
    }
default:
    let name = ProcessInfo.processInfo.environment["WHATIF_FUZZ_TARGET"] ?? ""
    guard let target = FuzzTarget.named(name) else {
        say("there is no target '\(name)'")
        exit(2)
    }
    exit(Driver.run(target))
}
