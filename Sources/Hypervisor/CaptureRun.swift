import CLibvirt
import Glibc
import Model
import OperatingSystem

/// One capture of a machine, with its clocks.
final class CaptureRun {
    private let domain: Domain
    private let plan: MemoryCapturePlan
    private let watch: PauseWatch
    private let clock = SteadyClock()
    private let start: Int64
    private var guardian: ResumeGuard?

    init(_ domain: Domain, _ plan: MemoryCapturePlan) throws(HypervisorError) {
        self.domain = domain
        self.plan = plan
        watch = try PauseWatch(domain)
        start = clock.now
    }

    private var doing: String { "capture \(domain.name)" }
    private var deadline: Int64 { start + plan.timeLimit.nanoseconds }

    var pause: Duration { watch.pause }
    var duration: Duration { .nanoseconds(clock.now - start) }

    /// The guard is needed no longer when the guest runs; else it goes on trying by itself.
    func end() { if (try? domain.state()) == .running { guardian?.end() } }

    func checkPause() throws(HypervisorError) {
        let pause = watch.pause
        if pause > plan.pauseLimit { throw HypervisorError(doing, stoodFor: pause, limit: plan.pauseLimit) }
    }
}

// By libvirt alone.
extension CaptureRun {
    /// libvirt copies the memory while the guest runs until the rest is small, stops it, makes the overlays and resumes it.
    /// If the process ends meanwhile, libvirt goes on with it, and resumes the guest.
    func live() throws(HypervisorError) {
        let snapshot = try domain.prepareSnapshot(plan.overlays, memory: plan.memory)
        FaultPoint.pass()
        let before = try prepareDowntime()
        defer { unsafe virDomainMigrateSetMaxDowntime(domain.handle, before, 0) }
        let warden = try Warden(domain, watch, pauseLimit: plan.pauseLimit, timeLimit: plan.timeLimit)
        defer { warden.end() }
        do throws(HypervisorError) {
            try domain.take(snapshot, doing)
        } catch {
            throw warden.reason ?? error
        }
        guard watch.waitForResumption(until: clock.now + plan.pauseLimit.nanoseconds) else {
            throw HypervisorError(doing, message: "it did not go on", cause: .pauseTooLong)
        }
    }

    /// The rest that QEMU leaves for the pause is what it hopes to write within this time.
    private func prepareDowntime() throws(HypervisorError) -> UInt64 {
        var before: UInt64 = 0
        guard unsafe virDomainMigrateGetMaxDowntime(domain.handle, &before, 0) == 0 else {
            throw HypervisorError(doing)
        }
        let most = UInt64(clamping: plan.pauseLimit.nanoseconds / 2_000_000)
        if most < before, unsafe virDomainMigrateSetMaxDowntime(domain.handle, max(1, most), 0) != 0 {
            throw HypervisorError(doing)
        }
        return before
    }
}

// By QEMU's background snapshot.
extension CaptureRun {
    func background(
        _ together: () throws -> Void, _ meanwhile: () throws -> Void
    ) throws(HypervisorError) {
        let monitor = Monitor(domain)
        let file = try makeImage()
        FaultPoint.pass()
        // All that can be done before the guest stands.
        let snapshot = try domain.prepareSnapshot(plan.overlays)
        FaultPoint.pass()
        let bandwidth = try plan.bandwidth.map { (wanted) throws(HypervisorError) -> Int in
            let before = try monitor.bandwidth()
            try monitor.setBandwidth(wanted)
            return before
        }
        defer { if let bandwidth { try? monitor.setBandwidth(bandwidth) } }
        // From here on this is the mark by which `endCapture` knows that the machine is in our hands.
        try monitor.setBackgroundSnapshot(true)
        FaultPoint.pass()
        try monitor.call("getfd", #"{"fdname":"\#(Monitor.descriptorName)"}"#, descriptors: [file.raw])
        guardian = try ResumeGuard(domain)
        FaultPoint.pass()

        try domain.suspend()
        FaultPoint.pass()
        let limit = clock.now + plan.pauseLimit.nanoseconds
        if !plan.overlays.isEmpty {
            try domain.take(snapshot, doing)
            FaultPoint.pass()
        }
        try HypervisorError.translating(doing, together)
        FaultPoint.pass()
        let tooLong = HypervisorError(doing, stoodFor: plan.pauseLimit, limit: plan.pauseLimit)
        // Behind the limit nothing more is begun: the caller undoes it, and resumes the guest first of all.
        guard clock.now < limit else { throw tooLong }
        try monitor.call("migrate", #"{"uri":"fd:\#(Monitor.descriptorName)"}"#)
        FaultPoint.pass()
        // QEMU saves the devices, protects the memory and lets the guest go on.
        guard watch.waitForResumption(until: limit) else {
            let (status, reason) = try monitor.migration()
            throw reason.map { HypervisorError(doing, message: "\(status): \($0)", cause: .other) } ?? tooLong
        }
        guardian?.end()
        FaultPoint.pass()
        try HypervisorError.translating(doing, meanwhile)
        try waitForMemory(monitor)
        FaultPoint.pass()
        try monitor.setBackgroundSnapshot(false)
        FaultPoint.pass()
        try complete(file)
    }

    /// The image with its description and the mark of one that is not complete. Its stream is to be written where the
    /// descriptor stands.
    ///
    /// Room for all of it is taken before: a QEMU before 8 whose background snapshot cannot be written never lets its guest
    /// go on.
    private func makeImage() throws(HypervisorError) -> Descriptor {
        let xml = try domain.xml()
        let memory = try DomainDescription(xml: xml, name: domain.name).memoryKiB ?? 0
        do {
            let header = try SaveImageHeader(xml: xml, wasRunning: true, isComplete: false)
            let file = try Descriptor.create(plan.memory)
            let size = header.size + SaveImage.room(memoryKiB: memory)
            let code = posix_fallocate(file.raw, 0, off_t(size))
            if code != 0 { throw SystemError("take \(size >> 20) MiB for \(plan.memory)", code: code) }
            try file.writeAll(header.bytes())
            return file
        } catch {
            throw HypervisorError(doing, message: "\(error)", cause: .other)
        }
    }

    private func waitForMemory(_ monitor: Monitor) throws(HypervisorError) {
        while true {
            let (status, reason) = try monitor.migration()
            switch status {
            case "completed": return
            case "failed", "cancelled", "none":
                throw HypervisorError(
                    doing, message: "copying its memory \(status): \(reason ?? "no reason")", cause: .other)
            default: break
            }
            guard clock.now < deadline else {
                throw HypervisorError(doing, longerThan: plan.timeLimit)
            }
            usleep(10_000)
        }
    }

    private func complete(_ file: Descriptor) throws(HypervisorError) {
        do {
            // QEMU has written through the same descriptor: it stands where the stream ends.
            let end = try check("find the end of \(plan.memory)") { lseek(file.raw, 0, SEEK_CUR) }
            var header = try SaveImage(path: plan.memory).header()
            header.isComplete = true
            try file.write(header.bytes(), at: 0)
            try file.truncate(to: Int64(end))
        } catch {
            throw HypervisorError(doing, message: "\(error)", cause: .other)
        }
    }
}
