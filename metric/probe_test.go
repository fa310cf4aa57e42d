package metric

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The probabilities of scikit-learn's fits; how they were made stands in the files.
func TestLogisticAgainstScikitLearn(t *testing.T) {
	for file, prepared := range map[string]func(train Matrix) func(Matrix) features{
		"logistic.json": func(train Matrix) func(Matrix) features { return train.preparer() },
		"sparselogistic.json": func(Matrix) func(Matrix) features {
			return func(m Matrix) features { return sparseFeatures{sparse(m)} }
		},
	} {
		for _, c := range readGolden[logisticCase](t, file) {
			t.Run(c.Name, func(t *testing.T) {
				x, test := Matrix{len(c.Y), c.Dim, c.X}, Matrix{len(c.Predicted), c.Dim, c.Test}
				prepare := prepared(x)
				goOn := func(int, int) error { return nil }
				fit, err := newProbeData(prepare(x), c.Y).fit(c.C, nil, 0, ProbeOptions{Tolerance: 1e-8, MaxIterations: 1000, Progress: goOn})
				if err != nil {
					t.Fatal(err)
				}
				if fit.gradient > 1e-8 {
					t.Errorf("not converged: gradient %g after %d iterations", fit.gradient, fit.iterations)
				}
				if diff := cmp.Diff(c.Predicted, fit.predict(prepare(test))); diff != "" {
					t.Errorf("predictions differ:\n%s", diff)
				}
				for i, p := range probabilities(fit, prepare(test)) {
					if math.Abs(p-float64(c.Probabilities[i])) > 1e-5 {
						t.Errorf("probability %d is %g, want %g", i, p, c.Probabilities[i])
					}
				}
			})
		}
	}
}

type logisticCase struct {
	Name                   string
	C                      float64
	Dim                    int
	X, Test, Probabilities []float32
	Y, Predicted           []int
}

// probabilities of every class for every row, in float64.
func probabilities(p *probe, x features) []float64 {
	k := len(p.classes)
	cut := len(p.parameters) - k
	rows, cols := x.shape()
	out := make([]float64, rows*k)
	for i := range rows {
		var sum float64
		for c := range k {
			z := p.parameters[cut+c]
			for j := range cols {
				switch x := x.(type) {
				case denseFeatures:
					z += p.parameters[c*cols+j] * float64(x.x.Row(i)[j])
				case sparseFeatures:
					z += p.parameters[j*k+c] * at(x.x, i, j)
				}
			}
			out[i*k+c] = math.Exp(z)
			sum += out[i*k+c]
		}
		for c := range k {
			out[i*k+c] /= sum
		}
	}
	return out
}

// at is what stands in row i and column j.
func at(s Sparse, i, j int) float64 {
	columns, values := s.row(i)
	if at, found := slices.BinarySearch(columns, int32(j)); found {
		return float64(values[at])
	}
	return 0
}

// The slope is the derivative of the value, in the parameters and through the preconditioner.
func TestLogisticGradient(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := generator(rapid.Uint64().Draw(t, "seed"))
		n, dim := rapid.IntRange(2, 90).Draw(t, "n"), rapid.IntRange(1, 6).Draw(t, "dim")
		labels := rapid.SliceOfN(rapid.IntRange(0, 3), n, n).Draw(t, "labels")
		x := gaussianMatrix(n, dim, r)
		prepared := x.preparer()(x)
		if rapid.Bool().Draw(t, "sparse") {
			for i := range x.Data {
				x.Data[i] *= float32(r.IntN(2))
			}
			prepared = sparseFeatures{sparse(x)}
		}
		data := newProbeData(prepared, labels)
		size := len(data.classes) * (dim + 1)
		origin, v := make([]float64, size), make([]float64, size)
		for i := range v {
			origin[i], v[i] = r.NormFloat64(), r.NormFloat64()
		}
		l := newLogistic(data, 0.1, origin)
		gradient := make([]float64, size)
		l.gradient(gradient, v)
		const h = 1e-5
		for i := range v {
			at := slices.Clone(v)
			at[i] = v[i] + h
			up := l.loss(at)
			at[i] = v[i] - h
			down := l.loss(at)
			want := (up - down) / (2 * h)
			if math.Abs(gradient[i]-want) > 1e-6*(1+math.Abs(want)) {
				t.Fatalf("component %d of the gradient is %g, differences say %g", i, gradient[i], want)
			}
		}
	})
}

// blobs draws n items of k Gaussian classes that a line can mostly tell apart.
func blobs(n, dim, k int, seed uint64) (Matrix, []int) {
	r := generator(seed)
	m, labels := gaussianMatrix(n, dim, r), make([]int, n)
	for i := range labels {
		labels[i] = i % k
		m.Row(i)[labels[i]] += 4
	}
	return m, labels
}

