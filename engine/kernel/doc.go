// Package kernel holds the CPU kernels of the engine: matrix products, convolutions, pooling, normalisation, and
// vector mathematics on float32 slices.
//
// Kernels work on plain slices. They check lengths and panic where a slice is too short: their callers have inferred all
// shapes before. Those that take a *parallel.Pool spread their work over it, in chunks that depend on the shape alone, so the
// result is the same bits for any number of workers; the others are for callers that block and spread work themselves.
//
// # Products
//
// A matrix product and the three directions of a convolution are one thing here, a product: C = alpha*A*B + beta*C, where the
// operands hand themselves over in panels (operand.go: matrices; taps.go: the implicit matrix of a convolution, whose rows are
// gathered from the image when they are needed; lines.go and plane.go: the same, read in place). Most 3x3 convolutions are several
// products of transformed tiles instead (winograd.go), and large products seven of sums of quadrants (strassen.go).
//
// The driver (driver.go) splits C into tasks. A task goes through k in blocks. Of each block it packs its columns of B, which then
// stay in L2, and goes through the rows of A panel by panel; a panel of A stays in L1 while the micro-kernel meets it with one panel
// of B after the other.
//
// A micro-kernel (tile.go and the generated assembly) computes a tile of C in registers: 14 x 32 float32 with AVX-512, 6 x 16
// with AVX2, 4 x 8 in plain Go, and 14 x 16 with AVX-512 for products of at most 16 columns. There is one for every number of
// rows up to the largest, so ragged edges cost no more than their share. A is read by broadcasts with any steps between rows and columns: a panel may lie row by row, column by column,
// or in place in the caller's matrix.
//
// Each element of C is one chain of fused multiply-adds over each block of k, and the blocks depend on the shape alone. So
// AVX2 and AVX-512 give the same bits; plain Go rounds products and sums apart. Within a block the chain's error is at most k * 2^-24
// times the sum of the magnitudes of the products. bfloat16 inputs are multiplied exactly and summed in float32.
//
// # Assembly
//
// The files *_amd64.s and their declarations are written by the program in engine/asm; run go generate here after changing
// it. ALIKE_SIMD=avx512|avx2|none chooses the level when a program starts.
package kernel

//go:generate go -C ../asm run . ../kernel
