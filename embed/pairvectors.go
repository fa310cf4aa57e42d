package embed

import (
	"context"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/metric"
)

// PairVectors are pictures and their captions in the space that they share.
type PairVectors struct {
	// Images [pictures, Out] has a row for each picture that could be read, which is picture Items[i] of the pairs.
	Images metric.Matrix
	Items  []int
	// Captions [captions, Out] has a row for each caption of these pictures, every text once; Rows[c] is a row of Pairs.Captions with it.
	Captions metric.Matrix
	Rows     []int
	// ImagesOf has the pictures that each caption is one of, as rows of Images, and CaptionsOf the captions of each picture, as rows
	// of Captions. Pictures that are the same byte by byte have each other's captions.
	ImagesOf, CaptionsOf [][]metric.Relevant
}

// EmbedPairs returns the vectors of pairs. Pictures that cannot be read are listed in pairs.Images.Skipped. Progress, of the pictures,
// may be nil.
func (m *PairModel) EmbedPairs(ctx context.Context, pairs *data.Pairs, progress Progress) (PairVectors, error) {
	var v PairVectors
	var err error
	if v.Images, v.Items, err = m.Images.Embed(ctx, pairs.Images, progress); err != nil {
		return v, err
	}
	all, err := m.Texts.EmbedText(ctx, pairs.Captions, 0, nil)
	if err != nil {
		return v, err
	}
	v.relate(pairs)
	v.Captions = metric.NewMatrix(len(v.Rows), all.Cols)
	for c, row := range v.Rows {
		copy(v.Captions.Row(c), all.Row(row))
	}
	return v, nil
}

// relate says which captions are of which pictures.
func (v *PairVectors) relate(pairs *data.Pairs) {
	number := map[int]int{} // of a caption, by its id
	type link struct{ content, caption int }
	known := map[link]bool{}
	captions, images := map[int][]int{}, map[int][]int{} // by content
	for row, item := range v.Items {
		content := pairs.ContentID(item)
		images[content] = append(images[content], row)
		first, end := pairs.CaptionRows(item)
		for k := first; k < end; k++ {
			id := pairs.CaptionID(k)
			if _, met := number[id]; !met {
				number[id] = len(v.Rows)
				v.Rows = append(v.Rows, k)
			}
			if l := (link{content, number[id]}); !known[l] {
				known[l] = true
				captions[content] = append(captions[content], number[id])
			}
		}
	}
	v.ImagesOf, v.CaptionsOf = make([][]metric.Relevant, len(v.Rows)), make([][]metric.Relevant, len(v.Items))
	done := map[int]bool{}
	for row, item := range v.Items {
		content := pairs.ContentID(item)
		for _, c := range captions[content] {
			v.CaptionsOf[row] = append(v.CaptionsOf[row], metric.Relevant{Index: c, Gain: 1})
		}
		if done[content] {
			continue
		}
		done[content] = true
		for _, c := range captions[content] {
			for _, image := range images[content] {
				v.ImagesOf[c] = append(v.ImagesOf[c], metric.Relevant{Index: image, Gain: 1})
			}
		}
	}
}

// Paired returns, for every picture, its vector and that of its first caption, [pictures, Out] each.
func (v PairVectors) Paired() (images, captions metric.Matrix) {
	captions = metric.NewMatrix(v.Images.Rows, v.Captions.Cols)
	for row, list := range v.CaptionsOf {
		copy(captions.Row(row), v.Captions.Row(list[0].Index))
	}
	return v.Images, captions
}
