package positive

import "math"

// axis is a resize along one axis: output i is the sum over k of weight[i*taps+k] times input start[i]+k. Only the
// first count[i] weights are inputs that exist; the others are 0.
type axis struct {
	taps   int
	start  []int32
	count  []int32
	weight []float32
	values []float64 // of one output, before they are normalised
}

// build prepares outputs from to from+n of a resize from in to out values, in reversed order if flip.
//
// It computes what PIL's and torchvision's antialiased resizes do: output i lies at in/out*(i+1/2), the filter is as
// wide as the larger of input and output spacing, and weights that fall outside are dropped and the rest normalised.
func (a *axis) build(in, out, from, n int, interpolation Interpolation, flip bool) {
	filter, radius := triangle, 1.
	if interpolation == Bicubic {
		filter, radius = keys, 2.
	}
	scale := float64(in) / float64(out)
	stretch := max(scale, 1)
	support := radius * stretch
	a.taps = min(int(math.Ceil(2*support)), in)
	a.start, a.count = grow(a.start, n), grow(a.count, n)
	a.weight, a.values = grow(a.weight, n*a.taps), grow(a.values, a.taps)
	for i := range n {
		center := float64(scale * (float64(from+i) + 0.5))
		low := max(int(center-support+0.5), 0)
		high := min(int(center+support+0.5), in, low+a.taps)
		j := i
		if flip {
			j = n - 1 - i
		}
		w := a.weight[j*a.taps:][:a.taps]
		total := 0.
		for k := range high - low {
			a.values[k] = filter((float64(low+k) - center + 0.5) / stretch)
			total += a.values[k]
		}
		clear(w)
		for k := range high - low {
			w[k] = float32(a.values[k] / total)
		}
		a.start[j], a.count[j] = int32(low), int32(high-low)
	}
}

func triangle(x float64) float64 { return max(1-math.Abs(x), 0) }

// keys is the cubic convolution kernel with a = -1/2 (Keys 1981, "Cubic convolution interpolation for digital image
// processing").
func keys(x float64) float64 {
	const a = -0.5
	x = math.Abs(x)
	switch {
	case x < 1:
		return float64((float64((a+2)*x)-(a+3))*x*x) + 1
	case x < 2:
		return (float64((float64((x-5)*x)+8)*x) - 4) * a
	}
	return 0
}

// resampler resizes to a canvas line by line: every input row is resized horizontally once, and the last few results
// are kept in a ring for the vertical sums.
type resampler struct {
	x, y   axis
	line   []float32 // one input row, four floats a pixel, then black pixels for the taps past its end
	ring   []float32 // [y.taps, 3, width]
	offset []int32
}

// run fills dst from an input of the given width. load writes input row y to its argument, four floats a pixel.
func (s *resampler) run(dst *canvas, width int, load func(line []float32, y int)) {
	rowLength := 3 * dst.width
	s.line = grow(s.line, 4*(width+s.x.taps))
	clear(s.line[4*width:])
	s.ring = grow(s.ring, s.y.taps*rowLength)
	s.offset = grow(s.offset, s.y.taps)
	next := int(s.y.start[0])
	for y := range dst.height {
		start, count := int(s.y.start[y]), int(s.y.count[y])
		for next = max(next, start); next < start+count; next++ {
			load(s.line[:4*width], next)
			resampleLine(s.ring[next%s.y.taps*rowLength:][:rowLength], s.line, s.x.start, s.x.weight, s.x.taps)
		}
		for k := range count {
			s.offset[k] = int32((start + k) % s.y.taps * rowLength)
		}
		weightedSum(dst.row(y), s.ring, s.offset[:count], s.y.weight[y*s.y.taps:][:count])
	}
}
