import CLibvirt
import Glibc
import Model
import OperatingSystem

extension Domain {
    /// Undoes a capture, whole or in part, of this process or of one that was killed: nothing of it is left, and the machine
    /// writes to its own disks. Clones on its overlays' images have to be gone. Can be called again, and on a machine that
    /// was never captured.
    ///
    /// Where no overlays are said, they are found by their names: those that the machine writes to.
    package func endCapture(memory: String?, overlays files: [String: String] = [:]) throws(HypervisorError) {
        if isActive {
            try endBackground()
            if let memory {
                try endSnapshot(into: memory)
                // Before the disks: on a full volume their commit needs its room.
                if Self.isOurs(memory) { try remove(memory, "end the capture of \(name)") }
            }
            for target in files.isEmpty ? try overlays().keys.sorted() : files.keys.sorted() {
                try commitOverlay(of: target, file: files[target])
            }
        } else if let (target, file) = try overlays().sorted(by: { $0.key < $1.key }).first {
            // What the guest wrote last is in there.
            let wayOut =
                try hasMovedAway()
                ? "it was migrated, and writes to \(file) where it is now: do not start it here, but commit that file there "
                    + "(virsh blockcommit \(name) \(target) --active --pivot --shallow)"
                : "it is off, and its newest data are in \(file): start it and run this again"
            throw HypervisorError("bring back \(target) of \(name)", message: wayOut, cause: .unsupported)
        } else {
            for (target, file) in files.sorted(by: { $0.key < $1.key }) where Self.isOurs(file) {
                try removeUnused(file, of: target)
            }
        }
        if let memory, Self.isOurs(memory) { try remove(memory, "end the capture of \(name)") }
    }

    /// Of a machine that is off, whose description names the uppermost image only: qemu-img looks below it.
    private func removeUnused(_ file: String, of target: String) throws(HypervisorError) {
        let doing = "end the capture of \(name)"
        guard unsafe access(file, F_OK) == 0 else { return }
        switch try description().disks.first(where: { $0.target == target })?.image?.source {
        case .file(let top), .block(let top):
            do throws(ProgramError) {
                let chain = try ChildProcess.succeed(["qemu-img", "info", "-U", "--backing-chain", top])
                guard !chain.contains(file) else {
                    throw ProgramError(command: ["rm", file], reason: "\(top) lies over it: commit that first")
                }
            } catch {
                throw HypervisorError(doing, message: "\(error)", cause: .unsupported)
            }
        default: break
        }
        try removeSpent(file, doing)
    }

    /// Only we set this capability of QEMU: the machine may stand because of us, and may be copying its memory.
    ///
    /// That is waited for, and never broken off: a QEMU before 8 leaves the memory write-protected when a background
    /// snapshot is cancelled or fails, and its guest stands for ever (`ram_write_tracking_stop` is called at the good end only).
    private func endBackground() throws(HypervisorError) {
        guard node.isLocal, try description().isMachine else { return }
        let monitor = Monitor(self)
        guard try monitor.hasBackgroundSnapshot() else { return }
        try resume()
        if try monitor.isMigrating() {
            let bandwidth = try monitor.bandwidth()
            try monitor.setBandwidth(Monitor.unlimited)
            defer { try? monitor.setBandwidth(bandwidth) }
            let clock = SteadyClock()
            let deadline = clock.now + Self.patience
            while try monitor.isMigrating() {
                guard clock.now < deadline else {
                    throw HypervisorError(
                        "end the capture of \(name)",
                        message: "its QEMU still copies memory, which must not be broken off; run this again",
                        cause: .other)
                }
                usleep(10_000)
            }
        }
        try monitor.setBackgroundSnapshot(false)
        // Not there when the copying had begun.
        _ = try? monitor.call("closefd", #"{"fdname":"\#(Monitor.descriptorName)"}"#)
    }

    /// libvirt goes on with a snapshot whose client has died; it resumes the guest when it is broken off.
    private func endSnapshot(into memory: String) throws(HypervisorError) {
        // With a complete image ours is over: what libvirt may be at is the operator's.
        if unsafe access(memory, F_OK) != 0 || (try? SaveImage(path: memory).header().isComplete) == true { return }
        let clock = SteadyClock()
        let deadline = clock.now + Self.patience
        while try isTakingSnapshot() {
            unsafe virDomainAbortJob(handle)
            guard clock.now < deadline else {
                throw HypervisorError("end the capture of \(name)", longerThan: .nanoseconds(Self.patience))
            }
            usleep(10_000)
        }
    }

    private static var patience: Int64 { 120_000_000_000 }

    private func isTakingSnapshot() throws(HypervisorError) -> Bool {
        var kind: Int32 = 0
        var list: virTypedParameterPtr?
        var count: Int32 = 0
        guard unsafe virDomainGetJobStats(handle, &kind, &list, &count, 0) == 0 else {
            throw HypervisorError("see what libvirt does with \(name)")
        }
        defer { unsafe virTypedParamsFree(list, count) }
        var operation: Int32 = 0
        return unsafe kind != Int32(VIR_DOMAIN_JOB_NONE.rawValue)
            && virTypedParamsGetInt(list, count, VIR_DOMAIN_JOB_OPERATION, &operation) == 1
            && operation == Int32(VIR_DOMAIN_JOB_OPERATION_SNAPSHOT.rawValue)
    }
}
