import Model
import OperatingSystem

/// How a running machine's memory and disks are taken at one moment.
package enum CaptureWay: String, Sendable, Hashable, Codable {
    /// QEMU copies the memory of a moment while the guest runs on, and asks for a page before the guest writes to it. The
    /// guest stands for as long as it takes to save the state of its devices. Needs a QEMU that may use userfaultfd(2), and
    /// a libvirt on this machine, whose monitor commands are used.
    case background
    /// By libvirt's own call for external snapshots: the memory is copied as in a live migration, and the guest stands for
    /// the last round.
    case live
}

/// Which way a machine can be captured.
package struct CaptureAbility: Sendable, Hashable, CustomStringConvertible {
    package let way: CaptureWay
    /// Why it is not the way with the least pause.
    package let reason: String?

    package init(way: CaptureWay, reason: String?) { (self.way, self.reason) = (way, reason) }

    package var description: String {
        switch way {
        case .background: "background snapshot"
        case .live: "live snapshot of libvirt" + (reason.map { ", as \($0)" } ?? "")
        }
    }
}

/// What is to be captured, and within which bounds.
package struct MemoryCapturePlan: Sendable {
    /// The file for the memory. It must not be there; its name begins with `whatif-`.
    package var memory: String
    /// The files that the machine writes to from then on, by target; named `whatif-…` and not there. What its disks hold
    /// stays as it is at the moment of the memory until `Domain.commitOverlay`.
    package var overlays: [String: String]
    /// How long the guest may stand; a capture that takes longer is given up.
    package var pauseLimit: Duration
    /// How long all may take.
    package var timeLimit: Duration
    /// Bytes a second that are copied; nil leaves it to libvirt and QEMU. The guest's work suffers less when it is low.
    package var bandwidth: Int?

    package init(
        memory: String, overlays: [String: String], pauseLimit: Duration = .seconds(2),
        timeLimit: Duration = .seconds(300), bandwidth: Int? = nil
    ) {
        self.memory = memory
        self.overlays = overlays
        self.pauseLimit = pauseLimit
        self.timeLimit = timeLimit
        self.bandwidth = bandwidth
    }
}

/// The memory of a machine at a moment, and what its disks were then.
package struct MemoryCapture: Sendable {
    package let way: CaptureWay
    package let image: SaveImage
    /// The machine with its disks before: what clones are described from, on copies of those images.
    package let original: DomainDescription
    /// For how long the guest stood, by libvirt's events.
    package let pause: Duration
    package let duration: Duration
}

extension Domain {
    /// Asks the machine's QEMU, and changes nothing.
    package func captureAbility() throws(HypervisorError) -> CaptureAbility {
        guard try description().isMachine else {
            throw HypervisorError(
                "capture the memory of \(name)", message: "a domain of its type is no QEMU machine", cause: .unsupported
            )
        }
        guard node.isLocal else {
            return CaptureAbility(way: .live, reason: "\(node.uri) is not on this machine")
        }
        let monitor = Monitor(self)
        if try monitor.hasBackgroundSnapshot() {
            throw HypervisorError(
                "capture the memory of \(name)",
                message: "another capture of it is under way, or was cut off: end that first",
                cause: .other)
        }
        do throws(HypervisorError) {
            try monitor.setBackgroundSnapshot(true)
            try monitor.setBackgroundSnapshot(false)
        } catch {
            return CaptureAbility(way: .live, reason: "QEMU says: \(error.message)")
        }
        return CaptureAbility(way: .background, reason: nil)
    }

    /// Takes memory and disks at one moment; the machine goes on. What fails, or takes longer than it may, is undone: the
    /// machine runs on its own disks, and the files are gone.
    ///
    /// After a crash in between: the file `memory` may be there, in part or whole; `overlays` tells on which of our files
    /// the machine writes; it may be copying memory still. `endCapture` undoes all of it, for a caller who knows the plan
    /// or only the name of the domain. A machine that stands because of us goes on by itself (`ResumeGuard`).
    ///
    /// What `together` does, such as snapshots of disks that are no files, belongs to the same moment: the guest stands for
    /// it. Only `background` can wait for it. What `meanwhile` does is done beside the copying, or behind it.
    package func capture(
        _ plan: MemoryCapturePlan, _ way: CaptureWay, together: () throws -> Void = {},
        meanwhile: () throws -> Void = {}
    ) throws(HypervisorError) -> MemoryCapture {
        let doing = "capture \(name)"
        try checkFiles(memory: plan.memory, overlays: plan.overlays, doing)
        guard try state() == .running else {
            throw HypervisorError(doing, message: "it does not run", cause: .unsupported)
        }
        // Its end would write one overlay into another's base.
        if let (target, file) = try overlays().first {
            throw HypervisorError(
                doing, message: "its \(target) is still on \(file) of an earlier capture: end that first",
                cause: .other)
        }
        let original = try description()
        let run = try CaptureRun(self, plan)
        do throws(HypervisorError) {
            switch way {
            case .live:
                try run.live()
                try run.checkPause()
                try HypervisorError.translating(doing, meanwhile)
            case .background:
                try run.background(together, meanwhile)
                try run.checkPause()
            }
        } catch {
            // First of all.
            letGo()
            defer { run.end() }
            do throws(HypervisorError) {
                try endCapture(memory: plan.memory, overlays: plan.overlays)
            } catch let further {
                throw HypervisorError(
                    error.doing, message: "\(error.message); moreover \(further)", cause: error.cause)
            }
            throw error
        }
        run.end()
        return MemoryCapture(
            way: way, image: SaveImage(path: plan.memory), original: original, pause: run.pause, duration: run.duration)
    }
}
