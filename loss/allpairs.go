package loss

import . "github.com/gomlx/gomlx/core/graph"

// AllPairs computes the losses that are of all pairs of a batch: all at once, as [OnePiece], or never all at once, as [Tiles].
// What masks say to the functions of the same names, [Marks] say here; nil marks are none.
type AllPairs interface {
	NTXent(z1, z2 *Node, c Contrast) *Node
	Guide(z1, z2 *Node, c Contrast) *Node
	SupCon(z1, z2, labels *Node, c Contrast) *Node
	SimCSE(z1, z2, hard *Node, spared Marks, o SimCSEOptions) *Node
	CLIP(image, text, logScale *Node, positives Marks, similarity Similarity) *Node
	SigLIP(image, text, logScale, bias *Node, positives Marks, similarity Similarity) *Node
}

// OnePiece holds all pairs of a batch at once, which is fastest where they are few.
type OnePiece struct{}

// NTXent is [NTXent].
func (OnePiece) NTXent(z1, z2 *Node, c Contrast) *Node { return NTXent(z1, z2, c) }

// Guide is [Guide].
func (OnePiece) Guide(z1, z2 *Node, c Contrast) *Node { return Guide(z1, z2, c) }

// SupCon is [SupCon].
func (OnePiece) SupCon(z1, z2, labels *Node, c Contrast) *Node { return SupCon(z1, z2, labels, c) }

// SimCSE is [SimCSE]. spared are marks of the anchors and of the positives or, with hard negatives, of both below one another.
func (OnePiece) SimCSE(z1, z2, hard *Node, spared Marks, o SimCSEOptions) *Node {
	return SimCSE(z1, z2, hard, spared.Mask(), o)
}

// CLIP is [CLIP]. positives are marks of the images and of the texts.
func (OnePiece) CLIP(image, text, logScale *Node, positives Marks, similarity Similarity) *Node {
	return CLIP(image, text, logScale, positives.Mask(), similarity)
}

// SigLIP is [SigLIP]. positives are marks of the images and of the texts.
func (OnePiece) SigLIP(image, text, logScale, bias *Node, positives Marks, similarity Similarity) *Node {
	return SigLIP(image, text, logScale, bias, positives.Mask(), similarity)
}

var _, _ AllPairs = OnePiece{}, Tiles{}
