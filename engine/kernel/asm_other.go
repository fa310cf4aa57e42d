//go:build !amd64

package kernel

const haveAssembly = false

func microBF16(n int) micro { panic("kernel: no assembly") }

func microF32(n int) micro { return goMicro[float32]() }

func microF64() micro { return goMicro[float64]() }

func copyRowsAVX512(dst *uint32, dstStep int, src *uint32, srcStep int, rows int, load, store uint32) {
	panic("kernel: no assembly")
}

func transposeStripAVX512(dst *uint32, dstStep int, src *uint32, srcStep int, rows, cols int) {
	panic("kernel: no assembly")
}

func interleaveRowsAVX512(dst *uint16, dstStep int, src *uint16, srcStep int, pairs int, load, store uint32) {
	panic("kernel: no assembly")
}

func gatherSpansAVX512(dst *byte, dstStep int, src *byte, offsets *int, count, size int) {
	panic("kernel: no assembly")
}

func gatherBytesAVX512(dst *byte, dstStep int, src *byte, offsets *int, count, size int) {
	panic("kernel: no assembly")
}

func widenBF16AVX512(dst *float32, src *uint16, n int) { panic("kernel: no assembly") }

func narrowBF16AVX512(dst *uint16, src *float32, n int) { panic("kernel: no assembly") }

func gatherLanesAVX512(dst *byte, dstStep int, src *byte, offsets *int, count int, mask uint32, ahead int) {
	panic("kernel: no assembly")
}

func gatherPairsAVX512(dst *byte, dstStep int, src *byte, offsets *int, pairs int, mask uint32, ahead int) {
	panic("kernel: no assembly")
}

func winogradInput2HalfAVX512(dst *uint16, dstRow, dstCol int, src *uint16, srcRow, srcCol, n int) {
	panic("kernel: no assembly")
}

func winogradWeights2HalfAVX512(dst *uint16, dstRow, dstCol int, src *uint16, srcRow, srcCol, n int) {
	panic("kernel: no assembly")
}

func winogradOutput2NarrowAVX512(dst *uint16, dstRow, dstCol int, src *float32, srcRow, srcCol, n int) {
	panic("kernel: no assembly")
}

func winogradInput2PairsAVX512(dst *uint16, dstRow, dstCol int, first, second *uint16, srcRow, srcCol, n int) {
	panic("kernel: no assembly")
}

func winogradOutputGrad2PairsAVX512(dst *uint16, dstRow, dstCol int, first, second *uint16, srcRow, srcCol, n int) {
	panic("kernel: no assembly")
}
