// Package kernel holds the CPU kernels of the engine: matrix products, convolutions, pooling, normalisation, and
// vector mathematics on float32 slices.
//
// Kernels work on plain slices. They check lengths and panic where a slice is too short: their callers have inferred all
// shapes before. Those that take a *parallel.Pool spread their work over it, in chunks that depend on the shape alone, so the
// result is the same bits for any number of workers; the others are for callers that block and spread work themselves.
package kernel

//go:generate go -C ../asm run . ../kernel
