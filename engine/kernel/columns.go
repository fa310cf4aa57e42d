package kernel

// The functions of this file walk over the rows of x [rows, cols], column by column of constants and sums. The rows of a
// call are added one after the other, at any level.

// columnMoments adds, for every column, x - pivot to sum and its square to squares.
func columnMoments(x, pivot, sum, squares []float32, rows, cols int) {
	if rows == 0 || cols == 0 || columnMomentsSIMD(&x[0], &pivot[0], &sum[0], &squares[0], rows, cols) {
		return
	}
	for r := range rows {
		for c, v := range x[r*cols:][:cols] {
			d := v - pivot[c]
			sum[c] += d
			squares[c] += d * d
		}
	}
}

// columnProducts adds, for every column, dy to sum and dy * (x - mean) to products.
func columnProducts(x, dy, mean, sum, products []float32, rows, cols int) {
	if rows == 0 || cols == 0 || columnProductsSIMD(&x[0], &dy[0], &mean[0], &sum[0], &products[0], rows, cols) {
		return
	}
	for r := range rows {
		dy := dy[r*cols:][:cols]
		for c, v := range x[r*cols:][:cols] {
			sum[c] += dy[c]
			products[c] += dy[c] * (v - mean[c])
		}
	}
}

// columnProductsReLU is columnProducts for dy where x * scale + shift is not negative, and zero elsewhere.
func columnProductsReLU(x, dy, mean, scale, shift, sum, products []float32, rows, cols int) {
	if rows == 0 || cols == 0 ||
		columnProductsReLUSIMD(&x[0], &dy[0], &mean[0], &scale[0], &shift[0], &sum[0], &products[0], rows, cols) {
		return
	}
	for r := range rows {
		dy := dy[r*cols:][:cols]
		for c, v := range x[r*cols:][:cols] {
			if float32(v*scale[c])+shift[c] >= 0 {
				sum[c] += dy[c]
				products[c] += dy[c] * (v - mean[c])
			}
		}
	}
}

// columnAffine writes x * scale + shift to y, and zero instead of negative values if relu is set.
func columnAffine(y, x, scale, shift []float32, rows, cols int, relu bool) {
	if rows == 0 || cols == 0 {
		return
	}
	affine := columnAffineSIMD
	if relu {
		affine = columnAffineReLUSIMD
	}
	if affine(&y[0], &x[0], &scale[0], &shift[0], rows, cols) {
		return
	}
	for r := range rows {
		y := y[r*cols:][:cols]
		for c, v := range x[r*cols:][:cols] {
			y[c] = float32(v*scale[c]) + shift[c]
			if relu && y[c] < 0 {
				y[c] = 0
			}
		}
	}
}

// columnAffine2 writes dy * a + x * b + d to dx.
func columnAffine2(dx, x, dy, a, b, d []float32, rows, cols int) {
	if rows == 0 || cols == 0 || columnAffine2SIMD(&dx[0], &x[0], &dy[0], &a[0], &b[0], &d[0], rows, cols) {
		return
	}
	for r := range rows {
		dx, dy := dx[r*cols:][:cols], dy[r*cols:][:cols]
		for c, v := range x[r*cols:][:cols] {
			dx[c] = dy[c]*a[c] + v*b[c] + d[c]
		}
	}
}

// columnAffine2ReLU is columnAffine2 for dy where x * scale + shift is not negative, and zero elsewhere.
func columnAffine2ReLU(dx, x, dy, a, b, d, scale, shift []float32, rows, cols int) {
	if rows == 0 || cols == 0 ||
		columnAffine2ReLUSIMD(&dx[0], &x[0], &dy[0], &a[0], &b[0], &d[0], &scale[0], &shift[0], rows, cols) {
		return
	}
	for r := range rows {
		dx, dy := dx[r*cols:][:cols], dy[r*cols:][:cols]
		for c, v := range x[r*cols:][:cols] {
			g := dy[c]
			if !(float32(v*scale[c])+shift[c] >= 0) {
				g = 0
			}
			dx[c] = g*a[c] + v*b[c] + d[c]
		}
	}
}
