package kernel

import (
	"sync"
	"unsafe"
)

// Products computes matrix products one after the other on the calling goroutine. What a product needs beside its operands it keeps from
// one to the next, so that small ones take less time than by [Gemm32].
type Products struct {
	scratch *scratch[float32]
	product product[float32]
	left    matrixLeft[float32]
	right   matrixRight[float32]
}

var idleProducts = struct {
	sync.Mutex
	list []*Products
}{}

// GetProducts returns one that nobody else uses. It is given back by [Products.Put].
func GetProducts() *Products {
	idleProducts.Lock()
	defer idleProducts.Unlock()
	if n := len(idleProducts.list); n > 0 {
		p := idleProducts.list[n-1]
		idleProducts.list = idleProducts.list[:n-1]
		return p
	}
	return &Products{scratch: arenaF32.get()}
}

// Put gives back what [GetProducts] returned.
func (p *Products) Put() {
	p.scratch.t, p.product, p.left, p.right = tile{}, product[float32]{}, matrixLeft[float32]{}, matrixRight[float32]{} // Hold on to no one's matrices.
	idleProducts.Lock()
	defer idleProducts.Unlock()
	idleProducts.list = append(idleProducts.list, p)
}

// Gemm32 computes g, of a batch of one, without bias, and without a matrix to add.
func (p *Products) Gemm32(g Gemm) {
	if g.Batch > 1 || g.Bias != nil || g.Plus != nil {
		panic("kernel: Products has plain products alone")
	}
	m := gemm[float32](g)
	m.Batch = 1
	m.check()
	if g.M == 0 || g.N == 0 {
		return
	}
	micro := microF32(g.N)
	p.left = matrixLeft[float32]{a: g.A, ld: g.LDA, trans: g.TransA, pack: Conflicts(4*g.LDA, g.TransA)}
	p.right = matrixRight[float32]{b: g.B, ld: g.LDB, trans: g.TransB, nr: micro.nr, inPlace: micro.masked && g.M <= inPlaceRows}
	p.product = product[float32]{
		micro: micro, m: g.M, n: g.N, k: g.K, a: &p.left, b: &p.right,
		c: unsafe.Pointer(&g.C[0]), cSize: 4, ldc: g.LDC,
		alpha: bitsOf(g.Alpha), beta: bitsOf(g.Beta), noBeta: g.Beta == 0, relu: g.ReLU,
	}
	for j := 0; j < g.N; j += blockCols {
		p.product.block(p.scratch, 0, g.M, j, min(j+blockCols, g.N), 0, g.K)
	}
}
