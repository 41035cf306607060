import CLibvirt
import Foundation
import Glibc
import Model
import OperatingSystem

/// Overlays over the disks of a running machine. Their files are named `whatif-…`, which tells them from anything else in a
/// disk's chain.
extension Domain {
    /// Whether a file of that path is one of ours.
    static func isOurs(_ path: String) -> Bool {
        path.split(separator: "/").last?.hasPrefix("whatif-") == true
    }

    /// The overlays of ours that the machine writes to now, by target, and the file of each. After a crash this finds what
    /// `commitOverlay` has to bring back.
    package func overlays() throws(HypervisorError) -> [String: String] {
        var found: [String: String] = [:]
        for disk in try description().disks {
            if case .file(let path) = disk.image?.source, Self.isOurs(path) { found[disk.target] = path }
        }
        return found
    }

    /// From one moment on the machine writes to these files, by target, and what its disks held then stays as it is.
    ///
    /// The guest stands for some milliseconds if it runs. All disks or none. The files are made, and must not be there;
    /// what fails is undone.
    /// After a crash behind it: the files exist, and `overlays` finds them.
    ///
    /// What `together` does, such as snapshots of disks that are no files, belongs to the same moment: the guest stands for
    /// it, at most for `limit`. Returns how long it stood, which without `together` is not measured.
    @discardableResult
    package func overlayDisks(
        _ files: [String: String], atMost limit: Duration = .seconds(2), together: (() throws -> Void)? = nil
    ) throws(HypervisorError) -> Duration? {
        let doing = "snapshot the disks of \(name)"
        try checkFiles(overlays: files, doing)
        // Its end would write one overlay into another's base.
        if let (target, file) = try overlays().first {
            throw HypervisorError(
                doing, message: "its \(target) is still on \(file) of an earlier capture: end that first", cause: .other
            )
        }
        do throws(HypervisorError) {
            let snapshot = try prepareSnapshot(files)
            FaultPoint.pass()
            guard let together else {
                try take(snapshot, doing)
                return nil
            }
            return try whileStanding(atMost: limit) {
                if !files.isEmpty { try take(snapshot, doing) }
                FaultPoint.pass()
                try together()
            }
        } catch {
            try endCapture(memory: nil, overlays: files)
            throw error
        }
    }
}

extension Domain {
    /// Writes what stands in our overlay of a disk back to the image below it, turns the machine over to that, and removes
    /// the file. The machine's description is then what it was before. Other overlays on that image are worth nothing from
    /// now on: their clones have to be gone.
    ///
    /// Can be called again after a crash at any point, with the overlay's file if the caller knows it: goes on with a
    /// commit that runs, and removes the file if the machine has turned away from it. Without it all of ours are brought
    /// back. The guest goes on all the while. A file that the machine needs is never removed.
    package func commitOverlay(
        of target: String, file: String? = nil, within limit: Duration = .seconds(600)
    ) throws(HypervisorError) {
        let doing = "bring back \(target) of \(name)"
        let clock = SteadyClock()
        let deadline = clock.now + limit.nanoseconds
        while let current = try chain(of: target).first, Self.isOurs(current) {
            // Of another capture, which is not over.
            if let file, try !chain(of: target).contains(file) { break }
            if !(try commitIsUnderWay(target, doing)) {
                guard
                    unsafe virDomainBlockCommit(
                        handle, target, nil, nil, 0,
                        VIR_DOMAIN_BLOCK_COMMIT_ACTIVE.rawValue | VIR_DOMAIN_BLOCK_COMMIT_SHALLOW.rawValue) == 0
                else { throw HypervisorError(doing) }
            }
            FaultPoint.pass()
            try pivot(target, until: deadline, clock, doing) { () throws(HypervisorError) in
                try noteMerged(current, doing)
            }
            FaultPoint.pass()
            try removeOverlay(current, of: target, doing)
            FaultPoint.pass()
        }
        if let file, Self.isOurs(file) { try removeOverlay(file, of: target, doing) }
    }

    /// The files of a running machine's disk, the one it writes to first.
    private func chain(of target: String) throws(HypervisorError) -> [String] {
        guard let disk = try description().disks.first(where: { $0.target == target }) else { return [] }
        return ((disk.image.map { [$0.source] } ?? []) + disk.backing).compactMap {
            if case .file(let path) = $0 { path } else { nil }
        }
    }

