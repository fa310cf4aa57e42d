package kernel

import (
	"fmt"
	"unsafe"

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
	// Plus, if not nil, is laid out as C and added to the result before Bias. It may be C's memory. Beta must be zero then.
	Plus []float32
	// ReLU replaces negative results by zero, after Bias and Plus. NaN stays NaN.
	ReLU bool
	// Direct keeps to the sums of the definition. Without it, large products are computed by Strassen's algorithm: see docs/engine-kernels.md.
	Direct bool
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
	if g.Bias != nil && len(g.Bias) < g.N {
		panic(fmt.Sprintf("kernel: bias has %d elements for %d columns", len(g.Bias), g.N))
	}
	if g.Plus != nil && g.Beta != 0 {
		panic("kernel: a product cannot add to C and to another matrix")
	}
	if strassenFor(g) {
		strassenGemm(p, g)
		return
	}
	runGemm(p, &arenaF32, microF32(g.N), gemm[float32](g))
}

// Gemm64 computes g over the workers of p.
func Gemm64(p *parallel.Pool, g GemmDouble) {
	runGemm(p, &arenaF64, microF64(), gemm[float64]{
		M: g.M, N: g.N, K: g.K, A: g.A, B: g.B, C: g.C, LDA: g.LDA, LDB: g.LDB, LDC: g.LDC,
		TransA: g.TransA, TransB: g.TransB, Alpha: g.Alpha, Beta: g.Beta,
		Batch: g.Batch, StrideA: g.StrideA, StrideB: g.StrideB, StrideC: g.StrideC,
	})
}

// gemm is Gemm or GemmDouble.
type gemm[T float32 | float64] struct {
	M, N, K                   int
	A, B, C                   []T
	LDA, LDB, LDC             int
	TransA, TransB            bool
	Alpha, Beta               T
	Batch                     int
	StrideA, StrideB, StrideC int
	Bias, Plus                []T
	ReLU, Direct              bool
}

func (g *gemm[T]) check() {
	aRows, aCols, bRows, bCols := g.M, g.K, g.K, g.N
	if g.TransA {
		aRows, aCols = aCols, aRows
	}
	if g.TransB {
		bRows, bCols = bCols, bRows
	}
	checkMatrix("A", len(g.A), aRows, aCols, g.LDA, g.Batch, g.StrideA)
	checkMatrix("B", len(g.B), bRows, bCols, g.LDB, g.Batch, g.StrideB)
	checkMatrix("C", len(g.C), g.M, g.N, g.LDC, g.Batch, g.StrideC)
	if g.Plus != nil {
		checkMatrix("Plus", len(g.Plus), g.M, g.N, g.LDC, g.Batch, g.StrideC)
	}
}

// Conflicts reports whether the rows of a panel of A that lies in place, step bytes apart, or its columns if A is transposed, would
// meet in fewer sets of the first-level cache than hold them. Such panels are copied, which takes a few percent of a product's time.
func Conflicts(step int, transposed bool) bool {
	if transposed {
		return step%1024 == 0 // There are more columns than rows.
	}
	return step%4096 == 0
}

func runGemm[T float32 | float64](p *parallel.Pool, spaces *arena[T], mic micro, g gemm[T]) {
	g.Batch = max(g.Batch, 1)
	g.check()
	if g.M == 0 || g.N == 0 {
		return
	}
	size := sizeOf[T]()
	inPlace := readsInPlace[T](mic, g.M, g.N, g.K)
	forBatch(p, g.Batch, 2*g.M*g.N*g.K, func(p *parallel.Pool, i int) {
		pr := product[T]{
			micro: mic, m: g.M, n: g.N, k: g.K,
			a: &matrixLeft[T]{a: g.A[i*g.StrideA:], ld: g.LDA, trans: g.TransA, pack: Conflicts(g.LDA*size, g.TransA)},
			b: &matrixRight[T]{b: g.B[i*g.StrideB:], ld: g.LDB, trans: g.TransB, nr: mic.nr, inPlace: inPlace},
			c: unsafe.Pointer(&g.C[i*g.StrideC]), cSize: size, ldc: g.LDC,
			alpha: bitsOf(g.Alpha), beta: bitsOf(g.Beta), noBeta: g.Beta == 0, relu: g.ReLU,
		}
		if g.Bias != nil {
			pr.bias = unsafe.Pointer(&g.Bias[0])
		}
		if g.Plus != nil {
			pr.plus, pr.beta, pr.noBeta = unsafe.Pointer(&g.Plus[i*g.StrideC]), bitsOf(T(1)), false
		}
		pr.run(p, spaces)
	})
}