func TestLinearProbeSeparatesBlobs(t *testing.T) {
	train, labels := blobs(300, 6, 3, 1)
	test, testLabels := blobs(90, 6, 3, 2)
	got, err := LinearProbe(train, labels, test, testLabels, ProbeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// Two class means are 4√2 apart, so pairwise errors are Φ(-2√2) = 0.2%.
	if got.Accuracy < 0.95 || !got.Converged || got.Gradient > DefaultTolerance {
		t.Errorf("accuracy %g, gradient %g after %d iterations", got.Accuracy, got.Gradient, got.Iterations)
	}
	if !slices.Contains(DefaultCs(), got.C) {
		t.Errorf("C = %g is not of the grid", got.C)
	}
}

// The right strength of the regularisation is found wherever it lies. Where the class is a small difference of two
// features that mostly move together, only weak regularisation sees it; where a faint signal hides among many noisy
// features, only a strong one does not learn the noise.
func TestLinearProbeChoosesRegularisation(t *testing.T) {
	difference := func(seed uint64) (Matrix, []int) {
		m, labels := blobs(600, 3, 2, seed)
		for i, label := range labels {
			m.Row(i)[0] = m.Row(i)[2] + 0.1*float32(label)
			m.Row(i)[1] = 0
		}
		return m, labels
	}
	faint := func(seed uint64) (Matrix, []int) {
		m, labels := blobs(600, 400, 2, seed)
		for i, label := range labels {
			m.Row(i)[label] -= 3
		}
		return m, labels
	}
	for _, c := range []struct {
		name string
		draw func(seed uint64) (Matrix, []int)
		good float64
		bad  float64
	}{{"difference", difference, 1e4, 1e-3}, {"faint", faint, 1e-3, 1e4}} {
		train, labels := c.draw(3)
		test, testLabels := c.draw(4)
		chosen, err := LinearProbe(train, labels, test, testLabels, ProbeOptions{Cs: []float64{1e-3, 1e4}})
		if err != nil {
			t.Fatal(err)
		}
		other, err := LinearProbe(train, labels, test, testLabels, ProbeOptions{Cs: []float64{c.bad}})
		if err != nil {
			t.Fatal(err)
		}
		if chosen.C != c.good || chosen.Accuracy <= other.Accuracy {
			t.Errorf("%s: chose C = %g with accuracy %g; C = %g has %g", c.name, chosen.C, chosen.Accuracy, c.bad, other.Accuracy)
		}
	}
}

// A probe does not see the scale or the origin of a feature.
// Progress counts the fits, and a probe that it refuses to go on with ends at once.
func TestLinearProbeTellsItsProgress(t *testing.T) {
	train := Matrix{Rows: 10, Cols: 1}
	var labels []int
	for i := range 10 {
		train.Data, labels = append(train.Data, float32(i)), append(labels, i/5)
	}
	var seen []int
	options := ProbeOptions{Cs: []float64{0.1, 1}, Progress: func(fits, total int) error {
		if total != 3 {
			t.Errorf("%d of %d fits", fits, total)
		}
		if len(seen) == 0 || seen[len(seen)-1] != fits {
			seen = append(seen, fits)
		}
		return nil
	}}
	if _, err := LinearProbe(train, labels, train, labels, options); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{0, 1, 2}, seen); diff != "" {
		t.Error(diff)
	}
	for refused := range 3 {
		calls, stop := 0, errors.New("stop")
		options.Progress = func(fits, _ int) error {
			if calls++; fits == refused {
				return stop
			}
			return nil
		}
		if _, err := LinearProbe(train, labels, train, labels, options); !errors.Is(err, stop) {
			t.Errorf("refused at fit %d: error %v", refused, err)
		}
	}
}

