package loss_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/alike-ml/alike/loss"
)

// equalRows are n rows that are all the same.
func equalRows(n int) matrix {
	m := make(matrix, n)
	for i := range m {
		m[i] = []float64{3, -1, 2}
	}
	return m
}

// unitRows are n rows of dim numbers, row i being 1 at from+i and 0 elsewhere: orthogonal to each other.
func unitRows(n, dim, from int) matrix {
	m := make(matrix, n)
	for i := range m {
		m[i] = make([]float64, dim)
		m[i][from+i] = 1
	}
	return m
}

// Where everything is equally similar, a softmax over m candidates costs log m, whatever the similarity.
func TestEqualEmbeddings(t *testing.T) {
	for n := 1; n <= 5; n++ {
		z := equalRows(n)
		for _, s := range []loss.Similarity{loss.Cosine, loss.InnerProduct, loss.NegativeEuclidean} {
			c := loss.Contrast{Similarity: s, Temperature: 0.1}
			zero := func(in []*Node) *Node { return ScalarZero(in[0].Graph(), in[0].DType()) }
			for _, x := range []struct {
				name       string
				candidates int
				build      scalarLoss
			}{
				{"Guide", 2*n - 2, func(in []*Node) *Node { return loss.Guide(in[0], in[0], c) }},
				{"NTXent", 2*n - 1, func(in []*Node) *Node { return loss.NTXent(in[0], in[0], c) }},
				{"SupCon", 2*n - 1, func(in []*Node) *Node { return loss.SupCon(in[0], in[0], halves(in[0]), c) }},
				{"InfoNCE", n + 1, func(in []*Node) *Node { return loss.InfoNCE(in[0], in[0], in[0], nil, c) }},
				{"CLIP", n, func(in []*Node) *Node { return loss.CLIP(in[0], in[0], zero(in), nil, s) }},
				{"SimCSE", n, func(in []*Node) *Node { return loss.SimCSE(in[0], in[0], nil, nil, loss.SimCSEOptions{Contrast: c}) }},
				{"SimCSE hard", 2 * n, func(in []*Node) *Node { return loss.SimCSE(in[0], in[0], in[0], nil, loss.SimCSEOptions{Contrast: c}) }},
			} {
				if x.candidates > 0 { // a single item has no negatives
					near(t, x.name, value(x.build, z), math.Log(float64(x.candidates)), 1e-9)
				}
			}
		}
	}
}

// Rows that are all orthogonal have the dot products 0, but an anchor's own is 10⁴: it must not be among its candidates.
func TestAnchorIsMasked(t *testing.T) {
	const n = 3
	z1, z2 := unitRows(n, 2*n, 0), unitRows(n, 2*n, n)
	for i := range n {
		z1[i][i], z2[i][n+i] = 100, 100
	}
	c := loss.Contrast{Similarity: loss.InnerProduct, Temperature: 1}
	ntXent := func(in []*Node) *Node { return loss.NTXent(in[0], in[1], c) }
	guide := func(in []*Node) *Node { return loss.Guide(in[0], in[1], c) }
	supCon := func(in []*Node) *Node { return loss.SupCon(in[0], in[1], halves(in[0]), c) }
	near(t, "NTXent", value(ntXent, z1, z2), math.Log(2*n-1), 1e-12)
	near(t, "Guide", value(guide, z1, z2), math.Log(2*n-2), 1e-12)
	near(t, "SupCon", value(supCon, z1, z2), math.Log(2*n-1), 1e-12)
}

// Identical views of orthogonal items: NT-Xent keeps the positive in the denominator, the guide's loss leaves it out.
func TestPositiveInTheDenominator(t *testing.T) {
	const n, tau = 4, 0.5
	z := unitRows(n, n, 0)
	c := loss.Contrast{Similarity: loss.Cosine, Temperature: tau}
	negatives := float64(2*n - 2)
	ntXent := func(in []*Node) *Node { return loss.NTXent(in[0], in[0], c) }
	guide := func(in []*Node) *Node { return loss.Guide(in[0], in[0], c) }
	near(t, "NTXent", value(ntXent, z), math.Log(1+negatives*math.Exp(-1/tau)), 1e-12)
	near(t, "Guide", value(guide, z), -1/tau+math.Log(negatives), 1e-12)
}

