package kernel

const haveAssembly = true

var (
	microF32AVX512 = micro{mr: 14, nr: 32, masked: true, half: 16, narrow: microF32Narrow.run, run: []func(*tile){
		gemmF32AVX512x1, gemmF32AVX512x2, gemmF32AVX512x3, gemmF32AVX512x4, gemmF32AVX512x5,
		gemmF32AVX512x6, gemmF32AVX512x7, gemmF32AVX512x8, gemmF32AVX512x9, gemmF32AVX512x10,
		gemmF32AVX512x11, gemmF32AVX512x12, gemmF32AVX512x13, gemmF32AVX512x14,
	}}
	microF64AVX512 = micro{mr: 14, nr: 16, masked: true, run: []func(*tile){
		gemmF64AVX512x1, gemmF64AVX512x2, gemmF64AVX512x3, gemmF64AVX512x4, gemmF64AVX512x5,
		gemmF64AVX512x6, gemmF64AVX512x7, gemmF64AVX512x8, gemmF64AVX512x9, gemmF64AVX512x10,
		gemmF64AVX512x11, gemmF64AVX512x12, gemmF64AVX512x13, gemmF64AVX512x14,
	}}
	microBF16Wide = micro{mr: 14, nr: 32, pairs: true, half: 16, narrow: microBF16Narrow.run, run: []func(*tile){
		gemmBF16AVX512x1, gemmBF16AVX512x2, gemmBF16AVX512x3, gemmBF16AVX512x4, gemmBF16AVX512x5,
		gemmBF16AVX512x6, gemmBF16AVX512x7, gemmBF16AVX512x8, gemmBF16AVX512x9, gemmBF16AVX512x10,
		gemmBF16AVX512x11, gemmBF16AVX512x12, gemmBF16AVX512x13, gemmBF16AVX512x14,
	}}
	microF32Narrow = micro{mr: 14, nr: 16, masked: true, run: []func(*tile){
		gemmF32NarrowAVX512x1, gemmF32NarrowAVX512x2, gemmF32NarrowAVX512x3, gemmF32NarrowAVX512x4, gemmF32NarrowAVX512x5,
		gemmF32NarrowAVX512x6, gemmF32NarrowAVX512x7, gemmF32NarrowAVX512x8, gemmF32NarrowAVX512x9, gemmF32NarrowAVX512x10,
		gemmF32NarrowAVX512x11, gemmF32NarrowAVX512x12, gemmF32NarrowAVX512x13, gemmF32NarrowAVX512x14,
	}}
	microBF16Narrow = micro{mr: 14, nr: 16, pairs: true, run: []func(*tile){
		gemmBF16NarrowAVX512x1, gemmBF16NarrowAVX512x2, gemmBF16NarrowAVX512x3, gemmBF16NarrowAVX512x4, gemmBF16NarrowAVX512x5,
		gemmBF16NarrowAVX512x6, gemmBF16NarrowAVX512x7, gemmBF16NarrowAVX512x8, gemmBF16NarrowAVX512x9, gemmBF16NarrowAVX512x10,
		gemmBF16NarrowAVX512x11, gemmBF16NarrowAVX512x12, gemmBF16NarrowAVX512x13, gemmBF16NarrowAVX512x14,
	}}
	microF32AVX2 = micro{mr: 6, nr: 16, run: []func(*tile){
		gemmF32AVX2x1, gemmF32AVX2x2, gemmF32AVX2x3, gemmF32AVX2x4, gemmF32AVX2x5,
		gemmF32AVX2x6,
	}}
)

// microF32 returns the micro-kernel of float32 for products of n columns.
func microF32(n int) micro {
	switch ActiveLevel() {
	case AVX512:
		if n <= microF32Narrow.nr {
			return microF32Narrow
		}
		return microF32AVX512
	case AVX2:
		return microF32AVX2
	}
	return goMicro[float32]()
}

// microF64 returns the micro-kernel of float64.
func microF64() micro {
	if ActiveLevel() == AVX512 {
		return microF64AVX512
	}
	return goMicro[float64]()
}

// microBF16 returns the micro-kernel of bfloat16 for products of n columns.
func microBF16(n int) micro {
	if n <= microBF16Narrow.nr {
		return microBF16Narrow
	}
	return microBF16Wide
}
