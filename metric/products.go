package metric

// products fills out, a [a.Rows, b.Rows] array, with the dot products of the rows of a and the rows of b.
//
// Two rows of one and four of the other are read at a time, so that six loads feed eight multiplications. Each product is
// still summed from the first column to the last, so its bits do not depend on how the matrices were cut into blocks.
func products(out []float32, a, b Matrix) {
	if a.Rows == 0 || b.Rows == 0 {
		return
	}
	for i := 0; i < a.Rows; i += 2 {
		a0, a1 := a.Row(i), a.Row(min(i+1, a.Rows-1))
		for j := 0; j < b.Rows; j += 4 {
			last := b.Rows - 1
			s := dot2x4(a0, a1, b.Row(j), b.Row(min(j+1, last)), b.Row(min(j+2, last)), b.Row(min(j+3, last)))
			width := min(4, b.Rows-j)
			copy(out[i*b.Rows+j:][:width], s[0][:])
			if i+1 < a.Rows {
				copy(out[(i+1)*b.Rows+j:][:width], s[1][:])
			}
		}
	}
}

// dot2x4 returns the eight dot products of two vectors with four, all of one length.
func dot2x4(a0, a1, b0, b1, b2, b3 []float32) [2][4]float32 {
	n := len(a0)
	a1, b0, b1, b2, b3 = a1[:n], b0[:n], b1[:n], b2[:n], b3[:n] // one bounds check instead of five a turn
	var s00, s01, s02, s03, s10, s11, s12, s13 float32
	for k := range n {
		x, y := a0[k], a1[k]
		p, q, r, t := b0[k], b1[k], b2[k], b3[k]
		s00 += x * p
		s01 += x * q
		s02 += x * r
		s03 += x * t
		s10 += y * p
		s11 += y * q
		s12 += y * r
		s13 += y * t
	}
	return [2][4]float32{{s00, s01, s02, s03}, {s10, s11, s12, s13}}
}

// addOuter adds factors^T x to sum, a [k, x.Cols] matrix, for factors [x.Rows, k].
func addOuter(sum Matrix, factors []float32, x Matrix) {
	k := sum.Rows
	for i := 0; i < x.Rows; i += 4 {
		for c := range k {
			if i+4 <= x.Rows {
				addScaled4(sum.Row(c), x.rows(i, i+4), factors[i*k+c], factors[(i+1)*k+c], factors[(i+2)*k+c], factors[(i+3)*k+c])
				continue
			}
			for j := i; j < x.Rows; j++ {
				addScaled(sum.Row(c), x.Row(j), factors[j*k+c])
			}
		}
	}
}

// addScaled adds a x to sum.
func addScaled(sum, x []float32, a float32) {
	x = x[:len(sum)]
	for d := range sum {
		sum[d] += a * x[d]
	}
}

// addScaled4 adds a_i x_i to sum for four rows, reading and writing sum once.
func addScaled4(sum []float32, x Matrix, a0, a1, a2, a3 float32) {
	x0, x1, x2, x3 := x.Row(0)[:len(sum)], x.Row(1)[:len(sum)], x.Row(2)[:len(sum)], x.Row(3)[:len(sum)]
	for d := range sum {
		sum[d] += a0*x0[d] + a1*x1[d] + a2*x2[d] + a3*x3[d]
	}
}
