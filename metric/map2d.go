package metric

import (
	"fmt"
	"math"
)

// Point is a place on a map.
type Point struct {
	X, Y float64
}

// MaxMapRows is the most vectors that [Map2D] places: its time and memory grow with their square. 2,000 take a few
// seconds; of more, a sample makes the better picture too.
const MaxMapRows = 5000

// The settings of t-SNE. Perplexity and momenta are those of van der Maaten and Hinton 2008 (section 3.4). Exaggeration 12
// for 250 steps is van der Maaten 2014 (section 4.2), the rate n/12 is Belkina et al. 2019, and the PCA
// start is Kobak and Berens 2019, which keeps distant groups where they belong and needs no random numbers.
const (
	mapPerplexity   = 30
	mapExaggeration = 12
	mapEarlySteps   = 250
	mapSteps        = 750
	mapEarlyInertia = 0.5
	mapInertia      = 0.8
	mapStart        = 1e-4 // standard deviation of the first coordinate at the start
)

// Map2D places the rows of m, [n, dim], in the plane so that neighbours by cosine similarity are neighbours there: exact
// t-SNE (van der Maaten and Hinton 2008, "Visualizing data using t-SNE") of the rows normalised to length 1, started from
// their first two principal components. Distances between far groups and the scale of the axes mean nothing. Fewer than
// four rows are placed by the principal components alone.
//
// The same rows give the same map, bit for bit. It is an error if there are more than [MaxMapRows] rows or a number is
// not finite.
func Map2D(m Matrix) ([]Point, error) {
	if err := m.checkFinite("map"); err != nil {
		return nil, err
	}
	if m.Rows > MaxMapRows {
		return nil, fmt.Errorf("map: %d vectors are too many for an exact map: take a sample of at most %d", m.Rows, MaxMapRows)
	}
	if m.Rows == 0 {
		return nil, nil
	}
	unit := m.Normalized()
	points := principalPoints(unit)
	if m.Rows < 4 {
		return points, nil
	}
	t := tsne{
		affinities: affinities(unit, min(mapPerplexity, float64(m.Rows-1)/3)),
		points:     points,
		velocity:   make([]Point, m.Rows),
		gains:      make([]Point, m.Rows),
		gradient:   make([]Point, m.Rows),
	}
	for i := range t.gains {
		t.gains[i] = Point{1, 1}
	}
	rate := max(float64(m.Rows)/mapExaggeration, 50)
	for step := range mapSteps {
		if step < mapEarlySteps {
			t.step(mapExaggeration, mapEarlyInertia, rate)
		} else {
			t.step(1, mapInertia, rate)
		}
	}
	return t.points, nil
}

// principalPoints projects the rows on their first two principal components, scaled to the start of t-SNE.
func principalPoints(m Matrix) []Point {
	centred := m.Less(Centre(m))
	axes := newSpectrum(centred)
	points := make([]Point, m.Rows)
	if axes.vectors.Rows == 0 || axes.values[0] == 0 {
		return spread(points)
	}
	scale := mapStart / math.Sqrt(axes.values[0])
	for i := range points {
		points[i].X = scale * dot64(centred.Row(i), axes.vectors.Row(0))
		if axes.vectors.Rows > 1 {
			points[i].Y = scale * dot64(centred.Row(i), axes.vectors.Row(1))
		}
	}
	return spread(points)
}

// spread moves points apart by a thousandth of the start's size along a golden spiral, so that rows that lie on a line, or
// on each other, can leave it.
func spread(points []Point) []Point {
	const goldenAngle = math.Pi * (3 - 2.2360679774997896)
	for i := range points {
		sin, cos := math.Sincos(goldenAngle * float64(i))
		r := 1e-3 * mapStart * math.Sqrt(float64(i)/float64(len(points)))
		points[i].X += r * cos
		points[i].Y += r * sin
	}
	return points
}

