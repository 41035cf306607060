import CLibvirt
import Foundation
import Glibc

/// QEMU's own monitor, by way of libvirt: for the few things that libvirt has no call for. libvirt notes in its log that
/// somebody did so.
struct Monitor {
    private let domain: Domain

    /// What we call the file for the memory when it is handed to QEMU.
    static let descriptorName = "whatif-memory"

    init(_ domain: Domain) { self.domain = domain }

    /// Calls a command of QMP. Descriptors can be handed over only to a libvirt on this machine.
    @discardableResult
    func call(_ command: String, _ arguments: String = "{}", descriptors: [CInt] = []) throws(HypervisorError) -> Any? {
        let doing = "tell the QEMU of \(domain.name) '\(command)'"
        let text = #"{"execute":"\#(command)","arguments":\#(arguments)}"#
        var files = descriptors
        var result: UnsafeMutablePointer<CChar>?
        let status = unsafe files.withUnsafeMutableBufferPointer { files in
            unsafe virDomainQemuMonitorCommandWithFiles(
                domain.handle, text, UInt32(files.count), files.baseAddress, nil, nil, &result, 0)
        }
        guard status == 0 else { throw HypervisorError(doing) }
        defer { unsafe free(result) }
        let reply = unsafe result.map { unsafe String(cString: $0) } ?? ""
        guard let object = try? JSONSerialization.jsonObject(with: Data(reply.utf8)) as? [String: Any] else {
            throw HypervisorError(doing, message: "it answered what cannot be read", cause: .other)
        }
        if let error = object["error"] as? [String: Any] {
            throw HypervisorError(doing, message: error["desc"] as? String ?? "it refuses", cause: .unsupported)
        }
        return object["return"]
    }

    /// Whether QEMU, when told to migrate, copies memory while the guest runs.
    func setBackgroundSnapshot(_ state: Bool) throws(HypervisorError) {
        try call(
            "migrate-set-capabilities",
            #"{"capabilities":[{"capability":"background-snapshot","state":\#(state)}]}"#)
    }

    func hasBackgroundSnapshot() throws(HypervisorError) -> Bool {
        let list = try call("query-migrate-capabilities") as? [[String: Any]] ?? []
        return list.contains { $0["capability"] as? String == "background-snapshot" && $0["state"] as? Bool == true }
    }

    /// `none`, `setup`, `active`, `completed`, `failed`, `cancelled`, …, and QEMU's reason when it failed.
    func migration() throws(HypervisorError) -> (status: String, reason: String?) {
        let reply = try call("query-migrate") as? [String: Any]
        return (reply?["status"] as? String ?? "none", reply?["error-desc"] as? String)
    }

    func isMigrating() throws(HypervisorError) -> Bool {
        ["setup", "active", "cancelling"].contains(try migration().status)
    }

    /// More than any disk takes.
    static let unlimited = 1 << 40

    /// Bytes a second that a migration may move.
    func bandwidth() throws(HypervisorError) -> Int {
        let reply = try call("query-migrate-parameters") as? [String: Any]
        return reply?["max-bandwidth"] as? Int ?? 0
    }

    func setBandwidth(_ bytes: Int) throws(HypervisorError) {
        try call("migrate-set-parameters", #"{"max-bandwidth":\#(bytes)}"#)
    }
}
