/// The known word that was probably meant.
package enum Nearest {
    package static func of(_ word: String, in known: [String]) -> String? {
        let most = max(1, word.count / 3)
        // What is that much longer or shorter is no nearer, and takes long to compare.
        let near = known.filter { abs($0.count - word.count) <= most }
        let best = near.map { ($0, distance(Array(word), Array($0))) }.min { $0.1 < $1.1 }
        guard let best, best.1 <= most else { return nil }
        return best.0
    }

    /// For the end of a message: empty where nothing is near.
    package static func hint(_ word: String, in known: [String]) -> String {
        of(word, in: known).map { "; did you mean '\($0)'?" } ?? ""
    }

    /// Damerau and Levenshtein's distance: two neighbouring letters exchanged are one mistake.
    static func distance(_ a: [Character], _ b: [Character]) -> Int {
        var rows = [Array(0...b.count)]
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var best = min(rows[i][j] + (a[i] == b[j] ? 0 : 1), rows[i][j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, rows[i - 1][j - 1] + 1) }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
