// Package loss holds the contrastive losses: one short file a loss, its equation in the paper's notation in the comment.
//
// Every loss is a pure function of graph nodes. It takes embeddings, one item a row ([batch, dim]), and returns a scalar
// node to be minimised. It owns no variables and no state: queues, prototypes, moving averages and learned temperatures
// belong to the method that calls it and come in as arguments.
//
// Three ideas are shared by all files:
//
//   - A [Similarity] compares rows: cosine, dot product or negative Euclidean distance. Losses that the papers define on
//     unit vectors normalise inside, so callers pass raw embeddings.
//   - A [Contrast] is a similarity divided by the temperature τ, which is all that most of the losses need to be told.
//   - Two views of N items are stacked to 2N rows; the two rows of an item are each other's positive (pairs.go).
//
// Sums of exponentials subtract their maximum first, so a temperature of 0.01 neither overflows nor gives NaN in float32.
// Zero vectors and identical rows have finite values and gradients.
//
// The losses work in the type of their inputs. Pass float32; half precision has too few digits for logits divided by a
// small temperature. Wrong shapes and options panic, as graph-building code does, with a message that names the function.
package loss

import (
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Contrast says how rows are contrasted: the similarity f_sim and the temperature τ that divides it.
type Contrast struct {
	// Similarity is f_sim.
	Similarity Similarity
	// Temperature is τ, above 0.
	Temperature float64
}

// Validate reports an unknown similarity or a temperature that is not above zero and finite.
func (c Contrast) Validate() error {
	if err := c.Similarity.Validate(); err != nil {
		return err
	}
	if !(c.Temperature > 0) || math.IsInf(c.Temperature, 1) {
		return fmt.Errorf("temperature is %g: it must be above 0 and finite", c.Temperature)
	}
	return nil
}

// pairs returns f_sim(a_i, b_k)/τ for every row i of a and k of b: [n, dim] and [m, dim] give [n, m].
func (c Contrast) pairs(a, b *Node) *Node {
	return DivScalar(c.Similarity.Pairs(a, b), c.Temperature)
}

// rows returns f_sim(a_i, b_i)/τ for every row i: [n, dim] twice gives [n].
func (c Contrast) rows(a, b *Node) *Node {
	return DivScalar(c.Similarity.Rows(a, b), c.Temperature)
}

// logSumExp returns log Σ_k exp(x_ik) along the last axis. The maximum is subtracted first; as it cancels out of the
// value, it takes no part in the gradient. Entries of minus infinity are left out of the sum.
func logSumExp(x *Node) *Node {
	highest := StopGradient(ReduceMax(x, -1))
	sum := ReduceSum(Exp(Sub(x, InsertAxes(highest, -1))), -1)
	return Add(highest, Log(sum))
}

// only keeps the entries of x where the mask holds and puts minus infinity, which [logSumExp] leaves out, elsewhere.
func only(mask, x *Node) *Node {
	return Where(mask, x, Infinity(x.Graph(), x.DType(), -1))
}

// without puts minus infinity where the mask holds and keeps the other entries of x.
func without(mask, x *Node) *Node {
	return Where(mask, Infinity(x.Graph(), x.DType(), -1), x)
}

// sumOver adds the entries of x where the mask holds, along the last axis.
func sumOver(mask, x *Node) *Node {
	return ReduceSum(Where(mask, x, ScalarZero(x.Graph(), x.DType())), -1)
}

// crossEntropyOnDiagonal returns the mean cross-entropy of rows of logits [n, m], m >= n, whose right answer for row i is
// column i.
func crossEntropyOnDiagonal(logits *Node) *Node {
	n := logits.Shape().Dim(0)
	square := Slice(logits, AxisRange(), AxisRange(0, n))
	right := sumOver(diagonal(logits.Graph(), n), square)
	return ReduceAllMean(Sub(logSumExp(logits), right))
}

// offDiagonal puts zeros on the diagonal of a square matrix.
func offDiagonal(x *Node) *Node {
	return Where(diagonal(x.Graph(), x.Shape().Dim(0)), ScalarZero(x.Graph(), x.DType()), x)
}

// assertRows panics unless the inputs of the named function all have one shape [batch, dim] with at least minBatch rows.
// It returns that batch size and dimension.
func assertRows(function string, minBatch int, inputs ...*Node) (batch, dim int) {
	first := inputs[0].Shape()
	for _, x := range inputs {
		if s := x.Shape(); s.Rank() != 2 || s.Dim(1) == 0 || !s.Equal(first) {
			exceptions.Panicf("loss.%s: inputs must have one shape [batch, dim], got %s", function, shapesOf(inputs))
		}
	}
	if first.Dim(0) < minBatch {
		exceptions.Panicf("loss.%s: needs at least %d rows, got %s", function, minBatch, shapesOf(inputs))
	}
	return first.Dim(0), first.Dim(1)
}

// assertValid panics with the named function's name if its options are not usable.
func assertValid(function string, options interface{ Validate() error }) {
	if err := options.Validate(); err != nil {
		exceptions.Panicf("loss.%s: %v", function, err)
	}
}

// asScalar returns x, which must hold one number, without its axes.
func asScalar(function, name string, x *Node) *Node {
	if x.Shape().Size() != 1 {
		exceptions.Panicf("loss.%s: %s must hold one number, got %s", function, name, x.Shape())
	}
	return Reshape(x)
}

func shapesOf(nodes []*Node) string {
	text := ""
	for i, x := range nodes {
		if i > 0 {
			text += ", "
		}
		text += x.Shape().String()
	}
	return text
}
