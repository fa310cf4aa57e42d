package metric

// The loops that take the time. They are generic so that similarities run in float32 and the linear probe, whose optimiser
// needs a loss without rounding noise, in float64; the compiler makes one copy for each.

type float interface{ float32 | float64 }

// products fills out, a [rows of a, rows of b] array, with the dot products of the rows of a and the rows of b, both of
// cols columns.
//
// Two rows of one and four of the other are read at a time, so that six loads feed eight multiplications. Each product is
// still summed from the first column to the last, so its bits do not depend on how the matrices were cut into blocks.
func products[T float](out, a, b []T, cols int) {
	if len(a) == 0 || len(b) == 0 {
		clear(out)
		return
	}
	rowsA, rowsB := len(a)/cols, len(b)/cols
	row := func(m []T, i, rows int) []T { i = min(i, rows-1); return m[i*cols : (i+1)*cols] }
	for i := 0; i < rowsA; i += 2 {
		a0, a1 := row(a, i, rowsA), row(a, i+1, rowsA)
		for j := 0; j < rowsB; j += 4 {
			s := dot2x4(a0, a1, row(b, j, rowsB), row(b, j+1, rowsB), row(b, j+2, rowsB), row(b, j+3, rowsB))
			width := min(4, rowsB-j)
			copy(out[i*rowsB+j:][:width], s[0][:])
			if i+1 < rowsA {
				copy(out[(i+1)*rowsB+j:][:width], s[1][:])
			}
		}
	}
}

// dot2x4 returns the eight dot products of two vectors with four, all of one length.
func dot2x4[T float](a0, a1, b0, b1, b2, b3 []T) [2][4]T {
	n := len(a0)
	a1, b0, b1, b2, b3 = a1[:n], b0[:n], b1[:n], b2[:n], b3[:n] // one bounds check instead of five a turn
	var s00, s01, s02, s03, s10, s11, s12, s13 T
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
	return [2][4]T{{s00, s01, s02, s03}, {s10, s11, s12, s13}}
}

// addOuter adds factors^T x to sum, for factors [n, k], x [n, cols] and sum [k, cols].
func addOuter[T float](sum, factors, x []T, k, cols int) {
	if k == 0 || cols == 0 {
		return
	}
	n := len(x) / cols
	row := func(i int) []T { return x[i*cols : (i+1)*cols] }
	for i := 0; i < n; i += 4 {
		for c := range k {
			to := sum[c*cols : (c+1)*cols]
			if i+4 <= n {
				addScaled4(to, row(i), row(i+1), row(i+2), row(i+3), factors[i*k+c], factors[(i+1)*k+c], factors[(i+2)*k+c], factors[(i+3)*k+c])
				continue
			}
			for j := i; j < n; j++ {
				addScaled(to, row(j), factors[j*k+c])
			}
		}
	}
}

// addScaled adds a x to sum.
func addScaled[T float](sum, x []T, a T) {
	x = x[:len(sum)]
	for d := range sum {
		sum[d] += a * x[d]
	}
}

// addScaled4 adds a_i x_i to sum for four vectors, reading and writing sum once.
func addScaled4[T float](sum, x0, x1, x2, x3 []T, a0, a1, a2, a3 T) {
	n := len(sum)
	x0, x1, x2, x3 = x0[:n], x1[:n], x2[:n], x3[:n]
	for d := range sum {
		sum[d] += a0*x0[d] + a1*x1[d] + a2*x2[d] + a3*x3[d]
	}
}

// widen copies float32 numbers into a float64 buffer and returns the part of it they fill.
func widen(buffer []float64, x []float32) []float64 {
	buffer = buffer[:len(x)]
	for i, v := range x {
		buffer[i] = float64(v)
	}
	return buffer
}
