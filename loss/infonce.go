package loss

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// DefaultInfoNCE returns cosine similarity with τ = 0.07: He et al. 2020, "Momentum Contrast for Unsupervised Visual
// Representation Learning", section 3.3. MoCo v2 takes 0.2 (Chen et al. 2020, "Improved
// Baselines with Momentum Contrastive Learning").
func DefaultInfoNCE() Contrast { return Contrast{Similarity: Cosine, Temperature: 0.07} }

// InfoNCE is MoCo's loss: He et al. 2020, "Momentum Contrast for Unsupervised Visual Representation Learning",
// equation 1, averaged over the queries q with their keys k_+ and the K rows k_i of the queue:
//
//	L_q = -log( exp(q·k_+/τ) / (exp(q·k_+/τ) + Σ_i exp(q·k_i/τ)) )
//
// query and key are [batch, dim], queue is [K, dim]. Keys and queue are constants: no gradient flows into them.
//
// filled is how many rows at the start of the queue hold keys, an integer scalar; the rows after them are no negatives.
// nil says that all are filled.
func InfoNCE(query, key, queue, filled *Node, c Contrast) *Node {
	n, dim := assertRows("InfoNCE", 1, query, key)
	assertValid("InfoNCE", c)
	if queue.Rank() != 2 || queue.Shape().Dim(1) != dim {
		exceptions.Panicf("loss.InfoNCE: queue must be [rows, %d] for queries of %s, got %s", dim, query.Shape(), queue.Shape())
	}
	positive := c.rows(query, StopGradient(key))    // [N]
	negative := c.pairs(query, StopGradient(queue)) // [N, K]
	if filled != nil {
		k := queue.Shape().Dim(0)
		row := Iota(queue.Graph(), shapes.Make(dtypes.Int32, n, k), 1)
		count := asScalar("InfoNCE", "filled", ConvertDType(filled, dtypes.Int32))
		negative = only(LessThan(row, count), negative)
	}
	logits := Concatenate([]*Node{InsertAxes(positive, 1), negative}, 1) // [N, 1+K]
	return ReduceAllMean(Sub(logSumExp(logits), positive))
}
