import CLibvirt
import Foundation
import Glibc
import Model
import OperatingSystem

/// What a command in a guest came to.
package struct GuestCommandResult: Sendable, Hashable {
    /// Nil when a signal ended it.
    package let status: Int32?
    package let output: String
    package let errors: String
}

/// Asking the agent in a virtual machine (package qemu-guest-agent), which its operator may have installed or not.
extension Domain {
    /// A command of the agent with its arguments, both as its protocol has them; returns what it returns. libvirt's error
    /// says when there is no agent, or when it does not answer.
    @discardableResult
    package func askAgent(
        _ command: String, _ arguments: [String: Any] = [:], within limit: Duration = .seconds(10)
    ) throws(HypervisorError) -> Any? {
        let doing = "ask the guest agent of \(name) for '\(command)'"
        guard
            let request = try? JSONSerialization.data(
                withJSONObject: ["execute": command, "arguments": arguments] as [String: Any])
        else { throw HypervisorError(doing, message: "its arguments are no JSON", cause: .other) }
        let seconds = Int32(clamping: max(1, limit.components.seconds))
        guard
            let reply = unsafe virDomainQemuAgentCommand(
                handle, String(decoding: request, as: UTF8.self), seconds, 0)
        else { throw HypervisorError(doing) }
        defer { unsafe free(reply) }
        let object = try? JSONSerialization.jsonObject(with: Data(unsafe String(cString: reply).utf8)) as? [String: Any]
        guard let object else {
            throw HypervisorError(doing, message: "it answered what cannot be read", cause: .other)
        }
        return object["return"]
    }

    /// Runs a shell command in the guest, as root, and waits for its end. After the limit it goes on without being waited
    /// for: the agent cannot end it.
    package func runInGuest(
        _ command: String, within limit: Duration, pause: (Double) throws -> Void = { usleep(UInt32($0 * 1e6)) }
    ) throws -> GuestCommandResult {
        let doing = "run a command in the guest of \(name)"
        let clock = SteadyClock()
        let deadline = clock.now + limit.nanoseconds
        let started = try askAgent(
            "guest-exec", ["path": "/bin/sh", "arg": ["-c", command], "capture-output": true])
        guard let pid = (started as? [String: Any])?["pid"] as? Int else {
            throw HypervisorError(doing, message: "the agent did not start it", cause: .other)
        }
        while true {
            let status = try askAgent("guest-exec-status", ["pid": pid]) as? [String: Any] ?? [:]
            if status["exited"] as? Bool == true {
                let text = { (key: String) in
                    let data = (status[key] as? String).flatMap { Data(base64Encoded: $0) } ?? Data()
                    return String(decoding: data, as: UTF8.self)
                }
                return GuestCommandResult(
                    status: (status["exitcode"] as? Int).flatMap { Int32(exactly: $0) }, output: text("out-data"),
                    errors: text("err-data"))
            }
            guard clock.now < deadline else { throw HypervisorError(doing, longerThan: limit) }
            try pause(0.02)
        }
    }
}
