package loss

import (
	"slices"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// NTXent is [NTXent], in tiles.
func (t Tiles) NTXent(z1, z2 *Node, c Contrast) *Node {
	n, _ := assertRows("Tiles.NTXent", 1, z1, z2)
	t.assert("Tiles.NTXent", c)
	z := twoViews(z1, z2)
	self := numbers(z.Graph(), 2*n)
	sums := t.logSums(c.compare(z, z), Marks{{self, self}})
	return DivScalar(Sub(sums, t.positives(z1, z2, c)), float64(2*n))
}

// Guide is [Guide], in tiles.
func (t Tiles) Guide(z1, z2 *Node, c Contrast) *Node {
	n, _ := assertRows("Tiles.Guide", 2, z1, z2)
	t.assert("Tiles.Guide", c)
	z := twoViews(z1, z2)
	item := numbers(z.Graph(), n)
	item = Concatenate([]*Node{item, item}, 0)
	sums := t.logSums(c.compare(z, z), Marks{{item, item}})
	return DivScalar(Sub(sums, t.positives(z1, z2, c)), float64(2*n))
}

// positives is the sum over both views' rows of their similarity to the other view, divided by τ.
func (t Tiles) positives(z1, z2 *Node, c Contrast) *Node {
	return MulScalar(ReduceAllSum(c.rows(z1, z2)), 2)
}

// SupCon is [SupCon], in tiles.
func (t Tiles) SupCon(z1, z2, labels *Node, c Contrast) *Node {
	n, _ := assertRows("Tiles.SupCon", 1, z1, z2)
	t.assert("Tiles.SupCon", c)
	assertLabels("Tiles.SupCon", labels, z1)
	z := twoViews(z1, z2)
	self, item := numbers(z.Graph(), 2*n), numbers(z.Graph(), n)
	item, label := Concatenate([]*Node{item, item}, 0), Concatenate([]*Node{labels, labels}, 0)
	pairs := c.compare(z, z)
	marks := []*Node{self, item, label}
	sum := tiled{
		rows: t.rows(2*n, pairs.numbers()), byRow: []*Node{pairs.a}, shared: []*Node{pairs.b}, fixedByRow: marks, fixedShared: marks,
		of: func(tile tiled) (value, slope *Node) {
			mark := marksOf(tile.fixedByRow, tile.fixedShared)
			others := LogicalNot(mark[:1].Mask())
			positive := LogicalAnd(mark[1:].Mask(), others)
			similarity := pairs.of(tile.byRow[0], tile.shared[0])
			count := ReduceSum(ConvertDType(positive, similarity.DType()), -1)
			value = ReduceAllSum(Sub(logSumExp(only(others, similarity)), Div(sumOver(positive, similarity), count)))
			return value, value
		},
	}.sum()
	return DivScalar(sum, float64(2*n))
}

// SimCSE is [SimCSE], in tiles. spared are marks of the anchors and of the positives or, with hard negatives, of both below one
// another; nil is none.
func (t Tiles) SimCSE(z1, z2, hard *Node, spared Marks, o SimCSEOptions) *Node {
	n, _ := assertRows("Tiles.SimCSE", 1, z1, z2)
	t.assert("Tiles.SimCSE", o)
	anchor := numbers(z1.Graph(), n)
	others, unlike := z2, []*Node{AddScalar(ZerosLike(anchor), -1)} // and the anchors whose hard negatives the others are
	if hard != nil {
		k := assertHard("Tiles.SimCSE", hard, z1)
		others = Concatenate([]*Node{z2, hard}, 0)
		unlike = append(unlike, slices.Repeat([]*Node{anchor}, k)...)
	}
	m := others.Shape().Dim(0)
	spared.assert("Tiles.SimCSE", n, m)
	pairs := o.compare(z1, others)
	rows, columns := append(Marks{{anchor, numbers(z1.Graph(), m)}, {anchor, Concatenate(unlike, 0)}}, spared...).sides()
	sum := tiled{
		rows: t.rows(n, pairs.numbers()), byRow: []*Node{pairs.a}, shared: []*Node{pairs.b}, fixedByRow: rows, fixedShared: columns,
		of: func(tile tiled) (value, slope *Node) {
			mark := marksOf(tile.fixedByRow, tile.fixedShared)
			logits := pairs.of(tile.byRow[0], tile.shared[0])
			if hard != nil && o.HardNegativeWeight != 0 {
				logits = Where(mark[1].equal(), AddScalar(logits, o.HardNegativeWeight), logits)
			}
			if len(mark) > 2 {
				logits = only(LogicalOr(mark[0].equal(), LogicalNot(mark[2:].Mask())), logits)
			}
			value = ReduceAllSum(logSumExp(logits))
			return value, value
		},
	}.sum()
	return DivScalar(Sub(sum, ReduceAllSum(o.rows(z1, z2))), float64(n))
}

// CLIP is [CLIP], in tiles. positives are marks of the images and of the texts; nil is the paper's.
func (t Tiles) CLIP(image, text, logScale *Node, positives Marks, similarity Similarity) *Node {
	n, _ := assertRows("Tiles.CLIP", 1, image, text)
	t.assert("Tiles.CLIP", similarity)
	positives.assert("Tiles.CLIP", n, n)
	g, dtype := image.Graph(), image.DType()
	pairs := similarity.compare(Exp(asScalar("Tiles.CLIP", "logScale", logScale)), image, text)
	own := numbers(g, n)
	rows, columns := append(Marks{{own, own}}, positives...).sides()
	loop := tiled{
		rows: t.rows(n, pairs.numbers()), byRow: []*Node{pairs.a}, shared: []*Node{pairs.b}, fixedByRow: rows, fixedShared: columns,
	}

	// The sums of exponentials of every row and column, the latter with a maximum that grows from tile to tile.
	zeros := Zeros(g, shapes.Make(dtype, n))
	start := []*Node{zeros, BroadcastToDims(Infinity(g, dtype, -1), n), zeros, zeros, zeros}
	end := loop.overTiles(start, func(first *Node, tile tiled, now []*Node) []*Node {
		ofRows, highest, sum, rowCounts, columnCounts := now[0], now[1], now[2], now[3], now[4]
		logits := pairs.of(tile.byRow[0], tile.shared[0])
		higher := Max(highest, ReduceMax(logits, 0))
		sum = Add(Mul(sum, Exp(Sub(highest, higher))), ReduceSum(Exp(Sub(logits, InsertAxes(higher, 0))), 0))
		if len(positives) > 0 {
			right := ConvertDType(marksOf(tile.fixedByRow, tile.fixedShared).Mask(), dtype)
			rowCounts = putRows(rowCounts, ReduceSum(right, 1), first)
			columnCounts = Add(columnCounts, ReduceSum(right, 0))
		}
		return []*Node{putRows(ofRows, logSumExp(logits), first), higher, sum, rowCounts, columnCounts}
	})
	ofRows, ofColumns := end[0], Add(end[1], Log(end[2]))
	rowShares, columnShares := Inverse(end[3]), Inverse(end[4])

	// The gradient of a logit is its share of the sums of its row and its column, less that of the positives.
	loop.fixedByRow = append([]*Node{ofRows, rowShares}, rows...)
	loop.fixedShared = append([]*Node{ofColumns, columnShares}, columns...)
	loop.of = func(tile tiled) (value, slope *Node) {
		logits := pairs.of(tile.byRow[0], tile.shared[0])
		down, across := InsertAxes(tile.fixedByRow[0], 1), InsertAxes(tile.fixedShared[0], 0)
		slope = ReduceAllSum(Add(Exp(Sub(logits, down)), Exp(Sub(logits, across))))
		if len(positives) == 0 {
			return ScalarZero(g, dtype), slope
		}
		share := Add(InsertAxes(tile.fixedByRow[1], 1), InsertAxes(tile.fixedShared[1], 0))
		right := ReduceAllSum(sumOver(marksOf(tile.fixedByRow[2:], tile.fixedShared[2:]).Mask(), Mul(share, logits)))
		return Neg(right), Sub(slope, right)
	}
	sum := Add(Add(ReduceAllSum(ofRows), ReduceAllSum(ofColumns)), loop.sum())
	if len(positives) == 0 {
		sum = Sub(sum, MulScalar(ReduceAllSum(pairs.ofRows()), 2))
	}
	return DivScalar(sum, float64(2*n))
}

// SigLIP is [SigLIP], in tiles. positives are marks of the images and of the texts; nil is the paper's.
func (t Tiles) SigLIP(image, text, logScale, bias *Node, positives Marks, similarity Similarity) *Node {
	n, _ := assertRows("Tiles.SigLIP", 1, image, text)
	t.assert("Tiles.SigLIP", similarity)
	positives.assert("Tiles.SigLIP", n, n)
	pairs := similarity.compare(Exp(asScalar("Tiles.SigLIP", "logScale", logScale)), image, text)
	own := numbers(image.Graph(), n)
	rows, columns := append(Marks{{own, own}}, positives...).sides()
	sum := tiled{
		rows: t.rows(n, pairs.numbers()), byRow: []*Node{pairs.a}, shared: []*Node{pairs.b, asScalar("Tiles.SigLIP", "bias", bias)},
		fixedByRow: rows, fixedShared: columns,
		of: func(tile tiled) (value, slope *Node) {
			logits := Add(pairs.of(tile.byRow[0], tile.shared[0]), tile.shared[1])
			positive := marksOf(tile.fixedByRow, tile.fixedShared).Mask()
			value = ReduceAllSum(Softplus(Where(positive, Neg(logits), logits)))
			return value, value
		},
	}.sum()
	return DivScalar(sum, float64(n))
}

// logSums is the sum, over all rows, of the logarithm of the sum of exponentials of what a row is compared with, but for what it has a
// mark in common with.
func (t Tiles) logSums(pairs comparison, out Marks) *Node {
	rows, columns := out.sides()
	return tiled{
		rows: t.rows(pairs.a.Shape().Dim(0), pairs.numbers()), byRow: []*Node{pairs.a}, shared: []*Node{pairs.b}, fixedByRow: rows, fixedShared: columns,
		of: func(tile tiled) (value, slope *Node) {
			similarity := pairs.of(tile.byRow[0], tile.shared[0])
			value = ReduceAllSum(logSumExp(without(marksOf(tile.fixedByRow, tile.fixedShared).Mask(), similarity)))
			return value, value
		},
	}.sum()
}

// assert panics with the named function's name if its options, or the tiles, are not usable.
func (t Tiles) assert(function string, options interface{ Validate() error }) {
	assertValid(function, options)
	assertValid(function, t)
}

// comparison is of rows a [n, dim] with rows b [m, dim], by a similarity times a factor which is in them already, and so not in every
// pair.
type comparison struct {
	a, b       *Node
	similarity Similarity
}

// compare prepares factor * f_sim(a_i, b_k); factor is a scalar.
func (s Similarity) compare(factor, a, b *Node) comparison {
	switch s {
	case Cosine:
		return comparison{Mul(factor, Normalize(a)), Normalize(b), InnerProduct}
	case InnerProduct:
		return comparison{Mul(factor, a), b, InnerProduct}
	default:
		return comparison{Mul(factor, a), Mul(factor, b), s} // a length, which a positive factor stretches
	}
}

// compare prepares f_sim(a_i, b_k)/τ.
func (c Contrast) compare(a, b *Node) comparison {
	return c.Similarity.compare(Scalar(a.Graph(), a.DType(), 1/c.Temperature), a, b)
}

// of compares rows of a with rows of b: [n, m].
func (c comparison) of(a, b *Node) *Node { return c.similarity.Pairs(a, b) }

// ofRows compares row i with row i: [n].
func (c comparison) ofRows() *Node { return c.similarity.Rows(c.a, c.b) }

// numbers is how many are held for each row of a.
func (c comparison) numbers() int {
	m, dim := c.b.Shape().Dim(0), c.b.Shape().Dim(1)
	if c.similarity == NegativeEuclidean {
		return m * dim
	}
	return m
}
