package jpeg

// block holds the coefficients of 8 x 8 pixels, row by row.
type block [64]int32

// The factors of the inverse transform of Loeffler, Ligtenberg and Moschytz ("Practical fast 1-D DCT algorithms with 11
// multiplications", ICASSP 1989), as integers of 8 to 18 fractional bits. Factors, precisions and the order of the steps
// are those of image/jpeg, so that the pixels are the same to the last bit.
const (
	halfRoot8, halfRoot14 = 181, 11585    // 1/sqrt(2)
	cos6x18, sin6x18      = 70936, 171254 // cos and sin of 6pi/16, divided by sqrt(2)
	cos6x12, sin6x12      = 1108, 2676    // the same, with 12 bits
	cos3, sin3            = 3406, 2276    // of 3pi/16, 12 bits
	cos1, sin1            = 4017, 799     // of pi/16, 12 bits

	rowBits = 17      // the fractional bits of a row's mean at the start; three butterflies add a bit each
	half    = 1 << 19 // one half with the 20 bits that this makes
)

// inverse writes the 8 x 8 pixels of the block to dst, whose rows are stride apart: the inverse DCT (A.3.3) and the shift
// from around 0 to around 128. rows is what readBlock says of the block, whose content is lost.
func (b *block) inverse(dst []byte, stride int, rows uint8) {
	if rows == 0 {
		flat(dst, stride, pixel((b[0]<<rowBits+half)>>2>>18))
		return
	}
	for i := range 8 {
		if rows>>i&1 != 0 {
			inverseRow((*[8]int32)(b[8*i:]))
		}
	}
	if rows&1 == 0 { // all of the first row is its mean
		mean := b[0] << rowBits
		for i := range 8 {
			b[i] = mean
		}
	}
	b.inverseColumns(dst, stride)
}

// flat writes a block of one colour.
func flat(dst []byte, stride int, p byte) {
	for y := range 8 {
		row := dst[y*stride:][:8]
		for x := range row {
			row[x] = p
		}
	}
}

// inverseRow does the transform of a row, in place.
func inverseRow(x *[8]int32) {
	// The even part.
	a0, a1 := (x[0]+x[4])<<rowBits, (x[0]-x[4])<<rowBits
	a2, a3 := x[2]*cos6x18-x[6]*sin6x18, x[6]*cos6x18+x[2]*sin6x18
	x0, x3 := a0+a3, a0-a3
	x1, x2 := a1+a2, a1-a2

	// The odd part.
	b7, b4 := (x[1]+x[7])<<7, (x[1]-x[7])<<7
	b5, b6 := x[3]*halfRoot8, x[5]*halfRoot8
	c7, c5 := (b7+b5)>>2, (b7-b5)>>2
	c4, c6 := (b4+b6)>>2, (b4-b6)>>2
	x4, x7 := c4*cos3-c7*sin3, c7*cos3+c4*sin3
	x5, x6 := c5*cos1-c6*sin1, c6*cos1+c5*sin1

	x[0], x[7] = x0+x7, x0-x7
	x[1], x[6] = x1+x6, x1-x6
	x[2], x[5] = x2+x5, x2-x5
	x[3], x[4] = x3+x4, x3-x4
}

// inverseColumns does the transform of the columns and writes the pixels.
func (b *block) inverseColumns(dst []byte, stride int) {
	r0, r1, r2, r3 := dst[:8], dst[stride:][:8], dst[2*stride:][:8], dst[3*stride:][:8]
	r4, r5, r6, r7 := dst[4*stride:][:8], dst[5*stride:][:8], dst[6*stride:][:8], dst[7*stride:][:8]
	for i := range 8 {
		// The even part. The half rounds all pixels of the column, as its mean is in all of them.
		mean := b[i] + half
		a0, a1 := (mean+b[32+i])>>2, (mean-b[32+i])>>2
		d2, d6 := b[16+i]>>13, b[48+i]>>13
		a2, a3 := d2*cos6x12-d6*sin6x12, d6*cos6x12+d2*sin6x12
		x0, x3 := a0+a3, a0-a3
		x1, x2 := a1+a2, a1-a2

		// The odd part.
		b7, b4 := b[8+i]+b[56+i], b[8+i]-b[56+i]
		b5, b6 := (b[24+i]>>13)*halfRoot14, (b[40+i]>>13)*halfRoot14
		c7, c5 := (b7+b5)>>14, (b7-b5)>>14
		c4, c6 := (b4+b6)>>14, (b4-b6)>>14
		x4, x7 := c4*cos3-c7*sin3, c7*cos3+c4*sin3
		x5, x6 := c5*cos1-c6*sin1, c6*cos1+c5*sin1

		r0[i], r7[i] = pixel((x0+x7)>>18), pixel((x0-x7)>>18)
		r1[i], r6[i] = pixel((x1+x6)>>18), pixel((x1-x6)>>18)
		r2[i], r5[i] = pixel((x2+x5)>>18), pixel((x2-x5)>>18)
		r3[i], r4[i] = pixel((x3+x4)>>18), pixel((x3-x4)>>18)
	}
}

// pixel moves v from around 0 to around 128 and clips it.
func pixel(v int32) byte { return clip(v + 128) }

// clip returns v, or the nearer of 0 and 255.
func clip(v int32) byte {
	if uint32(v) > 255 {
		v = ^(v >> 31) // 0 below, all ones above
	}
	return byte(v)
}
