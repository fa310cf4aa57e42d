package positive

import "math"

// blurTap is the weight, relative to the largest, under which the outer taps of a blur are dropped. The bell falls so
// fast that all dropped taps together weigh less than 1e-6 of the kernel.
const blurTap = 1e-7

// blurrer blurs a canvas with a separable Gaussian.
type blurrer struct {
	weight []float32
	offset []int32
	line   []float32 // a line and its reflections to the left and right
}

// run writes src blurred with a kernel of 2*radius+1 taps and deviation sigma to dst, using middle for the picture
// blurred horizontally. Borders are reflected without repeating the outermost pixel.
func (k *blurrer) run(dst, middle, src *canvas, radius int, sigma float64) {
	radius = k.build(radius, sigma)
	middle.resize(src.height, src.width)
	dst.resize(src.height, src.width)
	width := src.width
	k.line = grow(k.line, width+2*radius)
	for i := range k.offset {
		k.offset[i] = int32(i)
	}
	for i := range 3 * src.height { // a line each
		line := src.pix[i*width:][:width]
		copy(k.line[radius:], line)
		for j := 1; j <= radius; j++ {
			k.line[radius-j] = line[reflect(-j, width)]
			k.line[radius+width-1+j] = line[reflect(width-1+j, width)]
		}
		weightedSum(middle.pix[i*width:][:width], k.line, k.offset, k.weight)
	}
	for y := range src.height {
		for i := range k.offset {
			k.offset[i] = int32(reflect(y+i-radius, src.height) * 3 * width)
		}
		weightedSum(dst.row(y), middle.pix, k.offset, k.weight)
	}
}

// build sets the weights exp(-x^2 / (2 sigma^2)), normalised to sum 1, and returns the radius they need.
func (k *blurrer) build(radius int, sigma float64) int {
	radius = min(radius, int(sigma*math.Sqrt(-2*math.Log(blurTap))))
	k.weight = grow(k.weight, 2*radius+1)
	k.offset = grow(k.offset, 2*radius+1)
	total := 1.
	for x := 1; x <= radius; x++ {
		total += 2 * bell(x, sigma)
	}
	for x := range radius + 1 {
		w := float32(bell(x, sigma) / total)
		k.weight[radius-x], k.weight[radius+x] = w, w
	}
	return radius
}

func bell(x int, sigma float64) float64 {
	return math.Exp(-float64(x*x) / (2 * sigma * sigma))
}

// reflect folds i into [0, n): ... 2 1 0 1 2 ... n-2 n-1 n-2 ...
func reflect(i, n int) int {
	if n == 1 {
		return 0
	}
	period := 2 * (n - 1)
	i = (i%period + period) % period
	return min(i, period-i)
}