// affinities returns the joint probabilities p_ij of t-SNE over unit rows, [n, n]: Gaussian around each row, as wide as gives
// the perplexity, made symmetric.
func affinities(unit Matrix, perplexity float64) Matrix {
	n := unit.Rows
	conditional := NewMatrix(n, n)
	parallel(n, func(i int) {
		row := conditional.Row(i)
		products(row, unit.Row(i), unit.Data, unit.Cols)
		for j, cosine := range row {
			row[j] = max(2-2*cosine, 0)
		}
		gaussian(row, i, math.Log(perplexity))
	})
	joint := NewMatrix(n, n)
	parallel(n, func(i int) {
		row := joint.Row(i)
		for j, p := range conditional.Row(i) {
			row[j] = (p + conditional.Data[j*n+i]) / float32(2*n)
		}
	})
	return joint
}

// gaussian turns the squared distances of a point to all into probabilities  exp(-β d) / Σ exp(-β d)  of the others, with β
// such that their entropy is the one asked for.
func gaussian(row []float32, self int, entropy float64) {
	nearest := float32(math.Inf(1))
	for j, d := range row {
		if j != self {
			nearest = min(nearest, d)
		}
	}
	weights := make([]float64, len(row))
	var sum float64
	low, beta, high := 0.0, 1.0, math.Inf(1)
	for range 60 {
		var moment float64
		sum = 0
		for j, d := range row {
			if j == self {
				continue
			}
			weights[j] = math.Exp(-beta * float64(d-nearest))
			sum += weights[j]
			moment += weights[j] * float64(d-nearest)
		}
		excess := math.Log(sum) + beta*moment/sum - entropy
		if math.Abs(excess) < 1e-4 {
			break
		}
		if excess > 0 {
			low = beta
			beta = min(2*beta, (beta+high)/2)
		} else {
			high = beta
			beta = (low + beta) / 2
		}
	}
	for j := range row {
		row[j] = float32(weights[j] / sum)
	}
}

// tsne is a map in the making.
type tsne struct {
	affinities Matrix // [n, n]
	points     []Point
	velocity   []Point
	gains      []Point
	gradient   []Point
}

// step moves every point down the gradient, with momentum and a gain for each coordinate that grows while its direction
// holds (Jacobs 1988, as in van der Maaten's implementation).
func (t *tsne) step(exaggeration, inertia, rate float64) {
	t.slope(exaggeration)
	for i := range t.points {
		move(&t.points[i].X, &t.velocity[i].X, &t.gains[i].X, t.gradient[i].X, inertia, rate)
		move(&t.points[i].Y, &t.velocity[i].Y, &t.gains[i].Y, t.gradient[i].Y, inertia, rate)
	}
}

// move is one coordinate's share of a step.
func move(at, velocity, gain *float64, gradient, inertia, rate float64) {
	if (gradient > 0) == (*velocity > 0) {
		*gain = max(0.8**gain, 0.01)
	} else {
		*gain += 0.2
	}
	*velocity = inertia**velocity - rate**gain*gradient
	*at += *velocity
}

// slope sets gradient to that of the Kullback-Leibler divergence of q from the exaggerated p,
//
//	4 Σ_j (p_ij - q_ij) w_ij (y_i - y_j),  w_ij = 1 / (1 + |y_i - y_j|^2),  q_ij = w_ij / Σ w.
//
// The pull of p and the push of q are summed apart, since Σ w is only known at the end.
func (t *tsne) slope(exaggeration float64) {
	n := len(t.points)
	push := make([]Point, n)
	totals := make([]float64, n)
	parallel(n, func(i int) {
		var pulled, pushed Point
		var total float64
		at := t.points[i]
		p := t.affinities.Row(i)[:len(t.points)]
		for j, other := range t.points {
			x, y := at.X-other.X, at.Y-other.Y
			w := 1 / (1 + x*x + y*y)
			total += w
			pull := float64(p[j]) * w
			pulled.X += pull * x
			pulled.Y += pull * y
			w *= w
			pushed.X += w * x
			pushed.Y += w * y
		}
		totals[i] = total - 1 // without itself
		push[i], t.gradient[i] = pushed, pulled
	})
	var total float64
	for _, w := range totals {
		total += w
	}
	for i := range t.gradient {
		t.gradient[i].X = 4 * (exaggeration*t.gradient[i].X - push[i].X/total)
		t.gradient[i].Y = 4 * (exaggeration*t.gradient[i].Y - push[i].Y/total)
	}
}
