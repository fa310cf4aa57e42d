package metric

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// sparse returns what is not zero of a matrix.
func sparse(m Matrix) Sparse {
	s := Sparse{Rows: m.Rows, Cols: m.Cols, Starts: []int{0}}
	for i := range m.Rows {
		for j, x := range m.Row(i) {
			if x != 0 {
				s.Columns, s.Values = append(s.Columns, int32(j)), append(s.Values, x)
			}
		}
		s.Starts = append(s.Starts, len(s.Values))
	}
	return s
}

// Half integers make sums exact enough for ties to be the same ties; zeros and empty rows are frequent.
func TestSparseVectorsScoreAsDenseOnes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cols := rapid.IntRange(1, 6).Draw(t, "cols")
		train := drawMatrix(t, "train", rapid.IntRange(1, 90).Draw(t, "n"), cols)
		query := drawMatrix(t, "query", rapid.IntRange(1, 70).Draw(t, "m"), cols)
		r := generator(rapid.Uint64().Draw(t, "seed"))
		labels := func(n int) []int {
			out := make([]int, n)
			for i := range out {
				out[i] = r.IntN(5) - 1
			}
			out[0] = 1
			return out
		}
		trainLabels, queryLabels := labels(train.Rows), labels(query.Rows)
		relevant := drawRelevant(r, query.Rows, train.Rows)
		dense, err := KNN(train, trainLabels, query, queryLabels, KNNOptions{K: 5})
		if err != nil {
			t.Fatal(err)
		}
		few, err := KNN(sparse(train), trainLabels, sparse(query), queryLabels, KNNOptions{K: 5})
		if err != nil {
			t.Fatal(err)
		}
		same(t, dense, few)
		retrieved, err := Retrieval(train, query, relevant)
		if err != nil {
			t.Fatal(err)
		}
		fewRetrieved, err := Retrieval(sparse(train), sparse(query), relevant)
		if err != nil {
			t.Fatal(err)
		}
		same(t, retrieved, fewRetrieved)
		pairs, err := PairSimilarities(train, train)
		if err != nil {
			t.Fatal(err)
		}
		fewPairs, err := PairSimilarities(sparse(train), sparse(train))
		if err != nil {
			t.Fatal(err)
		}
		same(t, pairs, fewPairs)
	})
}

func same(t *rapid.T, dense, sparse any) {
	t.Helper()
	if diff := cmp.Diff(dense, sparse); diff != "" {
		t.Fatalf("dense - sparse +\n%s", diff)
	}
}

func TestSparseRefusesWhatItsShapeDoesNotAllow(t *testing.T) {
	for _, c := range []struct {
		s    Sparse
		want string
	}{
		{Sparse{Rows: 1, Cols: 2}, "a sparse [1, 2] matrix cannot have 0 starts"},
		{Sparse{Rows: 1, Cols: 2, Starts: []int{0, 1}}, "0 columns and 0 values"},
		{Sparse{Rows: 2, Cols: 2, Starts: []int{0, 2, 1}, Columns: []int32{0}, Values: []float32{1}}, "a row ends before it starts"},
		{Sparse{Rows: 1, Cols: 2, Starts: []int{0, 1}, Columns: []int32{2}, Values: []float32{1}}, "must rise from 0 to below 2"},
		{Sparse{Rows: 1, Cols: 2, Starts: []int{0, 1}, Columns: []int32{-1}, Values: []float32{1}}, "must rise"},
		{Sparse{Rows: 1, Cols: 2, Starts: []int{0, 2}, Columns: []int32{1, 1}, Values: []float32{1, 1}}, "the columns of row 0 must rise"},
	} {
		_, err := Neighbours(c.s, c.s, 1)
		wantError(t, err, c.want)
	}
}
