package kernel

import "math"

// BF16ToF32 widens bfloat16 bits; every value is represented exactly.
func BF16ToF32(dst []float32, src []uint16) {
	src = src[:len(dst)]
	if len(dst) > 0 && ActiveLevel() == AVX512 {
		widenBF16AVX512(&dst[0], &src[0], len(dst))
		return
	}
	for i, v := range src {
		dst[i] = math.Float32frombits(uint32(v) << 16)
	}
}

// F32ToBF16 rounds to the nearest bfloat16, to even on a tie. NaN becomes a quiet NaN.
func F32ToBF16(dst []uint16, src []float32) {
	src = src[:len(dst)]
	if len(dst) > 0 && ActiveLevel() == AVX512 {
		narrowBF16AVX512(&dst[0], &src[0], len(dst))
		return
	}
	for i, v := range src {
		dst[i] = bf16Bits(v)
	}
}

// RoundBF16 rounds to the nearest values of bfloat16, as [F32ToBF16] does. dst may be x.
func RoundBF16(dst, x []float32) {
	x = x[:len(dst)]
	if len(dst) == 0 || roundBF16SIMD(&dst[0], &x[0], len(dst)) {
		return
	}
	for i, v := range x {
		dst[i] = math.Float32frombits(uint32(bf16Bits(v)) << 16)
	}
}

func bf16Bits(v float32) uint16 {
	b := math.Float32bits(v)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + (b>>16)&1) >> 16)
}
