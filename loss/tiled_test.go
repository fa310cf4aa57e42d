package loss_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"pgregory.net/rapid"

	_ "github.com/alike-ml/alike/internal/device" // for the cpu device, which has loops in graphs
	"github.com/alike-ml/alike/loss"
)

// looping is the cpu device with so many workers.
func looping(t testing.TB, workers int) compute.Backend {
	t.Helper()
	b, err := compute.NewWithConfig(fmt.Sprintf("alike:workers=%d", workers))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

// tiledLoss is a loss in one piece and in tiles. Both are of matrices of one shape and of further inputs of one number; marks are two
// numbers for each row and each column.
type tiledLoss struct {
	name           string
	inputs, single int
	least          int
	columns        int // of the marks, a multiple of the batch
	one            func(in []*Node, marks loss.Marks) *Node
	tiles          func(t loss.Tiles, in []*Node, marks loss.Marks) *Node
}

func tiledLosses(temperature float64) (list []tiledLoss) {
	for _, s := range []loss.Similarity{loss.Cosine, loss.InnerProduct, loss.NegativeEuclidean} {
		c := loss.Contrast{Similarity: s, Temperature: temperature}
		simcse := loss.SimCSEOptions{Contrast: c, HardNegativeWeight: 0.7}
		list = append(list,
			tiledLoss{"NTXent/" + string(s), 2, 0, 1, 1,
				func(in []*Node, _ loss.Marks) *Node { return loss.NTXent(in[0], in[1], c) },
				func(t loss.Tiles, in []*Node, _ loss.Marks) *Node { return t.NTXent(in[0], in[1], c) }},
			tiledLoss{"Guide/" + string(s), 2, 0, 2, 1,
				func(in []*Node, _ loss.Marks) *Node { return loss.Guide(in[0], in[1], c) },
				func(t loss.Tiles, in []*Node, _ loss.Marks) *Node { return t.Guide(in[0], in[1], c) }},
			tiledLoss{"SupCon/" + string(s), 2, 0, 1, 1,
				func(in []*Node, _ loss.Marks) *Node { return loss.SupCon(in[0], in[1], halves(in[0]), c) },
				func(t loss.Tiles, in []*Node, _ loss.Marks) *Node { return t.SupCon(in[0], in[1], halves(in[0]), c) }},
			tiledLoss{"SimCSE/" + string(s), 2, 0, 1, 1,
				func(in []*Node, marks loss.Marks) *Node { return loss.SimCSE(in[0], in[1], nil, marks.Mask(), simcse) },
				func(t loss.Tiles, in []*Node, marks loss.Marks) *Node {
					return t.SimCSE(in[0], in[1], nil, marks, simcse)
				}},
			tiledLoss{"SimCSE hard/" + string(s), 3, 0, 1, 2,
				func(in []*Node, marks loss.Marks) *Node {
					return loss.SimCSE(in[0], in[1], in[2], marks.Mask(), simcse)
				},
				func(t loss.Tiles, in []*Node, marks loss.Marks) *Node {
					return t.SimCSE(in[0], in[1], in[2], marks, simcse)
				}},
			tiledLoss{"SimCSE, two hard/" + string(s), 3, 0, 1, 3,
				func(in []*Node, marks loss.Marks) *Node {
					return loss.SimCSE(in[0], in[1], Concatenate([]*Node{in[2], in[0]}, 0), marks.Mask(), simcse)
				},
				func(t loss.Tiles, in []*Node, marks loss.Marks) *Node {
					return t.SimCSE(in[0], in[1], Concatenate([]*Node{in[2], in[0]}, 0), marks, simcse)
				}},
			tiledLoss{"CLIP/" + string(s), 2, 1, 1, 1,
				func(in []*Node, marks loss.Marks) *Node { return loss.CLIP(in[0], in[1], in[2], marks.Mask(), s) },
				func(t loss.Tiles, in []*Node, marks loss.Marks) *Node {
					return t.CLIP(in[0], in[1], in[2], marks, s)
				}},
			tiledLoss{"SigLIP/" + string(s), 2, 2, 1, 1,
				func(in []*Node, marks loss.Marks) *Node {
					return loss.SigLIP(in[0], in[1], in[2], in[3], marks.Mask(), s)
				},
				func(t loss.Tiles, in []*Node, marks loss.Marks) *Node {
					return t.SigLIP(in[0], in[1], in[2], in[3], marks, s)
				}},
		)
	}
	return list
}

// drawn is a case of random inputs.
type drawn struct {
	in           []matrix
	rows, column [][]int32 // of the marks, none where a loss is without
	tile         int
}

func draw(t *rapid.T, l tiledLoss) (d drawn) {
	n, dim := rapid.IntRange(l.least, 9).Draw(t, "n"), rapid.IntRange(1, 6).Draw(t, "dim")
	d.tile = rapid.IntRange(0, 2*n+1).Draw(t, "rows of a tile")
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	for range l.inputs {
		d.in = append(d.in, normal(r, n, dim))
	}
	for range l.single {
		d.in = append(d.in, normal(r, 1, 1))
	}
	numbers := func(n int) (list []int32) {
		for range n {
			list = append(list, r.Int32N(4)-1)
		}
		return list
	}
	for range rapid.IntRange(0, 2).Draw(t, "marks") {
		d.rows, d.column = append(d.rows, numbers(n)), append(d.column, numbers(l.columns*n))
	}
	return d
}

// marks are the case's marks as nodes.
func (d drawn) marks(g *Graph) (list loss.Marks) {
	for i := range d.rows {
		list = append(list, loss.Mark{Row: Const(g, d.rows[i]), Column: Const(g, d.column[i])})
	}
	return list
}

// The losses in tiles, on the cpu device, are those in one piece on GoMLX's own, for all shapes, tiles that do not divide the rows
// evenly included; and so are their gradients with respect to every input.
func TestTiledLossesEqualThoseInOnePiece(t *testing.T) {
	cpu := looping(t, 2)
	for _, l := range tiledLosses(0.4) {
		t.Run(l.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				d := draw(t, l)
				want, wantGradients := newEvaluator(func(in []*Node) *Node { return l.one(in, d.marks(in[0].Graph())) }).float64(d.in...)
				tiled := newEvaluatorOn(cpu, func(in []*Node) *Node { return l.tiles(loss.Tiles{Rows: d.tile}, in, d.marks(in[0].Graph())) })
				defer tiled.exec.Finalize()
				got, gradients := tiled.float64(d.in...)
				if math.Abs(got-want) > 1e-12*max(1, math.Abs(want)) {
					t.Errorf("value %.15g, want %.15g", got, want)
				}
				for i := range gradients {
					largest := 1.0
					for _, row := range wantGradients[i] {
						largest = max(largest, slices.Max(row), -slices.Min(row))
					}
					for row := range gradients[i] {
						for k, g := range gradients[i][row] {
							if math.Abs(g-wantGradients[i][row][k]) > 1e-12*largest {
								t.Fatalf("gradient of input %d at row %d, column %d is %.15g, want %.15g", i, row, k, g, wantGradients[i][row][k])
							}
						}
					}
				}
			})
		})
	}
}

