package runreport

import (
	"context"
	"slices"
	"strings"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/eval"
	"github.com/alike-ml/alike/metric"
	"github.com/alike-ml/alike/report"
	"github.com/alike-ml/alike/train"
)

// Most items that examples are taken from where there is no evaluation: those that a run kept back, and those that it learned from.
const (
	mostKept    = 1000
	mostLearned = 4000
)

// mostRepeats is how often a text may be there for its query to be shown as many others as there are: each is shown once.
const mostRepeats = 4

// shelf are items with their vectors, a row each.
type shelf struct {
	vectors metric.Matrix
	photo   func(row, side int) (report.Photo, error)
	class   func(row int) int // -1 for none
}

// show fills in what the encoder finds alike, and the map.
func show(ctx context.Context, run *report.Run, in Input) error {
	if in.Say == nil {
		in.Say = func(string, int, int) {}
	}
	switch {
	case in.Evaluation != nil:
		run.Searched = "The queries are test pictures, what they find are the pictures that classes are learned from."
		run.Classes = in.Evaluation.Test.Images.Classes
		return showFound(run, picturesOf(in.Evaluation.Train), picturesOf(in.Evaluation.Test))
	case in.Model != nil:
		return showPictures(ctx, run, in)
	case in.TextModel != nil:
		return showTexts(ctx, run, in)
	case in.PairModel != nil:
		return showPairs(ctx, run, in)
	}
	return nil
}

// showFound shows what some of the items asked for find, and where they lie.
func showFound(run *report.Run, searched, asked shelf) (err error) {
	if err := ask(run, searched, asked, pick(queries, asked.vectors.Rows), nil); err != nil {
		return err
	}
	run.Map, err = plane(asked)
	return err
}

// ask shows what some rows of the items asked for find among the others, each text once. Where own is not nil it has those that belong to
// each of all items asked for.
func ask(run *report.Run, searched, asked shelf, rows []int, own [][]metric.Relevant) error {
	found, err := metric.Neighbours(searched.vectors, asked.vectors.Pick(rows), neighboursEach*mostRepeats)
	if err != nil {
		return err
	}
	for q, row := range rows {
		query := report.Query{Paired: own != nil}
		if query.Photo, err = asked.photo(row, thumbnail); err != nil {
			return err
		}
		seen := map[string]bool{}
		for _, n := range found[q] {
			neighbour := report.Neighbour{Similarity: float64(n.Similarity)}
			if neighbour.Photo, err = searched.photo(n.Index, thumbnail); err != nil {
				return err
			}
			if text := neighbour.Photo.Text; text != "" && seen[text] {
				continue
			}
			seen[neighbour.Photo.Text] = true
			if own != nil {
				neighbour.Own = slices.ContainsFunc(own[row], func(r metric.Relevant) bool { return r.Index == n.Index })
			}
			if query.Neighbours = append(query.Neighbours, neighbour); len(query.Neighbours) == neighboursEach {
				break
			}
		}
		run.Queries = append(run.Queries, query)
	}
	return nil
}

// plane lays items out on a plane.
func plane(s shelf) ([]report.MapPoint, error) {
	rows := pick(mapPoints, s.vectors.Rows)
	places, err := metric.Map2D(s.vectors.Pick(rows))
	if err != nil {
		return nil, err
	}
	var list []report.MapPoint
	for i, row := range rows {
		p, err := s.photo(row, mapThumbnail)
		if err != nil {
			return nil, err
		}
		name := p.Name
		if p.Text != "" {
			name = short(p.Text, nameLetters)
		}
		list = append(list, report.MapPoint{X: places[i].X, Y: places[i].Y, Class: s.class(row), Name: name, Image: p.Image})
	}
	return list, nil
}

// picturesOf are those of an evaluation.
func picturesOf(v eval.Vectors) shelf {
	return shelf{
		vectors: v.Vectors,
		photo:   func(row, side int) (report.Photo, error) { return photoOf(v.Images, v.Items[row], side) },
		class:   func(row int) int { return v.Labels[row] },
	}
}

// photoOf reads one of the images for the page.
func photoOf(images *data.Images, item, side int) (report.Photo, error) {
	picture, err := images.Image(item)
	if err != nil {
		return report.Photo{}, err
	}
	return photo(images, item, picture, side)
}

// keptFindLearned says what finds what, where there is no evaluation.
const keptFindLearned = "The queries were kept back from training, what they find was learned from."

