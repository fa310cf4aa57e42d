//go:build !amd64

package positive

// Without assembly the loops are those of kernel.go.

func bytesToFloats(dst []float32, src []byte) { bytesToFloatsGo(dst, src) }

func resampleLine(dst, src []float32, start []int32, weight []float32, taps int) {
	resampleLineGo(dst, src, start, weight, taps, 0)
}

func weightedSum(dst, src []float32, offset []int32, weight []float32) {
	weightedSumGo(dst, src, offset, weight)
}

func scaleClamp(x []float32, scale, shift float32) { scaleClampGo(x, scale, shift) }

func saturate(r, g, b []float32, factor float32) { saturateGo(r, g, b, factor) }

func addGray(sum *[8]float32, r, g, b []float32) { addGrayGo(sum, r, g, b) }

func rotateHue(r, g, b []float32, shift float32) { rotateHueGo(r, g, b, shift) }

func dropColour(r, g, b []float32) { dropColourGo(r, g, b) }

func solarize(x []float32, threshold float32) { solarizeGo(x, threshold) }

func interleave(dst, r, g, b []float32, scale, shift *[3]float32) {
	interleaveGo(dst, r, g, b, scale, shift)
}
