package positive

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// bothKernels runs a test with the assembly, where the machine has AVX2, and without it.
func bothKernels(t *testing.T, test func(t *testing.T)) {
	if useAVX2 {
		t.Run("avx2", test)
	}
	t.Run("portable", func(t *testing.T) {
		defer func(saved bool) { useAVX2 = saved }(useAVX2)
		useAVX2 = false
		test(t)
	})
}

// lineDraw makes n values in [0, 1], some of them equal, 0 or 1, where hues and thresholds have their corners.
func lineDraw(t *rapid.T, name string, n int) []float32 {
	value := rapid.OneOf(rapid.Float32Range(0, 1), rapid.SampledFrom([]float32{0, 0.25, 0.5, 1}))
	return rapid.SliceOfN(value, n, n).Draw(t, name)
}

// TestAssemblyIsPortable holds every assembly loop against the Go loop it stands for, bit by bit.
func TestAssemblyIsPortable(t *testing.T) {
	if !useAVX2 {
		t.Skip("this machine has no AVX2")
	}
	compare := func(t *rapid.T, name string, assembly, portable []float32) {
		for i := range assembly {
			if math.Float32bits(assembly[i]) != math.Float32bits(portable[i]) {
				t.Fatalf("%s: entry %d of %d is %g in assembly and %g in Go", name, i, len(assembly), assembly[i], portable[i])
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 75).Draw(t, "n")
		row := lineDraw(t, "row", 3*n)
		factor := rapid.Float32Range(0, 2).Draw(t, "factor")
		turn := rapid.Float32Range(-1, 4.9).Draw(t, "turn")

		edits := map[string][2]func(row, r, g, b []float32){
			"scaleClamp": {
				func(row, _, _, _ []float32) { scaleClamp(row, factor, 0.5-factor) },
				func(row, _, _, _ []float32) { scaleClampGo(row, factor, 0.5-factor) },
			},
			"saturate": {
				func(_, r, g, b []float32) { saturate(r, g, b, factor) },
				func(_, r, g, b []float32) { saturateGo(r, g, b, factor) },
			},
			"rotateHue": {
				func(_, r, g, b []float32) { rotateHue(r, g, b, turn) },
				func(_, r, g, b []float32) { rotateHueGo(r, g, b, turn) },
			},
			"dropColour": {
				func(_, r, g, b []float32) { dropColour(r, g, b) },
				func(_, r, g, b []float32) { dropColourGo(r, g, b) },
			},
			"solarize": {
				func(row, _, _, _ []float32) { solarize(row, factor/2) },
				func(row, _, _, _ []float32) { solarizeGo(row, factor/2) },
			},
		}
		for name, edit := range edits {
			a, b := slices.Clone(row), slices.Clone(row)
			edit[0](a, a[:n], a[n:2*n], a[2*n:])
			edit[1](b, b[:n], b[n:2*n], b[2*n:])
			compare(t, name, a, b)
		}

		r, g, b := row[:n], row[n:2*n], row[2*n:]
		var sums, wantSums [8]float32
		addGray(&sums, r, g, b)
		addGrayGo(&wantSums, r, g, b)
		compare(t, "addGray", sums[:], wantSums[:])

		scale, shift := [3]float32{4, 5, 6}, [3]float32{-2, factor, 3}
		pixels, wantPixels := make([]float32, 3*n), make([]float32, 3*n)
		interleave(pixels, r, g, b, &scale, &shift)
		interleaveGo(wantPixels, r, g, b, &scale, &shift)
		compare(t, "interleave", pixels, wantPixels)
	})
	rapid.Check(t, func(t *rapid.T) {
		bytes := rapid.SliceOfN(rapid.Byte(), 1, 70).Draw(t, "bytes")
		a, b := make([]float32, len(bytes)), make([]float32, len(bytes))
		bytesToFloats(a, bytes)
		bytesToFloatsGo(b, bytes)
		compare(t, "bytesToFloats", a, b)
	})
	rapid.Check(t, func(t *rapid.T) {
		n, taps := rapid.IntRange(1, 75).Draw(t, "n"), rapid.IntRange(1, 9).Draw(t, "taps")
		width := rapid.IntRange(1, 40).Draw(t, "width")
		src := lineDraw(t, "src", 4*(width+taps)+n)
		start := rapid.SliceOfN(rapid.Int32Range(0, int32(width-1)), max(n, taps), max(n, taps)).Draw(t, "start")
		weight := rapid.SliceOfN(rapid.Float32Range(-1, 1), n*taps, n*taps).Draw(t, "weight")
		a, b := make([]float32, 3*n), make([]float32, 3*n)
		resampleLine(a, src, start[:n], weight, taps)
		resampleLineGo(b, src, start[:n], weight, taps, 0)
		compare(t, "resampleLine", a, b)
		weightedSum(a[:n], src, start[:taps], weight[:taps])
		weightedSumGo(b[:n], src, start[:taps], weight[:taps])
		compare(t, "weightedSum", a[:n], b[:n])
	})
}
