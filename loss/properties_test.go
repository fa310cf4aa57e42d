package loss_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"pgregory.net/rapid"

	"github.com/alike-ml/alike/loss"
)

// The inputs of some losses are constants: their gradient is zero though the value depends on them.
func constantInput(name string, i int) bool {
	switch {
	case name == "BYOL":
		return i >= 2 // the targets
	case strings.HasPrefix(name, "InfoNCE"):
		return i >= 1 // keys and queue
	case name == "SwAV":
		return i == 3 // the queue
	}
	return false
}

// Finite differences along a random direction agree with the gradient, on random shapes down to one or two rows.
func TestGradientsAreFiniteDifferences(t *testing.T) {
	for _, l := range losses(0.4) {
		if l.name == "SwAV" {
			continue // its codes change with the scores but carry no gradient: see TestSwAVGradient
		}
		t.Run(l.name, func(t *testing.T) {
			e := newEvaluator(l.build)
			rapid.Check(t, func(t *rapid.T) {
				n, dim := rapid.IntRange(l.least, 5).Draw(t, "n"), rapid.IntRange(2, 6).Draw(t, "dim")
				r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
				in, direction := make([]matrix, l.inputs), make([]matrix, l.inputs)
				for i := range in {
					in[i], direction[i] = normal(r, n, dim), normal(r, n, dim)
					if constantInput(l.name, i) {
						direction[i] = direction[i].plus(-1, direction[i])
					}
				}
				checkGradient(t, l, e, in, direction)
			})
		})
	}
}

func checkGradient(t *rapid.T, l named, e evaluator, in, direction []matrix) {
	here, grads := e.float64(in...)
	slope, size := 0.0, 1.0
	for i := range in {
		for row := range grads[i] {
			for d, g := range grads[i][row] {
				slope += g * direction[i][row][d]
				size += math.Abs(g)
				if constantInput(l.name, i) && g != 0 {
					t.Fatalf("input %d, a constant, has the gradient %g", i, g)
				}
			}
		}
	}
	const h = 1e-5
	at := func(steps float64) float64 {
		moved := make([]matrix, len(in))
		for i := range in {
			moved[i] = in[i].plus(steps*h, direction[i])
		}
		v, _ := e.float64(moved...)
		return v
	}
	back, forth := at(-1), at(1)
	quotient := (8*(forth-back) - (at(2) - at(-2))) / (12 * h)
	left, right := (here-back)/h, (forth-here)/h
	// At the kink of a hinge every slope between those of its two sides is right.
	hinge := l.name == "VICReg" || strings.HasPrefix(l.name, "Triplet")
	between := slope >= min(left, right)-1e-6*size && slope <= max(left, right)+1e-6*size
	if math.Abs(quotient-slope) > 1e-6*size && !(hinge && between) {
		t.Fatalf("difference quotient %.9g (%.9g to the left, %.9g to the right), gradient %.9g", quotient, left, right, slope)
	}
}

// The order of the items in the batch makes no difference to any loss.
func TestOrderOfItemsMakesNoDifference(t *testing.T) {
	for _, l := range losses(0.2) {
		if strings.HasPrefix(l.name, "SupCon") || strings.Contains(l.name, "repeated") {
			continue // labels would have to move along: see TestSupConOrder
		}
		r := rand.New(rand.NewPCG(1, 1))
		in, moved := make([]matrix, l.inputs), make([]matrix, l.inputs)
		order := r.Perm(6)
		for i := range in {
			in[i] = normal(r, 6, 5)
			moved[i] = in[i].permuted(order)
		}
		tolerance := 1e-12
		if l.name == "SwAV" {
			tolerance = 1e-6 // codes are float32
		}
		near(t, l.name, value(l.build, moved...), value(l.build, in...), tolerance)
	}
}

// These losses treat their first two inputs alike.
func TestSwappingViewsMakesNoDifference(t *testing.T) {
	for _, l := range losses(0.2) {
		switch name, _, _ := strings.Cut(l.name, "/"); name {
		case "Guide", "NTXent", "SupCon", "CLIP", "SigLIP", "VICReg", "BarlowTwins", "SwAV":
			r := rand.New(rand.NewPCG(2, 2))
			in := make([]matrix, l.inputs)
			for i := range in {
				in[i] = normal(r, 6, 5)
			}
			one := value(l.build, in...)
			in[0], in[1] = in[1], in[0]
			near(t, l.name, value(l.build, in...), one, 1e-6)
		}
	}
	r := rand.New(rand.NewPCG(3, 3))
	p1, p2, t1, t2 := normal(r, 4, 3), normal(r, 4, 3), normal(r, 4, 3), normal(r, 4, 3)
	byol := losses(1)[0].build
	near(t, "BYOL", value(byol, p2, p1, t2, t1), value(byol, p1, p2, t1, t2), 1e-12)
}

