package kernel

// The functions of this file work element by element. dst and the operands have one length; dst may be one of them, but
// must not overlap them otherwise. Those with a product and a sum round once at the SIMD levels and twice in plain Go; the others
// give the same bits at every level.

// Add computes a + b.
func Add(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	if len(dst) == 0 || addSIMD(&dst[0], &a[0], &b[0], len(dst)) {
		return
	}
	for i := range dst {
		dst[i] = a[i] + b[i]
	}
}

// Sub computes a - b.
func Sub(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	if len(dst) == 0 || subSIMD(&dst[0], &a[0], &b[0], len(dst)) {
		return
	}
	for i := range dst {
		dst[i] = a[i] - b[i]
	}
}

// Mul computes a * b.
func Mul(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	if len(dst) == 0 || mulSIMD(&dst[0], &a[0], &b[0], len(dst)) {
		return
	}
	for i := range dst {
		dst[i] = a[i] * b[i]
	}
}

// Div computes a / b.
func Div(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	if len(dst) == 0 || divSIMD(&dst[0], &a[0], &b[0], len(dst)) {
		return
	}
	for i := range dst {
		dst[i] = a[i] / b[i]
	}
}

// Max computes the larger of a and b, NaN if either is NaN.
func Max(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	if len(dst) == 0 || maxSIMD(&dst[0], &a[0], &b[0], len(dst)) {
		return
	}
	for i := range dst {
		dst[i] = max(a[i], b[i])
	}
}

// Min computes the smaller of a and b, NaN if either is NaN.
func Min(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	if len(dst) == 0 || minSIMD(&dst[0], &a[0], &b[0], len(dst)) {
		return
	}
	for i := range dst {
		dst[i] = min(a[i], b[i])
	}
}

// SubScalar computes a - s.
func SubScalar(dst, a []float32, s float32) {
	a = a[:len(dst)]
	if len(dst) == 0 || addScalarSIMD(&dst[0], &a[0], -s, len(dst)) {
		return
	}
	for i := range dst {
		dst[i] = a[i] - s
	}
}

// MulScalar computes a * s.
func MulScalar(dst, a []float32, s float32) {
	a = a[:len(dst)]
	if len(dst) == 0 || mulScalarSIMD(&dst[0], &a[0], s, len(dst)) {
		return
	}
	for i := range dst {
		dst[i] = a[i] * s
	}
}

// MaxScalar computes the larger of a and s, NaN if either is NaN.
func MaxScalar(dst, a []float32, s float32) {
	a = a[:len(dst)]
	if len(dst) == 0 || maxScalarSIMD(&dst[0], &a[0], s, len(dst)) {
		return
	}
	for i := range dst {
		dst[i] = max(a[i], s)
	}
}

// MinScalar computes the smaller of a and s, NaN if either is NaN.
func MinScalar(dst, a []float32, s float32) {
	a = a[:len(dst)]
	if len(dst) == 0 || minScalarSIMD(&dst[0], &a[0], s, len(dst)) {
		return
	}
	for i := range dst {
		dst[i] = min(a[i], s)
	}
}

// SubScalarMul computes (a - s) * b.
func SubScalarMul(dst, a []float32, s float32, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	if len(dst) == 0 || subScalarMulSIMD(&dst[0], &a[0], &b[0], s, len(dst)) {
		return
	}
	for i := range dst {
		dst[i] = (a[i] - s) * b[i]
	}
}

// MulAdd computes a * b + c.
func MulAdd(dst, a, b, c []float32) {
	a, b, c = a[:len(dst)], b[:len(dst)], c[:len(dst)]
	if len(dst) == 0 || mulAddSIMD(&dst[0], &a[0], &b[0], &c[0], len(dst)) {
		return
	}
	for i := range dst {
		dst[i] = a[i]*b[i] + c[i]
	}
}

// ScaleShift computes a * scale + shift.
func ScaleShift(dst, a []float32, scale, shift float32) {
	a = a[:len(dst)]
	if len(dst) == 0 || scaleShiftSIMD(&dst[0], &a[0], scale, shift, len(dst)) {
		return
	}
	for i := range dst {
		dst[i] = a[i]*scale + shift
	}
}
