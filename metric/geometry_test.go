package metric

import (
	"encoding/json"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// near checks a value against a closed form.
func near(t testing.TB, what string, got float64, err error, want float64) {
	t.Helper()
	if err != nil || !(math.Abs(got-want) <= 1e-5*(1+math.Abs(want))) {
		t.Errorf("%s is %.9g (%v), want %.9g", what, got, err, want)
	}
}

// crossPolytope returns the 2d unit vectors +e_i and -e_i.
func crossPolytope(d int) Matrix {
	m := NewMatrix(2*d, d)
	for i := range d {
		m.Row(2 * i)[i] = 1
		m.Row(2*i + 1)[i] = -1
	}
	return m
}

func scaled(m Matrix, by float32) Matrix {
	out := NewMatrix(m.Rows, m.Cols)
	for i, x := range m.Data {
		out.Data[i] = x * by
	}
	return out
}

func TestAlignmentClosedForms(t *testing.T) {
	m := crossPolytope(5)
	got, err := Alignment(m, scaled(m, 3), 2)
	near(t, "alignment of equal directions", got, err, 0)
	got, err = Alignment(m, scaled(m, -1), 2)
	near(t, "alignment of opposites", got, err, 4)
	got, err = Alignment(m, scaled(m, -1), 1)
	near(t, "alignment of opposites with α = 1", got, err, 2)
	got, err = Alignment(fromRows([]float32{1, 0}, []float32{5, 0}), fromRows([]float32{0, 2}, []float32{1, 0}), 2)
	near(t, "alignment of one orthogonal and one equal pair", got, err, 1)
}

func TestUniformityClosedForms(t *testing.T) {
	same := fromRows([]float32{1, 2}, []float32{2, 4}, []float32{3, 6})
	got, err := Uniformity(same, 2)
	near(t, "uniformity of a collapsed encoder", got, err, 0)
	got, err = Uniformity(fromRows([]float32{1, 0}, []float32{-1, 0}), 2)
	near(t, "uniformity of two opposites", got, err, -8)
	// Each of the 2d vectors has one opposite at squared distance 4 and 2d-2 others at 2.
	const d = 40
	want := math.Log((math.Exp(-8) + (2*d-2)*math.Exp(-4)) / (2*d - 1))
	got, err = Uniformity(crossPolytope(d), 2)
	near(t, "uniformity of a cross-polytope", got, err, want)
}

func TestUniformityAgainstFloat64(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z := drawMatrix(t, "z", rapid.IntRange(2, 70).Draw(t, "n"), rapid.IntRange(1, 4).Draw(t, "dim"))
		got, err := Uniformity(z, 2)
		if err != nil {
			t.Fatal(err)
		}
		unit := z.Normalized()
		var sum, pairs float64
		for i := range z.Rows {
			for j := range i {
				var squared float64
				for k, x := range unit.Row(i) {
					d := float64(x) - float64(unit.Row(j)[k])
					squared += d * d
				}
				sum += math.Exp(-2 * squared)
				pairs++
			}
		}
		if want := math.Log(sum / pairs); math.Abs(got-want) > 1e-5 {
			t.Fatalf("uniformity is %g, want %g", got, want)
		}
	})
}

func TestUniformityOfManyRows(t *testing.T) {
	z := gaussianMatrix(3*geometryRows+5, 3, generator(1))
	got, err := Uniformity(z, 2)
	if err != nil {
		t.Fatal(err)
	}
	// On the 2-sphere squared distances are uniform on [0, 4]: the mean potential is (1 - e^-8) / 8.
	if want := math.Log((1 - math.Exp(-8)) / 8); math.Abs(got-want) > 0.02 {
		t.Errorf("uniformity of the sphere is %g, want about %g", got, want)
	}
}