// Zero vectors, identical rows and vectors as long or short as float32 allows squares of, at a temperature of 0.01.
func TestHardInputsStayFinite(t *testing.T) {
	for name, fill := range map[string]func(r *rand.Rand, i, k int) float64{
		"random":    func(r *rand.Rand, i, k int) float64 { return r.NormFloat64() },
		"opposite":  func(r *rand.Rand, i, k int) float64 { return 1 - 2*float64(i%2) },
		"zeros":     func(r *rand.Rand, i, k int) float64 { return 0 },
		"identical": func(r *rand.Rand, i, k int) float64 { return float64(k) - 1.5 },
		"tiny":      func(r *rand.Rand, i, k int) float64 { return 1e-30 * r.NormFloat64() },
		"some zero": func(r *rand.Rand, i, k int) float64 { return float64(i%2) * r.NormFloat64() },
		"large":     func(r *rand.Rand, i, k int) float64 { return 1e4 * r.NormFloat64() },
	} {
		for _, l := range losses(0.01) {
			r := rand.New(rand.NewPCG(4, 4))
			in := make([]matrix, l.inputs)
			for i := range in {
				in[i] = normal(r, 4, 3)
				for row := range in[i] {
					for k := range in[i][row] {
						in[i][row][k] = fill(r, row, k)
					}
				}
			}
			v, grads := newEvaluator(l.build).float32(in...)
			finite(t, name+", "+l.name, v, grads)
		}
	}
}

// At a temperature of 0.01 float32 still has the value that float64 has.
func TestLowTemperatureIsExact(t *testing.T) {
	c := loss.Contrast{Similarity: loss.Cosine, Temperature: 0.01}
	build := func(in []*Node) *Node { return loss.NTXent(in[0], in[1], c) }
	r := rand.New(rand.NewPCG(5, 5))
	z1, z2 := normal(r, 8, 6), normal(r, 8, 6)
	got, _ := newEvaluator(build).float32(z1, z2)
	want := value(build, z1, z2)
	near(t, "NT-Xent at 0.01", float64(got), want, 1e-5*want)
}

// Every mistake in a shape panics with the function's name and the shape.
func TestWrongShapesPanic(t *testing.T) {
	m, wide, long := normal(rand.New(rand.NewPCG(6, 6)), 3, 4), matrix{{1, 2}}, normal(rand.New(rand.NewPCG(7, 7)), 5, 4)
	c, s := loss.DefaultNTXent(), loss.Cosine
	one := func(in []*Node) *Node { return Scalar(in[0].Graph(), in[0].DType(), 1) }
	for _, x := range []struct {
		function, shape string
		build           scalarLoss
	}{
		{"Guide", "[5, 4]", func(in []*Node) *Node { return loss.Guide(in[0], in[2], c) }},
		{"Guide", "[1, 2]", func(in []*Node) *Node { return loss.Guide(in[1], in[1], c) }}, // no negatives
		{"NTXent", "[1, 2]", func(in []*Node) *Node { return loss.NTXent(in[0], in[1], c) }},
		{"NTXent", "[12]", func(in []*Node) *Node { return loss.NTXent(Reshape(in[0], 12), Reshape(in[0], 12), c) }},
		{"SupCon", "[5]", func(in []*Node) *Node { return loss.SupCon(in[0], in[0], halves(in[2]), c) }},
		{"SupCon", "[3]", func(in []*Node) *Node { return loss.SupCon(in[0], in[0], ReduceSum(in[0], 1), c) }}, // not integers
		{"InfoNCE", "[1, 2]", func(in []*Node) *Node { return loss.InfoNCE(in[0], in[0], in[1], nil, c) }},
		{"InfoNCE", "[3, 4]", func(in []*Node) *Node { return loss.InfoNCE(in[0], in[0], in[2], in[0], c) }},
		{"SwAV", "at least 2", func(in []*Node) *Node { return loss.SwAV(in[:1], nil, nil, loss.DefaultSwAV()) }},
		{"SwAV", "[1, 2]", func(in []*Node) *Node { return loss.SwAV([]*Node{in[0], in[0]}, in[1:2], nil, loss.DefaultSwAV()) }},
		{"SwAV", "[1, 2]", func(in []*Node) *Node {
			return loss.SwAV([]*Node{in[0], in[0]}, nil, []*Node{in[0], in[1]}, loss.DefaultSwAV())
		}},
		{"SwAV", "got 1", func(in []*Node) *Node {
			return loss.SwAV([]*Node{in[0], in[0]}, nil, []*Node{in[0]}, loss.DefaultSwAV())
		}},
		{"Sinkhorn", "[12]", func(in []*Node) *Node { return loss.Sinkhorn(Reshape(in[0], 12), 0.05, 3) }},
		{"BYOL", "[5, 4]", func(in []*Node) *Node { return loss.BYOL(in[0], in[0], in[0], in[2]) }},
		{"BarlowTwins", "[5, 4]", func(in []*Node) *Node { return loss.BarlowTwins(in[0], in[2], 1) }},
		{"VICReg", "[1, 2]", func(in []*Node) *Node { return loss.VICReg(in[1], in[1], loss.DefaultVICReg()) }}, // no variance
		{"CLIP", "[5, 4]", func(in []*Node) *Node { return loss.CLIP(in[0], in[2], one(in), nil, s) }},
		{"CLIP", "[3, 4]", func(in []*Node) *Node { return loss.CLIP(in[0], in[0], in[0], nil, s) }},
		{"CLIP", "[3 3]", func(in []*Node) *Node { return loss.CLIP(in[0], in[0], one(in), in[0], s) }},
		{"SigLIP", "[5, 4]", func(in []*Node) *Node { return loss.SigLIP(in[0], in[2], one(in), one(in), nil, s) }},
		{"SigLIP", "[1, 2]", func(in []*Node) *Node { return loss.SigLIP(in[0], in[0], one(in), in[1], nil, s) }},
		{"SigLIP", "[3 3]", func(in []*Node) *Node {
			return loss.SigLIP(in[0], in[0], one(in), one(in), Diagonal(in[0].Graph(), 2), s)
		}},
		{"SimCSE", "[5, 4]", func(in []*Node) *Node { return loss.SimCSE(in[0], in[0], in[2], nil, loss.DefaultSimCSE()) }},
		{"SimCSE", "[3 6]", func(in []*Node) *Node {
			return loss.SimCSE(in[0], in[0], in[0], Diagonal(in[0].Graph(), 3), loss.DefaultSimCSE())
		}},
		{"Triplet", "[5, 4]", func(in []*Node) *Node { return loss.Triplet(in[0], in[0], in[2], loss.DefaultTriplet()) }},
		{"Similarity.Pairs", "[1, 2]", func(in []*Node) *Node { return s.Pairs(in[0], in[1]) }},
		{"Similarity.Rows", "[5, 4]", func(in []*Node) *Node { return s.Rows(in[0], in[2]) }},
	} {
		message := panicOf(x.build, m, wide, long)
		if !strings.Contains(message, "loss."+x.function+":") || !strings.Contains(message, x.shape) {
			t.Errorf("%s: message %q, want one with the function's name and %q", x.function, message, x.shape)
		}
	}
}