func TestLinearProbeStandardises(t *testing.T) {
	train, labels := blobs(150, 5, 3, 5)
	test, testLabels := blobs(60, 5, 3, 6)
	want, err := LinearProbe(train, labels, test, testLabels, ProbeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []Matrix{train, test} {
		for i := range m.Rows {
			for j := range m.Row(i) {
				m.Row(i)[j] = m.Row(i)[j]*float32(math.Pow(4, float64(j))) + 8
			}
		}
	}
	got, err := LinearProbe(train, labels, test, testLabels, ProbeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Predicted, got.Predicted); diff != "" {
		t.Error(diff)
	}
}

func TestLinearProbeCornerCases(t *testing.T) {
	x := fromRows([]float32{0, 7, 1}, []float32{1, 7, 0}, []float32{0, 7, 2}, []float32{2, 7, 0}, []float32{9, 7, 9})
	for _, c := range []struct {
		name     string
		labels   []int
		accuracy float64 // on the training items
	}{
		{"one class", []int{3, 3, 3, 3, 3}, 1},
		{"two classes, an unlabelled item", []int{0, 1, 0, 1, -1}, 1},
		{"classes of one item", []int{0, 1, 2, 3, 4}, -1},
		{"a class of one item among others", []int{0, 1, 0, 1, 2}, -1},
	} {
		got, err := LinearProbe(x, c.labels, x, c.labels, ProbeOptions{})
		if err != nil || !got.Converged || c.accuracy >= 0 && got.Accuracy != c.accuracy {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
		for _, predicted := range got.Predicted {
			if !slices.Contains(c.labels, predicted) || predicted < 0 {
				t.Errorf("%s: predicted %d, which is no class", c.name, predicted)
			}
		}
	}
	unknown, err := LinearProbe(x, []int{0, 1, 0, 1, -1}, x.rows(0, 2), []int{0, 7}, ProbeOptions{})
	if diff := cmp.Diff([]ClassScore{{0, 1, 1}, {7, 0, 1}}, unknown.PerClass); err != nil || diff != "" {
		t.Errorf("a class without training items: %v\n%s", err, diff)
	}
	constant := NewMatrix(4, 3)
	got, err := LinearProbe(constant, []int{1, 1, 1, 0}, constant, []int{1, 1, 1, 0}, ProbeOptions{})
	if err != nil || got.Accuracy != 0.75 {
		t.Errorf("features that say nothing must give the majority class: %+v, %v", got, err)
	}
}

// Words that say which class a text is of, among words that do not; some texts have no word that is known.
func TestLinearProbeOfSparseRows(t *testing.T) {
	draw := func(n int, seed uint64) (Matrix, []int) {
		r := generator(seed)
		m, labels := NewMatrix(n, 30), make([]int, n)
		for i := range labels {
			labels[i] = i % 5
			m.Row(i)[labels[i]] = 1
			for range 4 {
				m.Row(i)[5+r.IntN(25)] = 1
			}
		}
		clear(m.Row(0))
		return m, labels
	}
	train, labels := draw(200, 1)
	test, testLabels := draw(50, 2)
	got, err := LinearProbe(sparse(train).Normalized(), labels, sparse(test).Normalized(), testLabels, ProbeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Accuracy < 0.97 || !got.Converged || !slices.Contains(DefaultSparseCs(), got.C) {
		t.Errorf("accuracy %g with C = %g, gradient %g after %d iterations", got.Accuracy, got.C, got.Gradient, got.Iterations)
	}
	infinite := sparse(train)
	infinite.Values[0] = float32(math.Inf(1))
	_, err = LinearProbe(sparse(train), labels, infinite, labels, ProbeOptions{})
	wantError(t, err, "test vectors: row 1 of 200 has a NaN")
	empty := sparse(NewMatrix(4, 3))
	got, err = LinearProbe(empty, []int{1, 1, 1, 0}, empty, []int{1, 1, 1, 0}, ProbeOptions{})
	if err != nil || got.Accuracy != 0.75 {
		t.Errorf("rows that say nothing must give the majority class: %+v, %v", got, err)
	}
}

func TestLinearProbeRefuses(t *testing.T) {
	m, labels := NewMatrix(2, 2), []int{0, 1}
	_, err := LinearProbe(m, labels, m, labels, ProbeOptions{Cs: []float64{1, -1}})
	wantError(t, err, "every C must be positive")
	_, err = LinearProbe(m, labels, m, labels, ProbeOptions{Tolerance: -1})
	wantError(t, err, "must be positive")
	_, err = LinearProbe(m, []int{-1, -1}, m, labels, ProbeOptions{})
	wantError(t, err, "no training item has a label")
	m = fromRows([]float32{0, 1}, []float32{float32(math.NaN()), 1})
	_, err = LinearProbe(m, labels, m, labels, ProbeOptions{})
	wantError(t, err, "training vectors: row 1 of 2 has a NaN")
}

func TestSplitByClass(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		labels := rapid.SliceOf(rapid.IntRange(0, 4)).Draw(t, "labels")
		fitted, heldOut := splitByClass(labels)
		all := slices.Concat(fitted, heldOut)
		slices.Sort(all)
		for i := range labels {
			if all[i] != i {
				t.Fatalf("item %d is in neither part, or in both", i)
			}
		}
		for class := range 5 {
			var total, held int
			for _, label := range labels {
				if label == class {
					total++
				}
			}
			for _, i := range heldOut {
				if labels[i] == class {
					held++
				}
			}
			want := total / 5
			if total > 1 && total < 5 {
				want = 1
			}
			if held != want {
				t.Fatalf("%d of %d items of class %d are held out, want %d", held, total, class, want)
			}
		}
	})
}

// The spectrum of data with known axes.
func TestSpectrum(t *testing.T) {
	r := generator(7)
	scales := []float32{1, 10, 3}
	x := gaussianMatrix(4000, 3, r)
	for i := range x.Rows {
		for j := range scales {
			x.Row(i)[j] *= scales[j]
		}
	}
	s := newSpectrum(x)
	for k, axis := range []int{1, 2, 0} {
		want := float64(scales[axis] * scales[axis])
		if math.Abs(s.values[k]/want-1) > 0.1 || math.Abs(float64(s.vectors.Row(k)[axis])) < 0.99 {
			t.Errorf("eigenvector %d is %v with value %g, want axis %d with %g", k, s.vectors.Row(k), s.values[k], axis, want)
		}
	}
	if empty := newSpectrum(NewMatrix(5, 4)); empty.vectors.Rows != 0 || len(empty.values) != 0 {
		t.Errorf("zeros have no axes, got %+v", empty)
	}
}
