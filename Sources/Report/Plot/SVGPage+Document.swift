extension SVGPage {
    /// All that was drawn as a document of its own, with so many styles of curves. The prefix stands before its identifiers:
    /// several documents may stand in one page.
    func document(
        _ title: String, _ description: String, width: Double, height: Double, idPrefix: String, curves: Int
    ) -> String {
        let (width, height) = (Self.n(width), Self.n(height))
        return """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" viewBox="0 0 \(width) \(height)" \
            font-family="Helvetica, Arial, sans-serif" role="img" aria-labelledby="\(idPrefix)title \(idPrefix)desc">
            <title id="\(idPrefix)title">\(Self.escape(title))</title>
            <desc id="\(idPrefix)desc">\(Self.escape(description))</desc>
            <style>\(Self.style(curves))</style>
            <rect width="\(width)" height="\(height)" \(Ink.paper.fill)/>
            \(body)</svg>

            """
    }

    private static func style(_ curves: Int) -> String {
        let inks = Ink.allCases.map {
            ".\($0.rawValue){fill:\($0.dark)}.\($0.rawValue)-line{stroke:\($0.dark)}"
        }
        let colours = (0..<curves).map { number in
            let colour = CurveStyle(number, of: curves).dark
            return ".c\(number){fill:\(colour)}.c\(number)-line{stroke:\(colour)}"
        }
        return "@media (prefers-color-scheme:dark){\((inks + colours).joined())}"
    }

    /// Title and subtitle; returns where what is left begins.
    mutating func head(_ title: String, _ subtitle: String, width: Double) -> Double {
        var y = 24.0
        for line in SVGFont.wrapped(title, 14 * 1.06, within: width - 32) {
            text(line, 16, y, size: 14, bold: true)
            y += 18
        }
        for line in SVGFont.wrapped(subtitle, 11, within: width - 32) {
            text(line, 16, y, size: 11, .start, .mute)
            y += 15
        }
        return y
    }
}