    private func removeOverlay(_ file: String, of target: String, _ doing: String) throws(HypervisorError) {
        let chain = try chain(of: target)
        guard !chain.contains(file) else {
            throw HypervisorError(
                doing, message: "\(chain.first ?? "another image") was put over \(file) meanwhile: commit that first",
                cause: .unsupported)
        }
        try removeSpent(file, doing)
    }

    /// Beside an overlay whose contents stand in the image below it as well: from then on it is worth nothing, once the
    /// machine has turned away from it.
    private func mergedMark(_ overlay: String) -> String { overlay + ".merged" }

    private func noteMerged(_ overlay: String, _ doing: String) throws(HypervisorError) {
        do throws(SystemError) {
            _ = try Descriptor.open(mergedMark(overlay), O_WRONLY | O_CREAT | O_NOFOLLOW)
        } catch {
            throw HypervisorError(doing, error)
        }
    }

    /// Removes an overlay that was merged, or never written to. Of another the machine may have turned away without us, as
    /// when it was defined anew: then that file alone holds what the guest wrote last.
    func removeSpent(_ file: String, _ doing: String) throws(HypervisorError) {
        guard unsafe access(file, F_OK) == 0 else { return try remove(mergedMark(file), doing) }
        if unsafe access(mergedMark(file), F_OK) != 0, try hasData(file, doing) {
            throw HypervisorError(
                doing,
                message:
                    "\(name) does not use \(file) any more, which was not merged and holds what the guest wrote to it; "
                    + "merge it (qemu-img commit) or move it away, and run this again",
                cause: .unsupported)
        }
        try remove(file, doing)
        try remove(mergedMark(file), doing)
    }

    private func hasData(_ overlay: String, _ doing: String) throws(HypervisorError) -> Bool {
        struct Extent: Decodable {
            let depth: Int
            let data: Bool
        }
        do {
            let text = try ChildProcess.succeed(["qemu-img", "map", "-U", "--output=json", overlay])
            return try JSONDecoder().decode([Extent].self, from: Data(text.utf8)).contains { $0.depth == 0 && $0.data }
        } catch {
            throw HypervisorError(doing, message: "\(error)", cause: .other)
        }
    }

    private func commitIsUnderWay(_ target: String, _ doing: String) throws(HypervisorError) -> Bool {
        var info = virDomainBlockJobInfo()
        let status = unsafe virDomainGetBlockJobInfo(handle, target, &info, 0)
        guard status >= 0 else { throw HypervisorError(doing) }
        if status == 0 { return false }
        guard info.type == Int32(VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT.rawValue) else {
            throw HypervisorError(doing, message: "libvirt is at another work on it; wait for its end", cause: .other)
        }
        return true
    }

    /// Asks until the commit has come near enough to the guest's writes.
    private func pivot(
        _ target: String, until deadline: Int64, _ clock: SteadyClock, _ doing: String,
        before: () throws(HypervisorError) -> Void
    ) throws(HypervisorError) {
        while true {
            var info = virDomainBlockJobInfo()
            let status = unsafe virDomainGetBlockJobInfo(handle, target, &info, 0)
            guard status >= 0 else { throw HypervisorError(doing) }
            guard status > 0 else {
                throw HypervisorError(doing, message: "the commit ended early, as on a full disk", cause: .other)
            }
            if info.end > 0, info.cur == info.end {
                try before()
                if unsafe virDomainBlockJobAbort(handle, target, VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT.rawValue) == 0 {
                    return
                }
                let error = HypervisorError(doing)
                // Not yet as near as it looks.
                guard error.code == Int32(VIR_ERR_BLOCK_COPY_ACTIVE.rawValue) else { throw error }
            }
            guard clock.now < deadline else {
                throw HypervisorError(
                    doing, message: "it takes too long: \(info.cur) of \(info.end) bytes are written back",
                    cause: .other)
            }
            usleep(5_000)
        }
    }

    func remove(_ file: String, _ doing: String) throws(HypervisorError) {
        if unsafe unlink(file) != 0, errno != ENOENT { throw HypervisorError(doing, SystemError("remove \(file)")) }
    }
}
