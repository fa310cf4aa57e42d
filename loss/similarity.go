package loss

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Similarity is f_sim(x, y): how alike two embeddings are, the larger the more alike.
type Similarity string

// The similarities, by the names that configuration files use.
const (
	// Cosine is x·y / (|x||y|), between -1 and 1.
	Cosine Similarity = "cosine"
	// InnerProduct is x·y, the dot product.
	InnerProduct Similarity = "dot"
	// NegativeEuclidean is -|x-y|.
	NegativeEuclidean Similarity = "euclidean"
)

// Validate reports a name that is none of the similarities.
func (s Similarity) Validate() error {
	switch s {
	case Cosine, InnerProduct, NegativeEuclidean:
		return nil
	}
	return fmt.Errorf("similarity is %q: it must be %s, %s or %s", string(s), Cosine, InnerProduct, NegativeEuclidean)
}

// Pairs returns f_sim(a_i, b_k) for every row i of a and every row k of b: [n, dim] and [m, dim] give [n, m].
//
// NegativeEuclidean takes the differences themselves, which holds n*m*dim numbers, because |a|²+|b|²-2a·b loses the
// digits that tell near rows apart.
func (s Similarity) Pairs(a, b *Node) *Node {
	if a.Rank() != 2 || b.Rank() != 2 || a.Shape().Dim(1) != b.Shape().Dim(1) {
		exceptions.Panicf("loss.Similarity.Pairs: want [n, dim] and [m, dim], got %s and %s", a.Shape(), b.Shape())
	}
	assertValid("Similarity.Pairs", s)
	switch s {
	case Cosine:
		return Einsum("id,kd->ik", Normalize(a), Normalize(b))
	case InnerProduct:
		return Einsum("id,kd->ik", a, b)
	default:
		return Neg(length(Sub(InsertAxes(a, 1), InsertAxes(b, 0))))
	}
}

// Rows returns f_sim(a_i, b_i) for every row i: [n, dim] twice gives [n].
func (s Similarity) Rows(a, b *Node) *Node {
	assertRows("Similarity.Rows", 1, a, b)
	assertValid("Similarity.Rows", s)
	switch s {
	case Cosine:
		return ReduceSum(Mul(Normalize(a), Normalize(b)), -1)
	case InnerProduct:
		return ReduceSum(Mul(a, b), -1)
	default:
		return Neg(length(Sub(a, b)))
	}
}

// Normalize divides the vectors along the last axis by their length. A vector shorter than 1e-12 (the ε of PyTorch's
// normalize) stays as it is: it has no direction to keep, and stretching it would blow up its gradient.
func Normalize(x *Node) *Node {
	l := InsertAxes(length(x), -1)
	return Div(x, Where(IsZero(l), OnesLike(l), l))
}

// length returns the Euclidean length along the last axis. Lengths below 1e-12 count as 0 and have the gradient 0, where
// the derivative of the square root would be infinite.
func length(x *Node) *Node {
	const shortest = 1e-12
	square := ReduceSum(Square(x), -1)
	short := LessThan(square, Scalar(x.Graph(), x.DType(), shortest*shortest))
	l := Sqrt(Where(short, OnesLike(square), square))
	return Where(short, ZerosLike(l), l)
}