func TestWrongOptionsPanic(t *testing.T) {
	m := normal(rand.New(rand.NewPCG(8, 8)), 3, 4)
	cold := loss.Contrast{Similarity: loss.Cosine}
	odd := loss.Contrast{Similarity: "manhattan", Temperature: 1}
	for _, x := range []struct {
		function, what string
		build          scalarLoss
	}{
		{"Guide", "temperature is 0", func(in []*Node) *Node { return loss.Guide(in[0], in[0], cold) }},
		{"NTXent", "manhattan", func(in []*Node) *Node { return loss.NTXent(in[0], in[0], odd) }},
		{"SupCon", "temperature is 0", func(in []*Node) *Node { return loss.SupCon(in[0], in[0], halves(in[0]), cold) }},
		{"InfoNCE", "manhattan", func(in []*Node) *Node { return loss.InfoNCE(in[0], in[0], in[0], nil, odd) }},
		{"SimCSE", "temperature is 0", func(in []*Node) *Node { return loss.SimCSE(in[0], in[0], nil, nil, loss.SimCSEOptions{Contrast: cold}) }},
		{"CLIP", "manhattan", func(in []*Node) *Node { return loss.CLIP(in[0], in[0], in[0], nil, "manhattan") }},
		{"SigLIP", "manhattan", func(in []*Node) *Node { return loss.SigLIP(in[0], in[0], in[0], in[0], nil, "manhattan") }},
		{"Triplet", "margin is -1", func(in []*Node) *Node {
			return loss.Triplet(in[0], in[0], in[0], loss.TripletOptions{Margin: -1, Similarity: loss.Cosine})
		}},
		{"SwAV", "iterations is 0", func(in []*Node) *Node {
			return loss.SwAV([]*Node{in[0], in[0]}, nil, nil, loss.SwAVOptions{Temperature: 1, Epsilon: 1})
		}},
		{"SwAV", "temperature is 0", func(in []*Node) *Node {
			return loss.SwAV([]*Node{in[0], in[0]}, nil, nil, loss.SwAVOptions{Epsilon: 1, Iterations: 1})
		}},
		{"Sinkhorn", "epsilon is 0", func(in []*Node) *Node { return loss.Sinkhorn(in[0], 0, 3) }},
	} {
		message := panicOf(x.build, m)
		if !strings.Contains(message, "loss."+x.function+":") || !strings.Contains(message, x.what) {
			t.Errorf("%s: message %q, want one with the function's name and %q", x.function, message, x.what)
		}
	}
}

// panicOf returns what building a graph panics with.
func panicOf(build scalarLoss, in ...matrix) (message string) {
	defer func() { message = fmt.Sprint(recover()) }()
	g := NewGraph(backend, "panic")
	nodes := make([]*Node, len(in))
	for i, m := range in {
		nodes[i] = Const(g, [][]float64(m))
	}
	build(nodes)
	return ""
}
