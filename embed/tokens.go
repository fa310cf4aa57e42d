package embed

import "github.com/gomlx/gomlx/core/tensors"

// Lengths are those, in tokens, that texts of at most so many are padded to in training: few, for each is a graph of its own, and near enough
// to each other that padding takes little. They end with the longest. Up to 32 they are step apart, and then somewhat more and more.
func Lengths(longest, step int) []int {
	var list []int
	for length := 8; length < longest; length += max(step, length/16*step) {
		list = append(list, length)
	}
	return append(list, longest)
}

// TokenArrays are texts as a graph takes them: for each list of texts, a row each, their ids, int32, and their mask, which holds where
// a token is one, [rows, length] both. All are padded to the least of lengths that the longest of them fits into; none has more
// tokens than the last of lengths.
func TokenArrays(pad int32, lengths []int, lists ...[][]int32) []*tensors.Tensor {
	most := 0
	for _, texts := range lists {
		for _, tokens := range texts {
			most = max(most, len(tokens))
		}
	}
	length := padded(most, lengths)
	var arrays []*tensors.Tensor
	for _, texts := range lists {
		ids, mask := make([]int32, len(texts)*length), make([]bool, len(texts)*length)
		for row, tokens := range texts {
			for i := range length {
				at := row*length + i
				if ids[at] = pad; i < len(tokens) {
					ids[at], mask[at] = tokens[i], true
				}
			}
		}
		arrays = append(arrays,
			tensors.FromFlatDataAndDimensions(ids, len(texts), length), tensors.FromFlatDataAndDimensions(mask, len(texts), length))
	}
	return arrays
}
