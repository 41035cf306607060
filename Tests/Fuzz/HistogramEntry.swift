import Model
import Report

/// Histograms of other programs: what is read is written and read again without a change.
enum HistogramEntry {
    static func payload(_ bytes: [UInt8]) throws(BrokenInvariant) {
        guard let histogram = try? LatencyHistogram(encoded: bytes) else { return }
        let again = try? LatencyHistogram(encoded: histogram.encoded)
        try BrokenInvariant.unless(again?.encoded == histogram.encoded, "written and read, it is another")
        let quantiles = [0.5, 0.95, 0.99, 1].map { histogram.percentile($0) ?? 0 }
        try BrokenInvariant.unless(quantiles == quantiles.sorted(), "percentiles fall")
    }

    static func log(_ bytes: [UInt8]) throws(BrokenInvariant) {
        let text = String(decoding: bytes, as: UTF8.self)
        do throws(HistogramLogError) {
            _ = try HistogramLog(text)
        } catch {
            try BrokenInvariant.unless(error.line > 0 && !error.reason.isEmpty, "an error is nowhere")
        }
    }
}
