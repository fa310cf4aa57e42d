package runreport

import (
	"image"
	"strings"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/internal/rng"
	"github.com/alike-ml/alike/positive"
	"github.com/alike-ml/alike/report"
)

// pick returns n of the places 0 to total-1, spread by the seed.
func pick(n, total int) []int {
	return rng.New(showSeed, 0, 0, rng.Split).Perm(total)[:min(n, total)]
}

// examples draws positives: pictures, and views of each, turn by turn as the method's views go.
func examples(images *data.Images, views []positive.ImageConfig) ([]report.Positive, error) {
	var pipelines []*positive.Pipeline
	for _, v := range views {
		p, err := positive.NewPipeline(v)
		if err != nil {
			return nil, err
		}
		pipelines = append(pipelines, p)
	}
	var list []report.Positive
	for _, i := range pick(positives, images.Len()) {
		picture, err := images.Image(i)
		if err != nil {
			continue // listed as skipped
		}
		original, err := photo(images, i, picture, thumbnail)
		if err != nil {
			return nil, err
		}
		example := report.Positive{Original: original}
		for k := range viewsEach {
			p := pipelines[k%len(pipelines)]
			view := make([]float32, p.Len())
			p.View(view, picture, rng.New(showSeed, 0, i, k))
			drawn, err := report.NewJPEG(p.Picture(view), thumbnailJPEG)
			if err != nil {
				return nil, err
			}
			example.Views = append(example.Views, drawn)
		}
		list = append(list, example)
	}
	return list, nil
}

// texts are rows of which there is more to see than a text.
func texts(rows [][]positive.TextLine) [][]report.TextLine {
	var list [][]report.TextLine
	for _, row := range rows {
		var lines []report.TextLine
		for _, line := range row {
			lines = append(lines, report.TextLine(line))
		}
		if len(lines) > 1 {
			list = append(list, lines)
		}
	}
	return list
}

// photo is a picture for the page, with its name and its class.
func photo(images *data.Images, i int, picture *image.RGBA, side int) (report.Photo, error) {
	item := images.Items[i]
	small, err := report.NewThumbnail(picture, side, thumbnailJPEG)
	p := report.Photo{Image: small, Name: item.Path[strings.LastIndex(item.Path, "/")+1:]}
	if item.Label >= 0 {
		p.Label = images.Classes[item.Label]
	}
	return p, err
}