// Anchor by anchor, NT-Xent is log(1 + exp(g)) of the guide's loss g.
func TestGuideAndNTXent(t *testing.T) {
	const n, tau = 5, 0.2
	r := rand.New(rand.NewPCG(1, 2))
	z1, z2 := normal(r, n, 4), normal(r, n, 4)
	rows := slices.Concat(z1, z2)
	guide, ntXent := 0.0, 0.0
	for i, anchor := range rows {
		j := (i + n) % (2 * n)
		negatives := 0.0
		for k, other := range rows {
			if k != i && k != j {
				negatives += math.Exp(cosine(anchor, other) / tau)
			}
		}
		g := -math.Log(math.Exp(cosine(anchor, rows[j])/tau) / negatives)
		guide += g / (2 * n)
		ntXent += math.Log1p(math.Exp(g)) / (2 * n)
	}
	c := loss.Contrast{Similarity: loss.Cosine, Temperature: tau}
	near(t, "Guide", value(func(in []*Node) *Node { return loss.Guide(in[0], in[1], c) }, z1, z2), guide, 1e-12)
	near(t, "NTXent", value(func(in []*Node) *Node { return loss.NTXent(in[0], in[1], c) }, z1, z2), ntXent, 1e-12)
}

func cosine(a, b []float64) float64 {
	ab, aa, bb := 0.0, 0.0, 0.0
	for i := range a {
		ab, aa, bb = ab+a[i]*b[i], aa+a[i]*a[i], bb+b[i]*b[i]
	}
	return ab / math.Sqrt(aa*bb)
}

// supCon builds SupCon with given labels.
func supCon(labels []int32, c loss.Contrast) scalarLoss {
	return func(in []*Node) *Node { return loss.SupCon(in[0], in[1], Const(in[0].Graph(), labels), c) }
}

func TestSupConWithoutClassmatesIsNTXent(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	z1, z2 := normal(r, 4, 5), normal(r, 4, 5)
	c := loss.DefaultSupCon()
	want := value(func(in []*Node) *Node { return loss.NTXent(in[0], in[1], c) }, z1, z2)
	near(t, "all different", value(supCon([]int32{7, 0, 3, 1}, c), z1, z2), want, 1e-12)
	near(t, "unlabelled", value(supCon([]int32{-1, -1, -1, -1}, c), z1, z2), want, 1e-12)
}

// The sum over the positives stands outside the logarithm (L_out); inside (L_in) it would give less.
func TestSupConSumsOutsideTheLogarithm(t *testing.T) {
	const n, tau = 4, 0.3
	r := rand.New(rand.NewPCG(5, 6))
	z1, z2, labels := normal(r, n, 5), normal(r, n, 5), []int32{2, 0, 2, -1}
	rows, of := slices.Concat(z1, z2), slices.Concat(labels, labels)
	outside, inside := 0.0, 0.0
	for i := range rows {
		denominator, count, logs, ratios := 0.0, 0.0, 0.0, 0.0
		for a := range rows {
			if a != i {
				denominator += math.Exp(cosine(rows[i], rows[a]) / tau)
			}
		}
		for p := range rows {
			if p == (i+n)%(2*n) || p != i && of[p] == of[i] && of[i] >= 0 {
				ratio := math.Exp(cosine(rows[i], rows[p])/tau) / denominator
				count, logs, ratios = count+1, logs+math.Log(ratio), ratios+ratio
			}
		}
		outside -= logs / count / (2 * n)
		inside -= math.Log(ratios/count) / (2 * n)
	}
	if outside-inside < 1e-3 {
		t.Fatalf("L_out %g and L_in %g are too near to tell apart", outside, inside)
	}
	c := loss.Contrast{Similarity: loss.Cosine, Temperature: tau}
	near(t, "SupCon", value(supCon(labels, c), z1, z2), outside, 1e-12)
}

func TestSupConOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	z1, z2, labels := normal(r, 4, 5), normal(r, 4, 5), []int32{2, 0, 2, -1}
	order := []int{2, 3, 0, 1}
	moved := []int32{2, -1, 2, 0}
	c := loss.DefaultSupCon()
	near(t, "SupCon", value(supCon(moved, c), z1.permuted(order), z2.permuted(order)), value(supCon(labels, c), z1, z2), 1e-12)
}

func TestInfoNCEFilledRows(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	query, key, queue := normal(r, 3, 4), normal(r, 3, 4), normal(r, 6, 4)
	c := loss.DefaultInfoNCE()
	whole := newEvaluator(func(in []*Node) *Node { return loss.InfoNCE(in[0], in[1], in[2], nil, c) })
	for filled := 0; filled <= 6; filled++ {
		part := newEvaluator(func(in []*Node) *Node {
			return loss.InfoNCE(in[0], in[1], in[2], Const(in[0].Graph(), int32(filled)), c)
		})
		got, grads := part.float64(query, key, queue)
		if filled == 0 {
			near(t, "no negatives", got, 0, 1e-12)
			continue
		}
		want, wantGrads := whole.float64(query, key, queue[:filled])
		near(t, "value", got, want, 1e-12)
		for i := range query {
			for d := range query[i] {
				near(t, "gradient", grads[0][i][d], wantGrads[0][i][d], 1e-12)
			}
		}
	}
}

// Equal embeddings, one hard negative weighing e^w: log(N + N-1 + e^w).
func TestSimCSEHardNegativeWeight(t *testing.T) {
	const n, w = 4, 1.5
	o := loss.DefaultSimCSE()
	o.HardNegativeWeight = w
	got := value(func(in []*Node) *Node { return loss.SimCSE(in[0], in[0], in[0], nil, o) }, equalRows(n))
	near(t, "SimCSE", got, math.Log(2*n-1+math.Exp(w)), 1e-9)
	// Two for each anchor: log(N + 2(N-1) + 2e^w).
	got = value(func(in []*Node) *Node {
		return loss.SimCSE(in[0], in[0], Concatenate([]*Node{in[0], in[0]}, 0), nil, o)
	}, equalRows(n))
	near(t, "SimCSE with two hard negatives", got, math.Log(3*n-2+2*math.Exp(w)), 1e-9)
}

// Equal embeddings: what is left of an anchor's negatives counts, its own positive always among them. Spared ones get no gradient.
func TestSimCSESparesNegatives(t *testing.T) {
	const n = 3
	pairs := [][]bool{{true, true, false}, {false, false, false}, {true, true, true}} // the diagonal is the positives'
	triplets := [][]bool{{false, true, true, true, true, true}, {false, false, false, false, true, false}, {true, true, false, true, true, true}}
	for _, c := range []struct {
		spared [][]bool
		left   []float64 // of the negatives, one number an anchor
	}{{pairs, []float64{1, 2, 0}}, {triplets, []float64{0, 4, 0}}} {
		got := value(func(in []*Node) *Node {
			hard := in[0]
			if len(c.spared[0]) == n {
				hard = nil
			}
			return loss.SimCSE(in[0], in[0], hard, Const(in[0].Graph(), c.spared), loss.DefaultSimCSE())
		}, equalRows(n))
		want := 0.0
		for _, left := range c.left {
			want += math.Log(1+left) / n
		}
		near(t, "SimCSE", got, want, 1e-9)
	}
	e := newEvaluator(func(in []*Node) *Node {
		return loss.SimCSE(in[0], in[1], nil, Const(in[0].Graph(), [][]bool{{false, true}, {true, false}}), loss.DefaultSimCSE())
	})
	got, grads := e.float64(matrix{{1, 2}, {3, -1}}, matrix{{2, 1}, {1, 1}})
	near(t, "without a negative", got, 0, 1e-12)
	for i := range grads {
		for _, row := range grads[i] {
			for _, g := range row {
				near(t, "gradient without a negative", g, 0, 1e-12)
			}
		}
	}
}

