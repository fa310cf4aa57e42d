package metric

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// referenceNeighbours sorts all similarities, computed as the library does so that ties are the same ties.
func referenceNeighbours(collection, queries Matrix, k int) [][]Neighbour {
	collection, queries = collection.Normalized(), queries.Normalized()
	found := make([][]Neighbour, queries.Rows)
	for q := range found {
		all := make([]Neighbour, collection.Rows)
		for i := range all {
			var s float32
			for j, x := range queries.Row(q) {
				s += x * collection.Row(i)[j]
			}
			all[i] = Neighbour{i, s}
		}
		slices.SortStableFunc(all, func(a, b Neighbour) int {
			switch {
			case a.Similarity > b.Similarity:
				return -1
			case a.Similarity < b.Similarity:
				return 1
			}
			return 0
		})
		found[q] = all[:min(k, len(all))]
	}
	return found
}

// Small integers in few dimensions have many equal similarities, so this is a test of ties too.
func TestNeighboursAgainstSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cols := rapid.IntRange(1, 3).Draw(t, "cols")
		collection := drawMatrix(t, "collection", rapid.IntRange(1, 300).Draw(t, "n"), cols)
		queries := drawMatrix(t, "queries", rapid.IntRange(1, 70).Draw(t, "m"), cols)
		k := rapid.IntRange(1, 40).Draw(t, "k")
		got, err := Neighbours(collection, queries, k)
		if err != nil {
			t.Fatal(err)
		}
		want := referenceNeighbours(collection, queries, k)
		for q := range want {
			for i := range want[q] {
				// Processors that fuse multiply and add round the reference differently; equal indices mean equal ranks.
				if got[q][i].Index != want[q][i].Index && got[q][i].Similarity != want[q][i].Similarity {
					t.Fatalf("query %d: neighbour %d is %v, want %v", q, i, got[q][i], want[q][i])
				}
			}
			for i := 1; i < len(got[q]); i++ {
				a, b := got[q][i-1], got[q][i]
				if a.Similarity < b.Similarity || a.Similarity == b.Similarity && a.Index >= b.Index {
					t.Fatalf("query %d: neighbours %v and %v are in the wrong order", q, a, b)
				}
			}
			if len(got[q]) != len(want[q]) {
				t.Fatalf("query %d has %d neighbours, want %d", q, len(got[q]), len(want[q]))
			}
		}
	})
}

func TestNeighboursRefusesBadShapes(t *testing.T) {
	_, err := Neighbours(NewMatrix(2, 3), NewMatrix(2, 4), 1)
	wantError(t, err, "collection has 3 columns and queries has 4")
	_, err = Neighbours(Matrix{Rows: 2, Cols: 2, Data: make([]float32, 3)}, NewMatrix(1, 2), 1)
	wantError(t, err, "a [2, 2] matrix cannot hold 3 numbers")
	_, err = Neighbours(NewMatrix(2, 2), NewMatrix(1, 2), 0)
	wantError(t, err, "k must be at least 1")
	found, err := Neighbours(NewMatrix(0, 2), NewMatrix(1, 2), 3)
	if err != nil || len(found) != 1 || len(found[0]) != 0 {
		t.Errorf("neighbours in an empty collection: %v, %v", found, err)
	}
}

// A brute-force kNN in float64, over Gaussian vectors where no two similarities are near each other.
func TestKNNAgainstFloat64(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := generator(rapid.Uint64().Draw(t, "seed"))
		n, m := rapid.IntRange(1, 60).Draw(t, "n"), rapid.IntRange(1, 20).Draw(t, "m")
		options := KNNOptions{K: rapid.IntRange(1, 70).Draw(t, "k"), Temperature: rapid.SampledFrom([]float64{0.07, 0.1, 1}).Draw(t, "temperature")}
		train, query := gaussianMatrix(n, 8, r), gaussianMatrix(m, 8, r)
		trainLabels := rapid.SliceOfN(rapid.IntRange(-1, 3), n, n).Draw(t, "train labels")
		queryLabels := rapid.SliceOfN(rapid.IntRange(-1, 5), m, m).Draw(t, "query labels")
		trainLabels[0], queryLabels[0] = 2, 1
		got, err := KNN(train, trainLabels, query, queryLabels, options)
		if err != nil {
			t.Fatal(err)
		}
		var correct, total float64
		for q := range m {
			want := knn64(train, trainLabels, query.Row(q), options)
			if got.Predicted[q] != want {
				t.Fatalf("query %d is predicted %d, want %d", q, got.Predicted[q], want)
			}
			if queryLabels[q] >= 0 {
				total++
				if want == queryLabels[q] {
					correct++
				}
			}
		}
		if got.Accuracy != correct/total {
			t.Fatalf("accuracy is %g, want %g", got.Accuracy, correct/total)
		}
		var perClass ClassScore
		for _, c := range got.PerClass {
			perClass.Correct += c.Correct
			perClass.Total += c.Total
		}
		if float64(perClass.Correct) != correct || float64(perClass.Total) != total {
			t.Fatalf("classes sum to %+v, want %g of %g", perClass, correct, total)
		}
	})
}

