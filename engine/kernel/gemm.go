package kernel

import (
	"fmt"

	"github.com/alike-ml/alike/engine/parallel"
)

// Gemm describes C = Alpha * op(A) * op(B) + Beta * C for row-major matrices, Batch times over.
//
// op(A) is [M, K] and op(B) is [K, N]. With TransA, A is stored as [K, M]; with TransB, B is stored as [N, K]. LDA, LDB
// and LDC are the distances between stored rows, in elements. StrideA, StrideB and StrideC are the distances between one
// batch element's matrix and the next; a stride of zero uses the same matrix throughout (not allowed for C when Batch > 1).
// C must not overlap A or B. When Beta is zero, C is written without being read.
//
// K may be zero; then C = Beta * C.
type Gemm struct {
	M, N, K                   int
	A, B, C                   []float32
	LDA, LDB, LDC             int
	TransA, TransB            bool
	Alpha, Beta               float32
	Batch                     int // 0 counts as 1
	StrideA, StrideB, StrideC int

	// Bias, if not nil, has N elements and is added to every row of the result.
	Bias []float32
	// ReLU replaces negative results by zero, after Bias. NaN stays NaN.
	ReLU bool
}

// GemmDouble is [Gemm] for float64, without the epilogue.
type GemmDouble struct {
	M, N, K                   int
	A, B, C                   []float64
	LDA, LDB, LDC             int
	TransA, TransB            bool
	Alpha, Beta               float64
	Batch                     int // 0 counts as 1
	StrideA, StrideB, StrideC int
}

// GemmHalf is [Gemm] for bfloat16 inputs, given as their bits. Products are summed in float32. The result goes to C, or,
// where C is nil, to CHalf rounded to nearest even (Beta must then be zero).
type GemmHalf struct {
	M, N, K                   int
	A, B                      []uint16
	C                         []float32
	CHalf                     []uint16
	LDA, LDB, LDC             int
	TransA, TransB            bool
	Alpha, Beta               float32
	Batch                     int // 0 counts as 1
	StrideA, StrideB, StrideC int
}

func span(rows, cols, ld int) int {
	if rows == 0 || cols == 0 {
		return 0
	}
	return (rows-1)*ld + cols
}

// checkMatrix panics unless a slice of n elements holds batch matrices of rows x cols.
func checkMatrix(name string, n, rows, cols, ld, batch, stride int) {
	if ld < cols || stride < 0 || n < (batch-1)*stride+span(rows, cols, ld) {
		panic(fmt.Sprintf("kernel: %s has %d elements, too few for %d x [%d, %d] with row stride %d, batch stride %d",
			name, n, batch, rows, cols, ld, stride))
	}
}

// Gemm32 computes g over the workers of p.
func Gemm32(p *parallel.Pool, g Gemm) {
	g.Batch = max(g.Batch, 1)
	p.For(g.Batch*g.M, func(i int) {
		b, r := i/g.M, i%g.M
		gemmRow(g.C[b*g.StrideC+r*g.LDC:][:g.N], r, g.N, g.K, g.A[b*g.StrideA:], g.B[b*g.StrideB:], g.LDA, g.LDB,
			g.TransA, g.TransB, g.Alpha, g.Beta)
		c := g.C[b*g.StrideC+r*g.LDC:][:g.N]
		for j := range c {
			if g.Bias != nil {
				c[j] += g.Bias[j]
			}
			if g.ReLU && c[j] < 0 {
				c[j] = 0
			}
		}
	})
}

// Gemm64 computes g over the workers of p.
func Gemm64(p *parallel.Pool, g GemmDouble) {
	g.Batch = max(g.Batch, 1)
	p.For(g.Batch*g.M, func(i int) {
		b, r := i/g.M, i%g.M
		gemmRow(g.C[b*g.StrideC+r*g.LDC:][:g.N], r, g.N, g.K, g.A[b*g.StrideA:], g.B[b*g.StrideB:], g.LDA, g.LDB,
			g.TransA, g.TransB, g.Alpha, g.Beta)
	})
}

// GemmBF16 computes g over the workers of p.
func GemmBF16(p *parallel.Pool, g GemmHalf) {
	a, b := make([]float32, len(g.A)), make([]float32, len(g.B))
	BF16ToF32(a, g.A)
	BF16ToF32(b, g.B)
	c := g.C
	if c == nil {
		c = make([]float32, len(g.CHalf))
	}
	Gemm32(p, Gemm{M: g.M, N: g.N, K: g.K, A: a, B: b, C: c, LDA: g.LDA, LDB: g.LDB, LDC: g.LDC,
		TransA: g.TransA, TransB: g.TransB, Alpha: g.Alpha, Beta: g.Beta,
		Batch: g.Batch, StrideA: g.StrideA, StrideB: g.StrideB, StrideC: g.StrideC})
	if g.C == nil {
		for i := range max(g.Batch, 1) {
			for r := range g.M {
				at := i*g.StrideC + r*g.LDC
				F32ToBF16(g.CHalf[at:at+g.N], c[at:at+g.N])
			}
		}
	}
}

func gemmRow[T float32 | float64](c []T, row, n, k int, a, b []T, lda, ldb int, transA, transB bool, alpha, beta T) {
	sum := make([]T, n)
	for kk := range k {
		av := T(0)
		if transA {
			av = a[kk*lda+row]
		} else {
			av = a[row*lda+kk]
		}
		for j := range n {
			if transB {
				sum[j] += av * b[j*ldb+kk]
			} else {
				sum[j] += av * b[kk*ldb+j]
			}
		}
	}
	for j := range c {
		if beta == 0 {
			c[j] = alpha * sum[j]
		} else {
			c[j] = alpha*sum[j] + beta*c[j]
		}
	}
}