// forBatch calls body for every product of a batch: one after the other, each spread over p, if they are large, and else
// spread over p, several to a task if they are small.
func forBatch(p *parallel.Pool, batch, ops int, body func(p *parallel.Pool, i int)) {
	if batch == 1 || ops > 64<<20 {
		for i := range batch {
			body(p, i)
		}
		return
	}
	group := max(1, min((1<<20)/max(ops, 1), batch/4))
	p.For((batch+group-1)/group, func(task int) {
		for i := task * group; i < min((task+1)*group, batch); i++ {
			body(nil, i)
		}
	})
}

// GemmBF16 computes g over the workers of p. Where the processor multiplies bfloat16 itself (AVX512_BF16), it adds each pair of
// products in one step, without denormal numbers; elsewhere the inputs are widened to float32 first.
func GemmBF16(p *parallel.Pool, g GemmHalf) {
	g.Batch = max(g.Batch, 1)
	g.check()
	if g.M == 0 || g.N == 0 {
		return
	}
	if !activeBF16.Load() {
		g.widened(p)
		return
	}
	mic := microBF16(g.N)
	forBatch(p, g.Batch, 2*g.M*g.N*g.K, func(p *parallel.Pool, i int) {
		pr := product[uint16]{
			micro: mic, m: g.M, n: g.N, k: g.K,
			a:     &halfLeft{a: g.A[i*g.StrideA:], ld: g.LDA, trans: g.TransA, pack: Conflicts(2*g.LDA, g.TransA)},
			b:     &halfRight{b: g.B[i*g.StrideB:], ld: g.LDB, trans: g.TransB, nr: mic.nr},
			cSize: 4, ldc: g.LDC,
			alpha: bitsOf(g.Alpha), beta: bitsOf(g.Beta), noBeta: g.Beta == 0,
		}
		if g.C == nil {
			runHalf(p, &pr, g.CHalf[i*g.StrideC:])
			return
		}
		pr.c = unsafe.Pointer(&g.C[i*g.StrideC])
		pr.run(p, &arenaBF16)
	})
}

func (g *GemmHalf) check() {
	aRows, aCols, bRows, bCols := g.M, g.K, g.K, g.N
	if g.TransA {
		aRows, aCols = aCols, aRows
	}
	if g.TransB {
		bRows, bCols = bCols, bRows
	}
	checkMatrix("A", len(g.A), aRows, aCols, g.LDA, g.Batch, g.StrideA)
	checkMatrix("B", len(g.B), bRows, bCols, g.LDB, g.Batch, g.StrideB)
	checkMatrix("C", max(len(g.C), len(g.CHalf)), g.M, g.N, g.LDC, g.Batch, g.StrideC)
	if g.C == nil && g.Beta != 0 {
		panic("kernel: a bfloat16 product cannot add to a bfloat16 C")
	}
}

// widened computes g in float32.
func (g *GemmHalf) widened(p *parallel.Pool) {
	c := g.C
	if c == nil {
		c = make([]float32, len(g.CHalf))
	}
	Gemm32(p, Gemm{M: g.M, N: g.N, K: g.K, A: widen(p, g.A), B: widen(p, g.B), C: c, LDA: g.LDA, LDB: g.LDB, LDC: g.LDC,
		TransA: g.TransA, TransB: g.TransB, Alpha: g.Alpha, Beta: g.Beta, Direct: true,
		Batch: g.Batch, StrideA: g.StrideA, StrideB: g.StrideB, StrideC: g.StrideC})
	if g.C == nil {
		for i := range g.Batch * g.M {
			at := i/g.M*g.StrideC + i%g.M*g.LDC
			F32ToBF16(g.CHalf[at:at+g.N], c[at:at+g.N])
		}
	}
}

// widen returns x in float32.
func widen(p *parallel.Pool, x []uint16) []float32 {
	y := make([]float32, len(x))
	const chunk = 1 << 16
	p.For((len(x)+chunk-1)/chunk, func(i int) {
		from, to := i*chunk, min((i+1)*chunk, len(x))
		BF16ToF32(y[from:to], x[from:to])
	})
	return y
}