func TestEffectiveRankClosedForms(t *testing.T) {
	for _, shape := range [][2]int{{4, 7}, {7, 4}, {5, 5}} {
		m := NewMatrix(shape[0], shape[1])
		for i := range 3 {
			m.Row(i)[i+1] = -2
		}
		got, err := EffectiveRank(m)
		near(t, "effective rank of three equal directions", got, err, 3)
	}
	got, err := EffectiveRank(fromRows([]float32{1, 2, 3}, []float32{2, 4, 6}))
	near(t, "effective rank of parallel rows", got, err, 1)
	got, err = EffectiveRank(NewMatrix(3, 3))
	near(t, "effective rank of zeros", got, err, 0)
	// Singular values 3 and 1: p = 3/4 and 1/4.
	got, err = EffectiveRank(fromRows([]float32{3, 0}, []float32{0, 1}))
	near(t, "effective rank of singular values 3 and 1", got, err, math.Exp(-0.75*math.Log(0.75)-0.25*math.Log(0.25)))
}

func TestStdClosedForms(t *testing.T) {
	got, err := Std(fromRows([]float32{1, 1}, []float32{3, 3}))
	near(t, "std of a collapsed encoder", got, err, 0)
	got, err = Std(scaled(crossPolytope(6), 7))
	near(t, "std of a cross-polytope", got, err, 1)
	// Only one of four dimensions is in use: √4 · 1/4.
	m := NewMatrix(2, 4)
	m.Row(0)[0], m.Row(1)[0] = 1, -1
	got, err = Std(m)
	near(t, "std along one of four dimensions", got, err, 0.5)
}

// Turning the whole space changes nothing but std, which looks at the axes.
func TestGeometryIsRotationInvariant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := generator(rapid.Uint64().Draw(t, "seed"))
		a, b := gaussianMatrix(20, 2, r), gaussianMatrix(20, 2, r)
		sin, cos := math.Sincos(rapid.Float64Range(0, 6).Draw(t, "angle"))
		turn := func(m Matrix) Matrix {
			out := NewMatrix(m.Rows, 2)
			for i := range m.Rows {
				x, y := float64(m.Row(i)[0]), float64(m.Row(i)[1])
				out.Row(i)[0], out.Row(i)[1] = float32(cos*x-sin*y), float32(sin*x+cos*y)
			}
			return out
		}
		before, err := MeasureGeometry(a, b, a)
		if err != nil {
			t.Fatal(err)
		}
		after, err := MeasureGeometry(turn(a), turn(b), turn(a))
		if err != nil {
			t.Fatal(err)
		}
		for _, pair := range [][2]float64{{before.Alignment, after.Alignment}, {before.Uniformity, after.Uniformity}, {before.EffectiveRank, after.EffectiveRank}} {
			if math.Abs(pair[0]-pair[1]) > 1e-4 {
				t.Fatalf("before %+v, after %+v", before, after)
			}
		}
	})
}

func TestGeometryJSON(t *testing.T) {
	got, err := json.Marshal(Geometry{Alignment: 1, Uniformity: -2, EffectiveRank: 3, Std: 0.5})
	if want := `{"alignment":1,"uniformity":-2,"effective_rank":3,"std":0.5}`; err != nil || string(got) != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestGeometryRefuses(t *testing.T) {
	good, bad := NewMatrix(2, 2), fromRows([]float32{0, 1}, []float32{float32(math.Inf(1)), 0})
	_, err := MeasureGeometry(good, NewMatrix(3, 2), good)
	wantError(t, err, "2 first and 3 second views")
	_, err = MeasureGeometry(good, good, NewMatrix(1, 2))
	wantError(t, err, "at least two")
	_, err = MeasureGeometry(good, bad, good)
	wantError(t, err, "row 1 of 2 has a NaN or an infinity")
	_, err = EffectiveRank(bad)
	wantError(t, err, "effective rank: row 1")
	_, err = Std(NewMatrix(0, 3))
	wantError(t, err, "no embeddings")
}
