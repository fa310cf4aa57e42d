package loss

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// SwAVOptions are the settings of [SwAV].
type SwAVOptions struct {
	// Temperature is τ of the predictions, above 0.
	Temperature float64
	// Epsilon is ε, which smooths the codes, above 0.
	Epsilon float64
	// Iterations of Sinkhorn, at least 1.
	Iterations int
	// QueueJoins is a scalar that says, when the step is taken, whether the queue joins the computation of codes: a graph has
	// one shape, but a queue fills up first. Nil is always.
	QueueJoins *Node
}

// DefaultSwAV returns τ = 0.1, ε = 0.05 and 3 iterations: Caron et al. 2020, "Unsupervised Learning of Visual Features by
// Contrasting Cluster Assignments", section 3.1 and appendix A.
func DefaultSwAV() SwAVOptions { return SwAVOptions{Temperature: 0.1, Epsilon: 0.05, Iterations: 3} }

// Validate reports a number out of its range.
func (o SwAVOptions) Validate() error {
	switch {
	case !(o.Temperature > 0):
		return fmt.Errorf("temperature is %g: it must be above 0", o.Temperature)
	case !(o.Epsilon > 0):
		return fmt.Errorf("epsilon is %g: it must be above 0", o.Epsilon)
	case o.Iterations < 1:
		return fmt.Errorf("iterations is %d: it must be at least 1", o.Iterations)
	}
	return nil
}

// SwAV is the swapped prediction of Caron et al. 2020, "Unsupervised Learning of Visual Features by Contrasting Cluster
// Assignments", equations 1, 2 and 6. Every large crop's codes q_s are predicted from every other crop t, large or small:
//
//	L = mean over large s, mean over t ≠ s, mean over the batch of -Σ_k q_s^(k) log p_t^(k)
//	p_t = softmax(z_t·c_k/τ)
//
// All arguments are scores z·c against the K prototypes. high are the two or more large crops, [batch, K] each, and low
// any number of small ones; small crops never make codes. The codes come from [Sinkhorn] and carry no gradient. queue is
// nil or has one [rows, K] for every large crop: scores of earlier items that join its computation of codes only, if
// o.QueueJoins is nil or says so.
func SwAV(high, low, queue []*Node, o SwAVOptions) *Node {
	if len(high) < 2 {
		exceptions.Panicf("loss.SwAV: needs at least 2 large crops, got %d", len(high))
	}
	crops := append(append([]*Node{}, high...), low...)
	n, prototypes := assertRows("SwAV", 1, crops...)
	assertValid("SwAV", o)
	if len(queue) != 0 && len(queue) != len(high) {
		exceptions.Panicf("loss.SwAV: needs a queue for each of %d large crops or none, got %d", len(high), len(queue))
	}
	for _, q := range queue {
		if q.Rank() != 2 || q.Shape().Dim(1) != prototypes {
			exceptions.Panicf("loss.SwAV: queues must be [rows, %d] for crops of %s, got %s", prototypes, high[0].Shape(), q.Shape())
		}
	}

	logP := make([]*Node, len(crops))
	for t, scores := range crops {
		logP[t] = LogSoftmax(DivScalar(scores, o.Temperature))
	}
	var terms []*Node
	for s, scores := range high {
		var counts *Node
		if len(queue) != 0 {
			scores = Concatenate([]*Node{scores, queue[s]}, 0)
			counts = firstOr(o.QueueJoins, n, scores.Shape().Dim(0))
		}
		codes := Slice(sinkhorn(scores, counts, o.Epsilon, o.Iterations), AxisRange(0, n))
		codes = ConvertDType(codes, high[s].DType())
		for t := range crops {
			if t != s {
				terms = append(terms, Neg(ReduceAllMean(ReduceSum(Mul(codes, logP[t]), -1))))
			}
		}
	}
	return ReduceAllMean(Stack(terms, 0))
}

// Sinkhorn turns scores of rows against K prototypes, [rows, K], into codes of that shape: soft assignments whose rows sum
// to 1 and whose columns are near balance, about rows/K each. It is Caron et al. 2020, equations 3 to 5: from
// Q = exp(scores/ε), each iteration first gives all prototypes the same share, then all rows (Cuturi 2013, "Sinkhorn
// Distances").
//
// It works on log Q, subtracting the maximum of every sum, so that no prototype's column can vanish; the columns' common
// share cancels out of the rows. It computes and returns float32, and no gradient flows through it.
func Sinkhorn(scores *Node, epsilon float64, iterations int) *Node {
	if scores.Rank() != 2 || scores.Shape().Dim(0) == 0 {
		exceptions.Panicf("loss.Sinkhorn: scores must be [rows, prototypes], got %s", scores.Shape())
	}
	assertValid("Sinkhorn", SwAVOptions{Temperature: 1, Epsilon: epsilon, Iterations: iterations})
	return sinkhorn(scores, nil, epsilon, iterations)
}

// sinkhorn is [Sinkhorn] where the prototypes' shares are taken of the rows that count alone: a mask [rows], which must
// leave some, or nil for all. The codes of the other rows mean nothing.
func sinkhorn(scores, counts *Node, epsilon float64, iterations int) *Node {
	logQ := DivScalar(ConvertDType(StopGradient(scores), dtypes.Float32), epsilon)
	for range iterations {
		counted := logQ
		if counts != nil {
			counted = only(counts, logQ)
		}
		logQ = Sub(logQ, InsertAxes(logSumExp(Transpose(counted, 0, 1)), 0)) // columns
		logQ = Sub(logQ, InsertAxes(logSumExp(logQ), 1))                     // rows
	}
	return Exp(logQ)
}

// firstOr is a mask [rows] that holds for the first n rows, and for the others if the scalar does. It is nil, which is a mask
// that holds everywhere, if the scalar is.
func firstOr(scalar *Node, n, rows int) *Node {
	if scalar == nil {
		return nil
	}
	first := LessThan(Iota(scalar.Graph(), shapes.Make(dtypes.Int32, rows), 0), Scalar(scalar.Graph(), dtypes.Int32, n))
	return LogicalOr(first, BroadcastToDims(scalar, rows))
}
