import CLAPACK
import Glibc
import Synchronization

/// Debian builds the serial OpenBLAS without locks (`USE_LOCKING`): two threads inside it get each other's buffers, and wrong
/// results now and then (OpenBLAS's issues 2126 and 2711).
private let library = Mutex(())

/// The lower triangle L of K = L·Lᵀ, by LAPACK. The one place where its memory is handed out.
///
/// Matrices are row-major. LAPACK sees their transposes, so that our lower triangle is its upper one.
struct CholeskyFactor: Sendable {
    let order: Int
    /// L, row-major; above the diagonal stands what stood there before.
    private var lower: [Double]

    /// `matrix`, symmetric, of which the lower triangle is read. Nil unless it is positive definite.
    init?(_ matrix: consuming [Double], order: Int) {
        precondition(matrix.count == order * order)
        let n = Int32(order)
        let status = unsafe matrix.withUnsafeMutableBufferPointer { matrix in
            library.withLock { _ in
                unsafe LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 0x55 /* U */, n, matrix.baseAddress, n)
            }
        }
        // What is no number passes LAPACK by.
        guard status == 0, (0..<order).allSatisfy({ matrix[$0 * order + $0].isFinite }) else { return nil }
        self.order = order
        lower = matrix
    }

    /// Half the logarithm of K's determinant.
    var halfLogDeterminant: Double {
        var sum = 0.0
        for i in 0..<order { sum += log(lower[i * order + i]) }
        return sum
    }

    subscript(row: Int, column: Int) -> Double { column > row ? 0 : lower[row * order + column] }

    /// L⁻¹·b.
    func whitened(_ b: consuming [Double]) -> [Double] {
        solve(&b, transposed: false)
        return b
    }

    /// K⁻¹·b.
    func solved(_ b: consuming [Double]) -> [Double] {
        solve(&b, transposed: false)
        solve(&b, transposed: true)
        return b
    }

    private func solve(_ b: inout [Double], transposed: Bool) {
        precondition(b.count == order)
        let n = Int32(order)
        unsafe lower.withUnsafeBufferPointer { lower in
            unsafe b.withUnsafeMutableBufferPointer { b in
                library.withLock { _ in
                    unsafe cblas_dtrsv(
                        CblasRowMajor, CblasLower, transposed ? CblasTrans : CblasNoTrans, CblasNonUnit, n,
                        lower.baseAddress, n, b.baseAddress, 1)
                }
            }
        }
    }

    /// Each row r of `rows` (a matrix of `order` columns) becomes L⁻¹·r.
    func whiten(rows: inout [Double]) {
        let count = rows.count / max(order, 1)
        precondition(rows.count == count * order)
        let n = Int32(order)
        unsafe lower.withUnsafeBufferPointer { lower in
            unsafe rows.withUnsafeMutableBufferPointer { rows in
                library.withLock { _ in
                    unsafe cblas_dtrsm(
                        CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, Int32(count), n, 1,
                        lower.baseAddress, n, rows.baseAddress, n)
                }
            }
        }
    }

    /// The diagonal of K⁻¹.
    func inverseDiagonal() -> [Double] {
        var inverse = lower
        let n = Int32(order)
        let status = unsafe inverse.withUnsafeMutableBufferPointer { inverse in
            library.withLock { _ in
                unsafe LAPACKE_dpotri_work(LAPACK_COL_MAJOR, 0x55 /* U */, n, inverse.baseAddress, n)
            }
        }
        precondition(status == 0, "a Cholesky factor has no zero on its diagonal")
        return (0..<order).map { inverse[$0 * order + $0] }
    }

    /// Each of the rows v becomes L·v.
    func apply(toRows rows: inout [Double]) {
        precondition(rows.count % max(order, 1) == 0)
        let n = Int32(order)
        let count = Int32(rows.count / max(order, 1))
        unsafe lower.withUnsafeBufferPointer { lower in
            unsafe rows.withUnsafeMutableBufferPointer { rows in
                library.withLock { _ in
                    unsafe cblas_dtrmm(
                        CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, count, n, 1,
                        lower.baseAddress, n, rows.baseAddress, n)
                }
            }
        }
    }

    /// L·v.
    func applied(to v: [Double]) -> [Double] {
        (0..<order).map { row in
            var sum = 0.0
            for column in 0...row { sum += lower[row * order + column] * v[column] }
            return sum
        }
    }
}

/// Products of matrices, by BLAS.
enum LinearAlgebra {
    /// matrix −= A·Aᵀ in the lower triangle; A has `rows` rows, row-major.
    static func subtractOuterProduct(of a: [Double], rows: Int, from matrix: inout [Double]) {
        precondition(matrix.count == rows * rows)
        let inner = Int32(a.count / max(rows, 1))
        unsafe a.withUnsafeBufferPointer { a in
            unsafe matrix.withUnsafeMutableBufferPointer { matrix in
                library.withLock { _ in
                    unsafe cblas_dsyrk(
                        CblasRowMajor, CblasLower, CblasNoTrans, Int32(rows), inner, -1, a.baseAddress, inner, 1,
                        matrix.baseAddress, Int32(rows))
                }
            }
        }
    }
}
