package loss

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Tiles computes losses over all pairs of a batch (tiled.go) without ever holding all pairs: so many rows of them at a time, in a
// loop of the graph. The memory for N pairs of embeddings grows with N, that of the losses in one piece with N². The losses are the
// same, and so are their gradients, but for the order of sums.
//
// A row is whole in a tile, so the value and the gradient of a loss that sums over rows alone are computed together, once. Where
// columns have sums of their own, as in CLIP, the tiles are gone through twice: for the sums and, each computed again, for the gradient.
//
// The gradient is computed with the value, and has none itself. A device must have loops in graphs, as cpu and xla have them: see [Tiles.On].
type Tiles struct {
	// Rows is the number of rows of a tile, 0 for as many as make a tile of 64 MiB in float32.
	Rows int
}

// On tells whether a device has what tiles need: loops in graphs, and slices from where a loop says.
func (Tiles) On(backend compute.Backend) bool {
	can := backend.Capabilities().Operations
	return can[compute.OpTypeWhile] && can[compute.OpTypeDynamicSlice]
}

// Validate reports a negative number of rows.
func (t Tiles) Validate() error {
	if t.Rows < 0 {
		return fmt.Errorf("a tile has %d rows: it must have 1 or more, or 0 for a fitting number", t.Rows)
	}
	return nil
}

// tileNumbers is how many numbers a tile of a fitting size holds.
const tileNumbers = 1 << 24

// rows is the number of rows of a tile, of n rows in all which hold so many numbers each: a multiple of 16 where it is chosen here.
func (t Tiles) rows(n, numbers int) int {
	if t.Rows > 0 {
		return min(t.Rows, n)
	}
	fitting := max(1, tileNumbers/numbers)
	return min(n, max(fitting&^15, min(fitting, 16)))
}

// tiled is a sum over rows, as it is computed a tile after another.
type tiled struct {
	// rows is how many rows a tile has.
	rows int
	// byRow are nodes of one number of rows each, of which a tile sees its own, and shared are those that every tile sees whole. The
	// sum has a gradient with respect to both.
	byRow, shared []*Node
	// fixedByRow and fixedShared are the same without a gradient.
	fixedByRow, fixedShared []*Node
	// of computes what a tile adds: value, a scalar, and slope, another one, which has the gradient that value has.
	of func(tile tiled) (value, slope *Node)
}

// sum is the sum over all rows.
func (t tiled) sum() *Node {
	learned := append(append([]*Node{}, t.byRow...), t.shared...)
	start := []*Node{ScalarZero(learned[0].Graph(), learned[0].DType())}
	for _, x := range learned {
		start = append(start, ZerosLike(x))
	}
	end := t.overTiles(start, func(first *Node, tile tiled, now []*Node) []*Node {
		value, slope := t.of(tile)
		next := []*Node{Add(now[0], value)}
		for i, gradient := range Gradient(slope, append(append([]*Node{}, tile.byRow...), tile.shared...)...) {
			if so := now[1+i]; i < len(t.byRow) {
				next = append(next, putRows(so, gradient, first))
			} else {
				next = append(next, Add(so, gradient))
			}
		}
		return next
	})
	sum := end[0]
	for i, x := range learned {
		sum = withSlope(sum, ReduceAllSum(Mul(x, end[1+i])))
	}
	return sum
}

// overTiles takes a state from one tile to the next. step makes the state after a tile of the one before it and of the number of the
// tile's first row, an int32 scalar. Rows that do not make a whole tile are a smaller last one. The state at the end has no gradient.
func (t tiled) overTiles(state []*Node, step func(first *Node, tile tiled, now []*Node) []*Node) (end []*Node) {
	g, n := state[0].Graph(), t.byRow[0].Shape().Dim(0)
	whole := n / t.rows
	state = append([]*Node{ScalarZero(g, dtypes.Int32)}, state...)
	take := func(now []*Node, rows int) []*Node {
		next := step(now[0], t.tile(now[0], rows), now[1:])
		return append([]*Node{AddScalar(now[0], float64(rows))}, next...)
	}
	parameters := func(g *Graph) (list []*Node) {
		for i, s := range state {
			list = append(list, Parameter(g, fmt.Sprintf("state_%d", i), s.Shape()))
		}
		return list
	}
	if whole > 1 {
		// GoMLX makes each scalar of a graph once, in the function that asks first, and hands it to all others, where those made in a
		// loop are of no use. So a step is built once outside of it, for its scalars: nothing reads what it computes.
		take(state, t.rows)
		left := NewClosure(g, func(g *Graph) []*Node {
			return []*Node{LessThan(parameters(g)[0], Const(g, int32(whole*t.rows)))}
		})
		body := NewClosure(g, func(g *Graph) []*Node { return take(parameters(g), t.rows) })
		state = While(left, body, state...)
	} else {
		state = take(state, t.rows)
	}
	if rest := n - whole*t.rows; rest > 0 {
		state = take(state, rest)
	}
	for _, x := range state[1:] {
		end = append(end, StopGradient(x))
	}
	return end
}

// tile is what a tile of so many rows from the number first on sees.
func (t tiled) tile(first *Node, rows int) tiled {
	t.byRow, t.fixedByRow = rowsFrom(t.byRow, first, rows), rowsFrom(t.fixedByRow, first, rows)
	t.shared, t.fixedShared = here(t.shared), here(t.fixedShared)
	return t
}

// withSlope is value with the gradient of slope, a scalar that may have another value.
func withSlope(value, slope *Node) *Node { return Add(value, Sub(slope, StopGradient(slope))) }

// here are nodes of the function that is being built, with the values of others.
func here(nodes []*Node) (list []*Node) {
	for _, x := range nodes {
		list = append(list, Identity(x))
	}
	return list
}

// rowsFrom are so many rows of nodes from the number first on.
func rowsFrom(nodes []*Node, first *Node, rows int) (list []*Node) {
	for _, x := range nodes {
		size := append([]int{rows}, x.Shape().Dimensions[1:]...)
		list = append(list, DynamicSlice(x, startOf(x, first), size))
	}
	return list
}

// putRows is x with other rows from the number first on.
func putRows(x, rows, first *Node) *Node { return DynamicUpdateSlice(x, rows, startOf(x, first)) }

// startOf is where in x the row of the number first begins.
func startOf(x, first *Node) []*Node {
	starts := []*Node{first}
	for range x.Rank() - 1 {
		starts = append(starts, ScalarZero(x.Graph(), dtypes.Int32))
	}
	return starts
}
