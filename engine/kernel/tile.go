package kernel

import (
	"math"
	"unsafe"
)

// tile tells a micro-kernel what to compute: C = alpha * A * B + beta * plus for one block of C that fits in registers, where A
// has k columns and B has k rows. For bfloat16 a column of A and a row of B are a pair of each. Assembly reads the fields
// by their offsets. All steps and offsets are in bytes.
type tile struct {
	a          unsafe.Pointer
	aRow, aCol int
	b          unsafe.Pointer
	bStep      int // from row to row of B
	k          int
	c          unsafe.Pointer
	bias       unsafe.Pointer // added to every row, or nil
	alpha      uint64         // bits of the accumulator's type
	beta       uint64
	mask       uint64 // one bit for each column
	flags      int
	cOff       [14]int        // row i of C is at c + cOff[i]
	lanes      [16]int32      // the mask as AVX2 wants it: -1 for each column
	rows, cols int            // for plain Go
	segments   int            // of A, of k columns each; B goes on from one to the next
	aNext      int            // from the end of a row's segment to the begin of its next
	plus       unsafe.Pointer // what beta multiplies, in rows as those of c; c itself as a rule

	// twin is a second block of C in rows as those of c, with all columns of the micro-kernel, or nil: it becomes twinSign * A * B, and
	// twinPlus is added if it is not nil. See strassen.go.
	twin, twinPlus unsafe.Pointer
	twinSign       float32
}

const (
	tileReadC = 1 // beta is not zero
	tileReLU  = 2
	tileWide  = 4 // all columns of the micro-kernel exist
)

// micro is a micro-kernel: tiles of up to mr rows and nr columns.
type micro struct {
	mr, nr int
	pairs  bool            // inputs are pairs of bfloat16
	masked bool            // B may be read in place: lanes without a column are not touched
	run    []func(t *tile) // by the number of rows, from one
	half   int             // the columns that narrow computes at most, in panels of nr columns
	narrow []func(t *tile)
}

// setColumns sets the number of columns of t for a micro-kernel of nr columns.
func (t *tile) setColumns(cols, nr int) {
	if t.cols == cols {
		return
	}
	t.cols = cols
	t.mask = 1<<cols - 1
	for i := range t.lanes {
		t.lanes[i] = 0
		if i < cols {
			t.lanes[i] = -1
		}
	}
	t.flags &^= tileWide
	if cols == nr {
		t.flags |= tileWide
	}
}

// The plain Go micro-kernel's tile. It has the width of eight accumulators that a compiler keeps in registers.
const (
	goRows = 4
	goCols = 8
)

func goMicro[T float32 | float64]() micro {
	run := make([]func(*tile), goRows)
	for i := range run {
		run[i] = goTile[T]
	}
	return micro{mr: goRows, nr: goCols, run: run}
}

// goTile is the micro-kernel in plain Go. B is packed to goCols columns.
func goTile[T float32 | float64](t *tile) {
	alpha, beta := scalarOf[T](t.alpha), scalarOf[T](t.beta)
	for i := range t.rows {
		var s [goCols]T
		a, b := unsafe.Add(t.a, i*t.aRow), t.b
		aAt, bAt := 0, 0
		for range t.segments {
			for range t.k {
				v := *(*T)(unsafe.Add(a, aAt))
				row := (*[goCols]T)(unsafe.Add(b, bAt))
				aAt, bAt = aAt+t.aCol, bAt+t.bStep
				s[0] += v * row[0]
				s[1] += v * row[1]
				s[2] += v * row[2]
				s[3] += v * row[3]
				s[4] += v * row[4]
				s[5] += v * row[5]
				s[6] += v * row[6]
				s[7] += v * row[7]
			}
			aAt += t.aNext
		}
		if t.twin != nil {
			goTwin(t, i, &s)
		}
		c, plus := unsafe.Slice((*T)(unsafe.Add(t.c, t.cOff[i])), t.cols), unsafe.Slice((*T)(unsafe.Add(t.plus, t.cOff[i])), t.cols)
		for j := range c {
			v := alpha * s[j]
			if t.flags&tileReadC != 0 {
				v += beta * plus[j]
			}
			if t.bias != nil {
				v += unsafe.Slice((*T)(t.bias), t.cols)[j]
			}
			if t.flags&tileReLU != 0 && v < 0 {
				v = 0
			}
			c[j] = v
		}
	}
}

// goTwin writes row i of the second block of C, whose products are s.
func goTwin[T float32 | float64](t *tile, i int, s *[goCols]T) {
	twin := (*[goCols]T)(unsafe.Add(t.twin, t.cOff[i]))
	for j, v := range s {
		v *= T(t.twinSign)
		if t.twinPlus != nil {
			v += (*[goCols]T)(unsafe.Add(t.twinPlus, t.cOff[i]))[j]
		}
		twin[j] = v
	}
}

// bitsOf returns the bits of v as a tile holds them, and scalarOf is its inverse.
func bitsOf[T float32 | float64](v T) uint64 {
	if unsafe.Sizeof(v) == 8 {
		return math.Float64bits(float64(v))
	}
	return uint64(math.Float32bits(float32(v)))
}

func scalarOf[T float32 | float64](bits uint64) T {
	if unsafe.Sizeof(T(0)) == 8 {
		return T(math.Float64frombits(bits))
	}
	return T(math.Float32frombits(uint32(bits)))
}