func TestBYOLAngles(t *testing.T) {
	build := func(in []*Node) *Node { return loss.BYOL(in[0], in[0], in[1], in[1]) }
	p := matrix{{2, 0}, {0, 3}}
	for _, x := range []struct {
		name string
		t    matrix
		want float64
	}{
		{"same direction", matrix{{5, 0}, {0, 1}}, 0},
		{"right angle", matrix{{0, 5}, {1, 0}}, 4},
		{"opposite", matrix{{-5, 0}, {0, -1}}, 8},
	} {
		near(t, x.name, value(build, p, x.t), x.want, 1e-12)
	}
}

func TestBarlowTwinsCorrelations(t *testing.T) {
	build := func(in []*Node) *Node { return loss.BarlowTwins(in[0], in[1], 0.01) }
	free, tied := matrix{{1, 1}, {1, -1}, {-1, 1}, {-1, -1}}, matrix{{1, 1}, {-1, -1}, {1, 1}, {-1, -1}}
	opposite := matrix{{-1, -1}, {-1, 1}, {1, -1}, {1, 1}}
	near(t, "equal views of independent columns", value(build, free, free), 0, 1e-9)
	near(t, "equal views of equal columns", value(build, tied, tied), 2*0.01, 1e-6)
	near(t, "opposite views of independent columns", value(build, free, opposite), 2*4, 1e-3)
}

func TestVICRegTerms(t *testing.T) {
	only := func(o loss.VICRegOptions) scalarLoss {
		return func(in []*Node) *Node { return loss.VICReg(in[0], in[1], o) }
	}
	z1, z2 := matrix{{1, 1}, {-1, -1}}, matrix{{4, 1}, {2, -1}}
	near(t, "invariance", value(only(loss.VICRegOptions{Lambda: 1}), z1, z2), (9+0+9+0)/4.0, 1e-12)
	near(t, "variance of spread columns", value(only(loss.VICRegOptions{Mu: 1}), z1, z2), 0, 1e-12)
	near(t, "variance of equal rows", value(only(loss.VICRegOptions{Mu: 1}), equalRows(3), equalRows(3)), 1-0.01, 1e-12)
	// Both views' columns have the covariance 2 (unbiased), at two places of each matrix, over 2 dimensions.
	near(t, "covariance", value(only(loss.VICRegOptions{Nu: 1}), z1, z2), 2*(2*4)/2.0, 1e-12)
}

func TestSigLIPPairs(t *testing.T) {
	const n, scale, bias = 3, 2.0, -0.5
	build := func(in []*Node) *Node {
		g := in[0].Graph()
		return loss.SigLIP(in[0], in[0], Const(g, math.Log(scale)), Const(g, []float64{bias}), nil, loss.Cosine)
	}
	softplus := func(x float64) float64 { return math.Log1p(math.Exp(x)) }
	// Orthogonal items: the pairs' logits are scale+bias, all others' bias.
	want := softplus(-(scale + bias)) + (n-1)*softplus(bias)
	near(t, "SigLIP", value(build, unitRows(n, n, 0)), want, 1e-12)
}

