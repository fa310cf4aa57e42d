// Package positive makes the positives of contrastive learning: two views of one picture are a positive pair.
//
// A Pipeline turns a decoded picture into a view, the random crop, colour and blur of SimCLR (Chen et al. 2020,
// "A Simple Framework for Contrastive Learning of Visual Representations", arXiv:2002.05709, appendix A) and its
// relatives; recipes.go holds the published settings. The operations themselves are exported on Buffer and compute what
// torchvision's functional operations compute on float tensors. Sheet draws pictures beside their views, to be looked at
// before training on them.
//
// Text makes views of texts, and TextSheet writes them below one another. Caption makes the text that a picture comes with, of its
// caption or its tags.
//
// The same generator gives the same bytes, with vector instructions or without, whatever else runs: sums have a fixed
// order, and no multiply-add is fused. Between kinds of processors only the last bit of math.Exp and its like may differ.
package positive
