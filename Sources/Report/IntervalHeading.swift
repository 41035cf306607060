import Model

/// What the column of intervals is called: measured figures have intervals of 95 %, interpolated ones of 90 %.
enum IntervalHeading {
    static func of(_ cells: some Sequence<Cell>) -> String {
        var (isMeasured, isInterpolated) = (false, false)
        for cell in cells {
            switch cell.content {
            case .measured: isMeasured = true
            case .interpolated: isInterpolated = true
            case .blank, .invalid: break
            }
        }
        return !isInterpolated ? "95 % interval" : !isMeasured ? "90 % interval" : "95 % (interpolated 90 %)"
    }
}