// Both directions count: a column that one image dominates costs the text side.
func TestCLIPDirections(t *testing.T) {
	image, text := matrix{{1, 0}, {0, 2}}, matrix{{1, 0}, {3, 1}}
	build := func(in []*Node) *Node {
		return loss.CLIP(in[0], in[1], ScalarZero(in[0].Graph(), in[0].DType()), nil, loss.InnerProduct)
	}
	logits := matrix{{1, 3}, {0, 2}}
	want := 0.0
	for i := range 2 {
		rows, columns := math.Exp(logits[i][0])+math.Exp(logits[i][1]), math.Exp(logits[0][i])+math.Exp(logits[1][i])
		want += (math.Log(rows) + math.Log(columns) - 2*logits[i][i]) / 4
	}
	near(t, "CLIP", value(build, image, text), want, 1e-12)
}

// Captions that are of several images, in plain arithmetic: the mean of -log of an anchor's positives, all of which stay in the sum.
func TestRepeatedCaptions(t *testing.T) {
	const n, logScale, bias = 5, 0.8, -1.5
	r := rand.New(rand.NewPCG(9, 9))
	image, text := normal(r, n, 4), normal(r, n, 4)
	of := make([][]bool, n) // whether a text is of an image
	for i := range of {
		of[i] = make([]bool, n)
		for j := range of[i] {
			of[i][j] = i == j || i == 0 && j == 3 || i == 3 && j == 1 || i == 4 && j != 2
		}
	}
	s := func(i, j int) float64 { return math.Exp(logScale) * cosine(image[i], text[j]) }
	clip, sigmoid := 0.0, 0.0
	for a := range n {
		var sums [2]float64 // over the texts of an image, and over the images of a text
		for b := range n {
			sums[0] += math.Exp(s(a, b))
			sums[1] += math.Exp(s(b, a))
		}
		var terms, counts [2]float64
		for b := range n {
			if of[a][b] {
				terms[0] += math.Log(sums[0]) - s(a, b)
				counts[0]++
				sigmoid += math.Log1p(math.Exp(-s(a, b)-bias)) / n
			} else {
				sigmoid += math.Log1p(math.Exp(s(a, b)+bias)) / n
			}
			if of[b][a] {
				terms[1] += math.Log(sums[1]) - s(b, a)
				counts[1]++
			}
		}
		clip += (terms[0]/counts[0] + terms[1]/counts[1]) / 2 / n
	}
	// The diagonal is positive whatever the mask says.
	mask := slices.Clone(of)
	mask[2] = make([]bool, n)
	near(t, "CLIP", value(func(in []*Node) *Node {
		g := in[0].Graph()
		return loss.CLIP(in[0], in[1], Const(g, logScale), Const(g, mask), loss.Cosine)
	}, image, text), clip, 1e-12)
	near(t, "SigLIP", value(func(in []*Node) *Node {
		g := in[0].Graph()
		return loss.SigLIP(in[0], in[1], Const(g, logScale), Const(g, bias), Const(g, mask), loss.Cosine)
	}, image, text), sigmoid, 1e-12)
}

func TestTripletHinge(t *testing.T) {
	o := loss.TripletOptions{Margin: 0.5, Similarity: loss.NegativeEuclidean}
	e := newEvaluator(func(in []*Node) *Node { return loss.Triplet(in[0], in[1], in[2], o) })
	// Distances 5 to the positive; to the negative 13 (met) and 3 (short by 2.5).
	got, grads := e.float64(matrix{{0, 0}, {0, 0}}, matrix{{3, 4}, {3, 4}}, matrix{{5, 12}, {0, 3}})
	near(t, "value", got, (0+2.5)/2, 1e-12)
	if grads[0][0][0] != 0 || grads[1][0][0] != 0 || grads[2][0][1] != 0 {
		t.Errorf("a triplet that keeps the margin has the gradients %v, %v, %v", grads[0][0], grads[1][0], grads[2][0])
	}
	near(t, "pull of the positive", grads[1][1][0], 3.0/5/2, 1e-12)
	near(t, "push of the negative", grads[2][1][1], -1.0/2, 1e-12)
	equal, _ := e.float64(equalRows(2), equalRows(2), equalRows(2))
	near(t, "equal rows", equal, 0.5, 1e-12)
}
