package positive

// This file holds the inner loops in portable Go. Each has a twin in kernel_amd64.s that computes the same bytes eight
// values at a time; kernel_amd64.go and kernel_other.go choose. To keep the bytes the same, every product is rounded to
// float32 before it is added (the conversion forbids a fused multiply-add), and sums run in the order written here.

// The weights of red, green and blue in a grayscale picture (ITU-R BT.601, as torchvision's rgb_to_grayscale rounds them).
const (
	redWeight   float32 = 0.2989
	greenWeight float32 = 0.587
	blueWeight  float32 = 0.114
)

func gray(r, g, b float32) float32 {
	return float32(redWeight*r) + float32(greenWeight*g) + float32(blueWeight*b)
}

func clamp01(x float32) float32 { return min(max(x, 0), 1) }

// bytesToFloatsGo maps bytes to [0, 1].
func bytesToFloatsGo(dst []float32, src []byte) {
	const scale float32 = 1. / 255
	for i, b := range src {
		dst[i] = float32(b) * scale
	}
}

// resampleLineGo is the horizontal pass of a resize: dst is one line of three channels, src one line of pixels of four
// floats. Pixel x is the sum over k of weight[x*taps+k] times pixel start[x]+k, in the order of k. It begins at x = first.
func resampleLineGo(dst, src []float32, start []int32, weight []float32, taps, first int) {
	n := len(start)
	r, g, b := dst[:n], dst[n:2*n], dst[2*n:3*n]
	for x := first; x < n; x++ {
		s := start[x]
		var sr, sg, sb float32
		p := src[4*int(s):][:4*taps]
		for k, w := range weight[x*taps:][:taps] {
			sr += float32(w * p[4*k])
			sg += float32(w * p[4*k+1])
			sb += float32(w * p[4*k+2])
		}
		r[x], g[x], b[x] = sr, sg, sb
	}
}

// weightedSumGo sets dst[i] to the sum over k of weight[k] * src[offset[k]+i], in the order of k.
func weightedSumGo(dst, src []float32, offset []int32, weight []float32) {
	clear(dst)
	for k, w := range weight {
		line := src[offset[k]:][:len(dst)]
		for i, v := range line {
			dst[i] += float32(w * v)
		}
	}
}

// scaleClampGo sets x to scale*x + shift, clamped to [0, 1].
func scaleClampGo(x []float32, scale, shift float32) {
	for i, v := range x {
		x[i] = clamp01(float32(scale*v) + shift)
	}
}

// saturateGo blends every pixel with its gray: factor*x + (1-factor)*gray, clamped to [0, 1].
func saturateGo(r, g, b []float32, factor float32) {
	rest := 1 - factor
	g, b = g[:len(r)], b[:len(r)]
	for i := range r {
		y := float32(rest * gray(r[i], g[i], b[i]))
		r[i] = clamp01(float32(factor*r[i]) + y)
		g[i] = clamp01(float32(factor*g[i]) + y)
		b[i] = clamp01(float32(factor*b[i]) + y)
	}
}

// addGrayGo adds the gray of pixel i to sum[i%8].
func addGrayGo(sum *[8]float32, r, g, b []float32) {
	g, b = g[:len(r)], b[:len(r)]
	for i := range r {
		sum[i%8] += gray(r[i], g[i], b[i])
	}
}

// rotateHueGo turns the hue by shift sextants, in [-1, 5). With M and m the largest and smallest channel of a pixel, the
// hue in sextants is h = 6 + (g-b)/(M-m), 2 + (b-r)/(M-m) or 4 + (r-g)/(M-m), whichever channel is the largest. After
// the turn a channel is m + (M-m)*c(h) with the trapezoids c = |h-3|-1, 2-|h-2| and 2-|h-4|, clamped to [0, 1]. That is
// the way through HSV and back with saturation and value left as they are.
func rotateHueGo(r, g, b []float32, shift float32) {
	g, b = g[:len(r)], b[:len(r)]
	for i := range r {
		r0, g0, b0 := r[i], g[i], b[i]
		high, low := max(r0, g0, b0), min(r0, g0, b0)
		base, num := float32(4), r0-g0
		if high == g0 {
			base, num = 2, b0-r0
		}
		if high == r0 {
			base, num = 6, g0-b0
		}
		chroma := high - low
		h := base + shift + num/max(chroma, 1e-30)
		if h >= 6 {
			h -= 6
		}
		r[i] = low + float32(chroma*clamp01(abs(h-3)-1))
		g[i] = low + float32(chroma*clamp01(2-abs(h-2)))
		b[i] = low + float32(chroma*clamp01(2-abs(h-4)))
	}
}

func abs(x float32) float32 { return max(x, -x) }

// dropColourGo sets the three channels to their gray.
func dropColourGo(r, g, b []float32) {
	g, b = g[:len(r)], b[:len(r)]
	for i := range r {
		y := gray(r[i], g[i], b[i])
		r[i], g[i], b[i] = y, y, y
	}
}

// solarizeGo inverts the values from threshold up.
func solarizeGo(x []float32, threshold float32) {
	for i, v := range x {
		if v >= threshold {
			x[i] = 1 - v
		}
	}
}

// interleaveGo writes pixels: channel c of pixel i is dst[3*i+c] = scale[c]*x + shift[c].
func interleaveGo(dst, r, g, b []float32, scale, shift *[3]float32) {
	g, b = g[:len(r)], b[:len(r)]
	for i := range r {
		p := dst[3*i : 3*i+3]
		p[0] = float32(scale[0]*r[i]) + shift[0]
		p[1] = float32(scale[1]*g[i]) + shift[1]
		p[2] = float32(scale[2]*b[i]) + shift[2]
	}
}
