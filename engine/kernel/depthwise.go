package kernel

import "github.com/alike-ml/alike/engine/parallel"

// A depthwise convolution has as many groups as input and output channels: each channel meets its own R*S weights. It is no
// matrix product but a few multiply-adds of whole pixels, which is how it is computed here.

func (s ConvShape) depthwise() bool { return s.Groups > 1 && s.Groups == s.C && s.Groups == s.K }

// allChannels returns t with the taps of all channels rather than of the first group.
func allChannels(t taps) taps {
	t.first, t.channels = 0, t.depth
	return t
}

// depthwiseForward computes y.
func (s ConvShape) depthwiseForward(p *parallel.Pool, x, w, y []float32) {
	t := allChannels(s.forwardTaps(0))
	taps := make([]int, s.R*s.S)
	for i := range taps {
		taps[i] = i
	}
	t.weigh(p, s.N, x, w, taps, func(row int) []float32 { return y[row*s.K:][:s.K] })
}

// depthwiseInputGrad computes dx.
func (s ConvShape) depthwiseInputGrad(p *parallel.Pool, dy, w, dx []float32) {
	s.eachPhase(func(h0, w0 int) {
		t, rs, ss := s.gradTaps(0, h0, w0)
		t = allChannels(t)
		var taps []int
		for _, r := range rs {
			for _, q := range ss {
				taps = append(taps, r*s.S+q)
			}
		}
		t.weigh(p, s.N, dy, w, taps, func(row int) []float32 {
			n, i, j := t.split(row)
			return dx[((n*s.H+h0+i*s.StrideH)*s.W+w0+j*s.StrideW)*s.C:][:s.C]
		})
	})
}

// weigh computes, for every row of the grid, the sum of its taps' pixels times their weights: weights[i] is which pixel of w
// belongs to tap i.
func (t *taps) weigh(p *parallel.Pool, images int, image, w []float32, weights []int, out func(row int) []float32) {
	p.For(images*t.rows, func(line int) {
		offsets := make([]int, len(weights))
		for j := range t.cols {
			t.offsets(offsets, line/t.rows, line%t.rows, j, 1)
			dst := out(line*t.cols + j)
			clear(dst)
			for i, at := range offsets {
				if at >= 0 {
					MulAdd(dst, image[at:at+t.depth], w[weights[i]*t.depth:][:t.depth], dst)
				}
			}
		}
	})
}

// depthwiseWeightGrad computes dw: each chunk of images a sum of its own, and then the sum of those.
func (s ConvShape) depthwiseWeightGrad(p *parallel.Pool, x, dy, dw []float32) {
	t := allChannels(s.forwardTaps(0))
	size := s.R * s.S * s.C
	chunks := max(1, min(s.N, 32))
	partial := make([]float32, chunks*size)
	p.For(chunks, func(chunk int) {
		sum := partial[chunk*size:][:size]
		offsets := make([]int, s.R*s.S)
		pixels := t.rows * t.cols
		for row := s.N * chunk / chunks * pixels; row < s.N*(chunk+1)/chunks*pixels; row++ {
			n, i, j := t.split(row)
			t.offsets(offsets, n, i, j, 1)
			g := dy[row*s.K:][:s.K]
			for i, at := range offsets {
				if at >= 0 {
					w := sum[i*s.C:][:s.C]
					MulAdd(w, x[at:at+s.C], g, w)
				}
			}
		}
	})
	copy(dw[:size], partial)
	for chunk := 1; chunk < chunks; chunk++ {
		Add(dw[:size], dw[:size], partial[chunk*size:][:size])
	}
}