// The gradient of a loss in tiles is that of its own value.
func TestGradientsOfTiledLossesAreFiniteDifferences(t *testing.T) {
	cpu := looping(t, 1)
	for _, l := range tiledLosses(0.4)[:8] { // of the cosine
		t.Run(l.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				d := draw(t, l)
				e := newEvaluatorOn(cpu, func(in []*Node) *Node { return l.tiles(loss.Tiles{Rows: d.tile}, in, d.marks(in[0].Graph())) })
				defer e.exec.Finalize()
				r := rand.New(rand.NewPCG(1, rapid.Uint64().Draw(t, "direction")))
				var direction []matrix
				for _, m := range d.in {
					direction = append(direction, normal(r, len(m), len(m[0])))
				}
				checkGradient(t, named{name: l.name}, e, d.in, direction)
			})
		})
	}
}

// In single precision, as training has them, losses in tiles have the value and the gradient of those in one piece, and the same bits
// for any number of workers.
func TestTiledLossesInSinglePrecision(t *testing.T) {
	one, three := looping(t, 1), looping(t, 3)
	r := rand.New(rand.NewPCG(5, 6))
	const n, dim, tile = 300, 24, 64
	for _, l := range tiledLosses(0.05)[:8] {
		in := make([]matrix, l.inputs+l.single)
		for i := range in {
			if in[i] = normal(r, n, dim); i >= l.inputs {
				in[i] = matrix{{2}}
			}
		}
		inTiles := func(in []*Node) *Node { return l.tiles(loss.Tiles{Rows: tile}, in, nil) }
		want, wantGradients := newEvaluatorOn(one, func(in []*Node) *Node { return l.one(in, nil) }).float32(in...)
		got, gradients := newEvaluatorOn(one, inTiles).float32(in...)
		again, gradientsAgain := newEvaluatorOn(three, inTiles).float32(in...)
		near(t, l.name, float64(got), float64(want), 1e-5*math.Abs(float64(want)))
		if again != got {
			t.Errorf("%s: %v with three workers, %v with one", l.name, again, got)
		}
		for i := range gradients {
			distance, norm := 0.0, 0.0
			for row := range gradients[i] {
				if !slices.Equal(gradients[i][row], gradientsAgain[i][row]) {
					t.Fatalf("%s: three workers give another gradient", l.name)
				}
				for k, g := range gradients[i][row] {
					distance += math.Pow(float64(g-wantGradients[i][row][k]), 2)
					norm += math.Pow(float64(wantGradients[i][row][k]), 2)
				}
			}
			if math.Sqrt(distance) > 1e-5*math.Sqrt(norm) {
				t.Errorf("%s: gradient of input %d is %g from that in one piece, whose norm is %g", l.name, i, math.Sqrt(distance), math.Sqrt(norm))
			}
		}
	}
}