// knn64 is the definition, in float64.
func knn64(train Matrix, labels []int, query []float32, options KNNOptions) int {
	type candidate struct {
		similarity float64
		label      int
	}
	var all []candidate
	for i, label := range labels {
		if label >= 0 {
			row := train.Row(i)
			all = append(all, candidate{dot64(row, query) / math.Sqrt(squaredLength(row)*squaredLength(query)), label})
		}
	}
	slices.SortFunc(all, func(a, b candidate) int {
		if a.similarity > b.similarity {
			return -1
		}
		return 1
	})
	votes := map[int]float64{}
	for _, c := range all[:min(options.K, len(all))] {
		votes[c.label] += math.Exp(c.similarity / options.Temperature)
	}
	best := -1
	for label := range 4 {
		if best < 0 && votes[label] > 0 || votes[label] > votes[best] {
			best = label
		}
	}
	return best
}

func TestKNNTies(t *testing.T) {
	// Four training items in the same direction: the first two vote, for 5 and 3, and the lower label wins.
	train := fromRows([]float32{1, 0}, []float32{2, 0}, []float32{3, 0}, []float32{4, 0})
	got, err := KNN(train, []int{5, 3, 5, 5}, fromRows([]float32{1, 0}), []int{3}, KNNOptions{K: 2})
	if err != nil {
		t.Fatal(err)
	}
	want := KNNResult{Accuracy: 1, PerClass: []ClassScore{{Class: 3, Correct: 1, Total: 1}}, Predicted: []int{3}, K: 2, Temperature: DefaultTemperature}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A temperature of a thousandth makes exp(s/τ) overflow float32 and float64 unless the maximum is taken out.
func TestKNNTinyTemperature(t *testing.T) {
	train := fromRows([]float32{1, 0}, []float32{1, 0.01}, []float32{1, 0.02})
	got, err := KNN(train, []int{1, 0, 0}, fromRows([]float32{1, 0}), []int{1}, KNNOptions{Temperature: 1e-6})
	if err != nil || got.Accuracy != 1 || got.K != 3 {
		t.Errorf("the nearest neighbour must win at temperature 1e-6: %+v, %v", got, err)
	}
}

// Vectors without a direction neither crash nor attract: they are orthogonal to everything.
func TestKNNWithoutDirection(t *testing.T) {
	nan := float32(math.NaN())
	train := fromRows([]float32{nan, nan}, []float32{0, 0}, []float32{1, 0})
	query := fromRows([]float32{1, 1}, []float32{0, 0}, []float32{nan, 0})
	got, err := KNN(train, []int{0, 1, 2}, query, []int{2, 0, 0}, KNNOptions{K: 1})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{2, 0, 0}, got.Predicted); diff != "" {
		t.Error(diff)
	}
}

func TestKNNSingleClassAndUnknownClass(t *testing.T) {
	m := fromRows([]float32{1, 0}, []float32{0, 1})
	got, err := KNN(m, []int{4, 4}, m, []int{4, 9}, KNNOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]ClassScore{{4, 1, 1}, {9, 0, 1}}, got.PerClass); diff != "" || got.Accuracy != 0.5 {
		t.Errorf("accuracy %g, %s", got.Accuracy, diff)
	}
}

func TestKNNRefuses(t *testing.T) {
	m := NewMatrix(2, 2)
	labels, none := []int{0, 1}, []int{-1, -1}
	for _, c := range []struct {
		train, query []int
		options      KNNOptions
		want         string
	}{
		{none, labels, KNNOptions{}, "no training item has a label"},
		{labels, none, KNNOptions{}, "no query item has a label"},
		{labels[:1], labels, KNNOptions{}, "2 training vectors have 1 labels"},
		{labels, labels, KNNOptions{K: -1}, "must be positive"},
		{labels, labels, KNNOptions{Temperature: math.NaN()}, "must be positive"},
	} {
		_, err := KNN(m, c.train, m, c.query, c.options)
		wantError(t, err, c.want)
	}
}

func TestSameScoresOnAnyNumberOfProcessors(t *testing.T) {
	r := generator(3)
	train, query := gaussianMatrix(500, 33, r), gaussianMatrix(90, 33, r)
	labels, queryLabels := make([]int, 500), make([]int, 90)
	for i := range labels {
		labels[i] = r.IntN(4)
		train.Row(i)[labels[i]] += 2
	}
	for i := range queryLabels {
		queryLabels[i] = r.IntN(4)
		query.Row(i)[queryLabels[i]] += 2
	}
	onEveryNumberOfProcessors(t, func() any {
		neighbours, _ := Neighbours(train, query, 5)
		knn, _ := KNN(train, labels, query, queryLabels, KNNOptions{})
		probe, _ := LinearProbe(train, labels, query, queryLabels, ProbeOptions{Cs: []float64{0.01, 1}})
		geometry, _ := MeasureGeometry(query, query, train)
		places, _ := Map2D(query)
		return []any{neighbours, knn, probe, geometry, places}
	})
}
