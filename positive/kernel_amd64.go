package positive

import "golang.org/x/sys/cpu"

//go:generate go -C asm run . -out ../kernel_amd64.s -stubs ../stubs_amd64.go -pkg positive

// useAVX2 chooses the assembly. It does not change what is computed, only how fast; tests switch it off.
var useAVX2 = cpu.X86.HasAVX2

// The functions below give the assembly as many whole vectors as there are, and the rest to portable Go. whole is that
// number of values, 0 without AVX2.
func whole(n, vector int) int {
	if !useAVX2 {
		return 0
	}
	return n - n%vector
}

func bytesToFloats(dst []float32, src []byte) {
	n := whole(len(src), 8)
	if n > 0 {
		bytesToFloatsAVX2(&dst[0], &src[0], n)
	}
	bytesToFloatsGo(dst[n:], src[n:])
}

func resampleLine(dst, src []float32, start []int32, weight []float32, taps int) {
	n := whole(len(start), 4)
	if n > 0 {
		resampleLineAVX2(&dst[0], &src[0], &start[0], &weight[0], taps, len(start), n)
	}
	resampleLineGo(dst, src, start, weight, taps, n)
}

func weightedSum(dst, src []float32, offset []int32, weight []float32) {
	n := whole(len(dst), 8)
	if n > 0 {
		weightedSumAVX2(&dst[0], &src[0], &offset[0], &weight[0], len(weight), n)
	}
	if n < len(dst) {
		weightedSumGo(dst[n:], src[n:], offset, weight)
	}
}

func scaleClamp(x []float32, scale, shift float32) {
	n := whole(len(x), 8)
	if n > 0 {
		scaleClampAVX2(&x[0], n, scale, shift)
	}
	scaleClampGo(x[n:], scale, shift)
}

func saturate(r, g, b []float32, factor float32) {
	n := whole(len(r), 8)
	if n > 0 {
		saturateAVX2(&r[0], &g[0], &b[0], n, factor)
	}
	saturateGo(r[n:], g[n:], b[n:], factor)
}

func addGray(sum *[8]float32, r, g, b []float32) {
	n := whole(len(r), 8)
	if n > 0 {
		addGrayAVX2(sum, &r[0], &g[0], &b[0], n)
	}
	addGrayGo(sum, r[n:], g[n:], b[n:])
}

func rotateHue(r, g, b []float32, shift float32) {
	n := whole(len(r), 8)
	if n > 0 {
		rotateHueAVX2(&r[0], &g[0], &b[0], n, shift)
	}
	rotateHueGo(r[n:], g[n:], b[n:], shift)
}

func dropColour(r, g, b []float32) {
	n := whole(len(r), 8)
	if n > 0 {
		dropColourAVX2(&r[0], &g[0], &b[0], n)
	}
	dropColourGo(r[n:], g[n:], b[n:])
}

func solarize(x []float32, threshold float32) {
	n := whole(len(x), 8)
	if n > 0 {
		solarizeAVX2(&x[0], n, threshold)
	}
	solarizeGo(x[n:], threshold)
}

func interleave(dst, r, g, b []float32, scale, shift *[3]float32) {
	n := whole(len(r), 4)
	if n > 0 {
		interleaveAVX2(&dst[0], &r[0], &g[0], &b[0], n, scale, shift)
	}
	interleaveGo(dst[3*n:], r[n:], g[n:], b[n:], scale, shift)
}