// showPictures has pictures that the run kept back find some that it learned from.
func showPictures(ctx context.Context, run *report.Run, in Input) error {
	items, err := train.OpenPictures(ctx, in.Config)
	if err != nil || items.Watched == nil {
		return err
	}
	run.Searched = keptFindLearned
	run.Classes = items.All.Classes
	parts := []*data.Images{items.Learned.Some(mostLearned, in.Config.Seed), items.Watched.Some(mostKept, in.Config.Seed)}
	done, total := 0, parts[0].Len()+parts[1].Len()
	var shelves []shelf
	for _, images := range parts {
		v := eval.Vectors{Images: images}
		v.Vectors, v.Items, err = in.Model.Embed(ctx, images, func(n, _ int) { in.Say(vectorsFor, done+n, total) })
		if err != nil {
			return err
		}
		for _, item := range v.Items {
			v.Labels = append(v.Labels, images.Label(item))
		}
		done += images.Len()
		shelves = append(shelves, picturesOf(v))
	}
	return showFound(run, shelves[0], shelves[1])
}

// vectorsFor is what a report needs examples' vectors for, as [Input.Say] is told.
const vectorsFor = "examples for the report: vectors"

// showTexts has rows that the run kept back find some that it learned from, by their first texts.
func showTexts(ctx context.Context, run *report.Run, in Input) error {
	items, err := train.OpenText(ctx, in.Config)
	if err != nil {
		return err
	}
	defer items.Close()
	if items.Watched == nil {
		return nil
	}
	learned := items.Learned.Some(mostLearned, in.Config.Seed)
	run.Searched = keptFindLearned
	run.Classes = items.All.Classes
	parts := []*data.Text{learned, items.Watched.Some(mostKept, in.Config.Seed)}
	done, total := 0, parts[0].Len()+parts[1].Len()
	var shelves []shelf
	for _, text := range parts {
		s := shelf{class: text.Label, photo: func(row, _ int) (p report.Photo, err error) {
			read, err := text.Row(row)
			if err != nil {
				return p, err
			}
			p.Text = short(read.Texts[0], textLetters)
			if label := text.Label(row); label >= 0 {
				p.Label = text.Classes[label]
			}
			return p, nil
		}}
		if s.vectors, err = in.TextModel.EmbedText(ctx, text, 0, func(n, _ int) { in.Say(vectorsFor, done+n, total) }); err != nil {
			return err
		}
		done += text.Len()
		shelves = append(shelves, s)
	}
	return showFound(run, shelves[0], shelves[1])
}

// Queries of a run on pictures with captions: captions that find pictures, and pictures that find captions.
const (
	captionQueries = 8
	pictureQueries = 4
)

// showPairs has captions that the run kept back find their pictures among all that it kept back, and the other way round.
func showPairs(ctx context.Context, run *report.Run, in Input) error {
	items, err := train.OpenPairs(ctx, in.Config)
	if err != nil {
		return err
	}
	defer items.Close()
	if items.Watched == nil {
		return nil
	}
	held := items.Watched.Some(mostKept, in.Config.Seed)
	v, err := in.PairModel.EmbedPairs(ctx, held, func(n, total int) { in.Say(vectorsFor, n, total) })
	if err != nil {
		return err
	}
	run.Searched = "Captions and pictures were kept back from training, and so was all that they are looked for among."
	run.Classes = held.Images.Classes
	pictures := shelf{
		vectors: v.Images, class: func(row int) int { return held.Images.Label(v.Items[row]) },
		photo: func(row, side int) (report.Photo, error) {
			p, err := photoOf(held.Images, v.Items[row], side)
			if err != nil {
				return p, err
			}
			words, err := held.Row(v.Items[row])
			if err == nil {
				p.Name = short(words.Captions[0], nameLetters)
				p.Label = p.Name
			}
			return p, err
		},
	}
	captions := shelf{vectors: v.Captions, photo: func(row, _ int) (report.Photo, error) {
		words, err := held.Captions.Row(v.Rows[row])
		if err != nil {
			return report.Photo{}, err
		}
		return report.Photo{Text: short(words.Texts[0], textLetters)}, nil
	}}
	if err := showPaired(run, pictures, captions, v.ImagesOf, captionQueries); err != nil {
		return err
	}
	if err := showPaired(run, captions, pictures, v.CaptionsOf, pictureQueries); err != nil {
		return err
	}
	run.Map, err = plane(pictures)
	return err
}

// showPaired shows what n of the items asked for find among the others, of which some are their own.
func showPaired(run *report.Run, searched, asked shelf, own [][]metric.Relevant, n int) error {
	var withOwn []int
	for row := range own {
		if len(own[row]) > 0 {
			withOwn = append(withOwn, row)
		}
	}
	var rows []int
	for _, i := range pick(n, len(withOwn)) {
		rows = append(rows, withOwn[i])
	}
	return ask(run, searched, asked, rows, own)
}

// How much is shown of a text, and how much of it is its name.
const (
	textLetters = 300
	nameLetters = 80
)

// short is a text in a line, cut to so many letters.
func short(text string, most int) string {
	letters := []rune(strings.Join(strings.Fields(text), " "))
	if len(letters) > most {
		return string(letters[:most-1]) + "…"
	}
	return string(letters)
}