// Sums of exponentials that single precision cannot hold, equal rows and rows of zeros have finite values and gradients in tiles too.
func TestTiledLossesStayFinite(t *testing.T) {
	cpu := looping(t, 1)
	r := rand.New(rand.NewPCG(7, 8))
	long := normal(r, 5, 3)
	for name, rows := range map[string]matrix{"equal": equalRows(5), "long": long.plus(1e3, long), "zeros": long.plus(-1, long)} {
		for _, l := range tiledLosses(0.01) {
			in := slices.Repeat([]matrix{rows}, l.inputs)
			in = append(in, slices.Repeat([]matrix{{{math.Log(100)}}}, l.single)...)
			v, grads := newEvaluatorOn(cpu, func(in []*Node) *Node { return l.tiles(loss.Tiles{Rows: 2}, in, nil) }).float32(in...)
			finite(t, name+", "+l.name, v, grads)
		}
	}
}

func TestTilesRefuseWhatTheyCannotUse(t *testing.T) {
	in := []matrix{equalRows(3), equalRows(3)}
	c := loss.DefaultNTXent()
	for name, build := range map[string]scalarLoss{
		"loss.Tiles.NTXent: a tile has -1 rows": func(in []*Node) *Node { return loss.Tiles{Rows: -1}.NTXent(in[0], in[1], c) },
		"loss.Tiles.CLIP: marks must be signed integers [3] and [3]": func(in []*Node) *Node {
			g := in[0].Graph()
			return loss.Tiles{}.CLIP(in[0], in[1], Const(g, 1.), loss.Marks{{Row: Const(g, []int32{1, 2}), Column: Const(g, []int32{1, 2, 3})}}, loss.Cosine)
		},
		"loss.Tiles.SupCon: labels must be integers": func(in []*Node) *Node {
			return loss.Tiles{}.SupCon(in[0], in[1], Const(in[0].Graph(), []float32{1, 2, 3}), c)
		},
	} {
		if message := panicOf(build, in...); len(message) < len(name) || message[:len(name)] != name {
			t.Errorf("panicked with %q, want %q", message, name)
		}
	}
}
