package metric

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// divergence is what t-SNE minimises, up to the constant entropy of p, for p scaled by the exaggeration.
func divergence(t tsne, exaggeration float64) float64 {
	var total float64
	weight := func(i, j int) float64 {
		x, y := t.points[i].X-t.points[j].X, t.points[i].Y-t.points[j].Y
		return 1 / (1 + x*x + y*y)
	}
	for i := range t.points {
		for j := range t.points {
			if i != j {
				total += weight(i, j)
			}
		}
	}
	var sum float64
	for i := range t.points {
		for j := range t.points {
			if i != j {
				sum -= exaggeration * float64(t.affinities.Row(i)[j]) * math.Log(weight(i, j))
			}
		}
	}
	// Σ p = 1, so the normalisation counts once however much the pull is exaggerated.
	return sum + math.Log(total)
}

func TestMapGradient(t *testing.T) {
	r := generator(1)
	m := tsne{affinities: affinities(gaussianMatrix(12, 5, r).Normalized(), 3), points: make([]Point, 12), gradient: make([]Point, 12)}
	for i := range m.points {
		m.points[i] = Point{r.NormFloat64(), r.NormFloat64()}
	}
	for _, exaggeration := range []float64{1, 12} {
		m.slope(exaggeration)
		for i := range m.points {
			for _, c := range []struct {
				at   *float64
				want float64
			}{{&m.points[i].X, m.gradient[i].X}, {&m.points[i].Y, m.gradient[i].Y}} {
				const h = 1e-5
				before := *c.at
				*c.at = before + h
				up := divergence(m, exaggeration)
				*c.at = before - h
				down := divergence(m, exaggeration)
				*c.at = before
				if got := (up - down) / (2 * h); math.Abs(got-c.want) > 1e-5 {
					t.Errorf("point %d: slope %g, differences say %g", i, c.want, got)
				}
			}
		}
	}
}

// Every row of the conditional probabilities has the perplexity asked for, and the joint ones sum to 1.
func TestAffinities(t *testing.T) {
	unit := gaussianMatrix(50, 6, generator(2)).Normalized()
	row := make([]float32, unit.Rows)
	products(row, unit.Row(4), unit.Data, unit.Cols)
	for j, cosine := range row {
		row[j] = 2 - 2*cosine
	}
	gaussian(row, 4, math.Log(10))
	var entropy float64
	for _, p := range row {
		if p > 0 {
			entropy -= float64(p) * math.Log(float64(p))
		}
	}
	if perplexity := math.Exp(entropy); math.Abs(perplexity-10) > 0.01 || row[4] != 0 {
		t.Errorf("perplexity is %g, want 10; the point's own probability is %g", perplexity, row[4])
	}
	var sum float64
	for _, p := range affinities(unit, 10).Data {
		sum += float64(p)
	}
	if math.Abs(sum-1) > 1e-4 {
		t.Errorf("joint probabilities sum to %g", sum)
	}
}

// Three far groups stay three groups: every point's nearest neighbour on the map is of its own.
func TestMapKeepsGroups(t *testing.T) {
	m, labels := blobs(120, 10, 3, 3)
	for i := range labels {
		m.Row(i)[labels[i]] += 10
	}
	points, err := Map2D(m)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range points {
		nearest, best := -1, math.Inf(1)
		for j, q := range points {
			if d := math.Hypot(p.X-q.X, p.Y-q.Y); i != j && d < best {
				nearest, best = j, d
			}
		}
		if labels[nearest] != labels[i] {
			t.Errorf("point %d of group %d is nearest to one of group %d", i, labels[i], labels[nearest])
		}
	}
}

func TestMapCornerCases(t *testing.T) {
	line := NewMatrix(30, 2)
	for i := range line.Rows {
		line.Row(i)[0], line.Row(i)[1] = 1, float32(i)/100
	}
	for name, m := range map[string]Matrix{
		"none": NewMatrix(0, 3), "one": NewMatrix(1, 3), "three": crossPolytope(2).rows(0, 3), "five": gaussianMatrix(5, 2, generator(1)),
		"zeros": NewMatrix(40, 3), "twins": fromRows(slices.Repeat([][]float32{{1, 2}}, 20)...), "a line": line, "no columns": NewMatrix(6, 0),
	} {
		points, err := Map2D(m)
		if err != nil || len(points) != m.Rows {
			t.Errorf("%s: %d points, %v", name, len(points), err)
		}
		for i, p := range points {
			if math.IsNaN(p.X+p.Y) || math.IsInf(p.X+p.Y, 0) {
				t.Errorf("%s: point %d is %v", name, i, p)
			}
		}
	}
	again, _ := Map2D(line)
	once, _ := Map2D(line)
	if diff := cmp.Diff(once, again); diff != "" {
		t.Errorf("two maps of the same rows differ:\n%s", diff)
	}
	_, err := Map2D(NewMatrix(MaxMapRows+1, 1))
	wantError(t, err, "take a sample")
	_, err = Map2D(fromRows([]float32{float32(math.NaN())}))
	wantError(t, err, "row 0 of 1")
}
