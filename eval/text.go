package eval

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gomlx/compute"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/metric"
)

// TextData is what an encoder of text is scored on.
type TextData struct {
	// Test are rows with classes, rows of pairs, or both; nil for none.
	Test *data.Text
	// Train are rows to learn the classes of Test from, known by their names. Where it is nil a fifth of Test is held out to be scored, always
	// the same rows, and the rest is learned from.
	Train *data.Text
	// STS are pairs with scores; nil for none.
	STS *data.Text
	// Split says in words where the rows are from.
	Split string
}

// RunText scores an encoder of text: classes by nearest neighbours and a linear probe, both on the first text of a row; of rows of two
// texts and more, how well each first text finds its second among all of them; and the correlation with the scores of pairs.
// Each stands beside TF-IDF and the untrained encoder. The geometry is that of the rows' first texts, with alignment between a row's
// two texts or, for rows of one, between two draws of dropout.
//
// Of the options, MaxTrain counts rows, and the tasks are those of [TextTasks].
func RunText(ctx context.Context, backend compute.Backend, m *embed.TextModel, in TextData, options Options, say Say) (*Report, error) {
	if say == nil {
		say = func(string, int, int) {}
	}
	e := textEvaluation{ctx: ctx, TextData: in, options: options, say: say, report: &Report{Model: m.Config}}
	if err := e.choose(); err != nil {
		return nil, err
	}
	if err := e.split(); err != nil {
		return nil, err
	}
	trained, err := e.embed(thisEncoder, m)
	if err != nil {
		return nil, err
	}
	var untrained *textVectors
	if !options.NoBaselines {
		before, err := m.Untrained(backend)
		if err != nil {
			return nil, err
		}
		defer before.Close()
		if untrained, err = e.embed(untrainedEncoder, before); err != nil {
			return nil, err
		}
	}
	if err := e.score(*trained, untrained); err != nil {
		return nil, err
	}
	return e.report, e.geometry(m, *trained)
}

// textEvaluation is one run of all tasks.
type textEvaluation struct {
	ctx context.Context
	TextData
	options Options
	say     Say
	tasks   []string
	report  *Report
}

// split divides rows whose classes are scored where they come in one piece, and thins out those to learn from.
func (e *textEvaluation) split() (err error) {
	if !e.scoresClasses() {
		return nil
	}
	if e.Train == nil {
		n := max(1, int(float64(e.Test.Len())*testShare))
		if e.Train, e.Test, err = e.Test.HoldOut(n, splitSeed); err != nil {
			return err
		}
		e.Split += ", a fifth of it picked at random to score; if the encoder was trained on this file, it has seen them"
	}
	if n := e.options.MaxTrain; n > 0 && n < e.Train.Len() {
		all := e.Train.Len()
		e.Train = e.Train.Some(n, splitSeed)
		e.Split += fmt.Sprintf("; classes learned from %d of %d rows", n, all)
	}
	return nil
}

// choose takes the tasks that the data allow, or those that are asked for.
func (e *textEvaluation) choose() error {
	if err := CheckTasks(e.options.Tasks, TextTasks()); err != nil {
		return err
	}
	classes := e.Test != nil && len(e.Test.Classes) > 0 && (e.Train == nil || len(e.Train.Classes) > 0)
	pairs := e.Test != nil && len(e.Test.Columns) > 1
	for _, task := range TextTasks() {
		possible := classes
		if task == TaskRetrieval {
			possible = pairs
		}
		switch asked := slices.Contains(e.options.Tasks, task); {
		case asked && !possible && task == TaskRetrieval:
			return errors.New("the rows have one text, and nothing to find: name two columns for retrieval")
		case asked && !possible:
			return fmt.Errorf("the rows have no classes: name their column for %s", task)
		case possible && (asked || len(e.options.Tasks) == 0):
			e.tasks = append(e.tasks, task)
		}
	}
	return nil
}

// textVectors are what an encoder made of the texts: of rows to learn the classes from, of both texts of the rows to score, and of pairs
// with scores.
type textVectors struct {
	split  SplitVectors
	second metric.Matrix
	sts    PairVectors
}

// embed makes vectors of all texts that are scored.
func (e *textEvaluation) embed(whose string, m *embed.TextModel) (*textVectors, error) {
	v := &textVectors{}
	type part struct {
		text   *data.Text
		column int
		to     *metric.Matrix
	}
	var parts []part
	if e.scoresClasses() {
		parts = append(parts, part{e.Train, 0, &v.split.Train})
	}
	if e.Test != nil {
		parts = append(parts, part{e.Test, 0, &v.split.Test})
		if len(e.Test.Columns) > 1 {
			parts = append(parts, part{e.Test, 1, &v.second})
		}
	}
	if e.STS != nil {
		parts = append(parts, part{e.STS, 0, &v.sts.First}, part{e.STS, 1, &v.sts.Second})
	}
	done, total := 0, 0
	for _, p := range parts {
		total += p.text.Len()
	}
	for _, p := range parts {
		vectors, err := m.EmbedText(e.ctx, p.text, p.column, func(n, _ int) { e.say(whose+": vectors", done+n, total) })
		if err != nil {
			return nil, err
		}
		*p.to = vectors
		done += p.text.Len()
	}
	return v, nil
}

func (e *textEvaluation) scoresClasses() bool {
	return slices.Contains(e.tasks, TaskKNN) || slices.Contains(e.tasks, TaskLinear)
}

// score runs the tasks, and says what they were run on.
func (e *textEvaluation) score(trained textVectors, untrained *textVectors) error {
	d := &e.report.Data
	d.Split, d.Classes = e.Split, []string{}
	if e.scoresClasses() {
		d.Train, d.Classes = e.Train.Len(), append(d.Classes, e.Train.Classes...)
		if err := e.classes(trained, untrained); err != nil {
			return err
		}
	}
	if e.Test != nil {
		d.Test = e.Test.Len()
		for _, drop := range e.Test.Dropped {
			d.Skipped += drop.Count
		}
	}
	if slices.Contains(e.tasks, TaskRetrieval) {
		if err := e.retrieval(trained, untrained); err != nil {
			return err
		}
	}
	if e.STS == nil {
		return nil
	}
	return e.sts(trained, untrained)
}

// classes scores the nearest neighbours and the linear probe.
func (e *textEvaluation) classes(trained textVectors, untrained *textVectors) error {
	train, err := labelledTexts(e.Train, e.Train.Classes)
	if err != nil {
		return err
	}
	test, err := labelledTexts(e.Test, e.Train.Classes)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, text := range train.Texts {
		known[text] = true
	}
	for _, text := range test.Texts {
		if known[text] {
			e.report.Data.Repeated++
		}
	}
	e.report.Data.Unknown = unknown(train.Labels, test.Labels)
	var before *SplitVectors
	if untrained != nil {
		before = &untrained.split
	}
	if slices.Contains(e.tasks, TaskKNN) {
		e.say("nearest neighbours", 0, 0)
		if e.report.Tasks.KNN, err = ScoreTextKNN(train, test, trained.split, before, e.options.KNN); err != nil {
			return err
		}
	}
	if slices.Contains(e.tasks, TaskLinear) {
		progress := func(whose string, fits, total int) error {
			e.say(whose+": "+StageProbe, fits, total)
			return e.ctx.Err()
		}
		e.report.Tasks.Linear, err = ScoreTextProbe(train, test, trained.split, before, e.options.Probe, progress)
	}
	return err
}

// labelledTexts are the first texts of rows, with their classes by number among those known. A class that is not known has a number
// beyond them.
func labelledTexts(text *data.Text, known []string) (l LabelledTexts, err error) {
	number := map[int]int{-1: -1}
	for label, class := range text.Classes {
		at, found := slices.BinarySearch(known, class)
		if !found {
			at = len(known) + label
		}
		number[label] = at
	}
	for row, err := range text.Rows() {
		if err != nil {
			return l, err
		}
		l.Texts, l.Labels = append(l.Texts, row.Texts[0]), append(l.Labels, number[row.Label])
	}
	return l, nil
}

// retrieval searches the second texts of the rows for those of the first.
func (e *textEvaluation) retrieval(trained textVectors, untrained *textVectors) error {
	e.say("retrieval", 0, 0)
	first, second, _, err := columnsOf(e.Test)
	if err != nil {
		return err
	}
	search, at, err := SearchOfPairs(first, second)
	if err != nil {
		return err
	}
	of := func(v textVectors) SearchVectors {
		return SearchVectors{Queries: v.split.Test.Pick(at.Queries), Items: v.second.Pick(at.Items)}
	}
	var before *SearchVectors
	if untrained != nil {
		v := of(*untrained)
		before = &v
	}
	e.report.Tasks.Retrieval, err = ScoreRetrieval(search, of(trained), before)
	return err
}

// columnsOf are the first two texts and the scores of all rows.
func columnsOf(text *data.Text) (first, second []string, scores []float64, err error) {
	for row, err := range text.Rows() {
		if err != nil {
			return nil, nil, nil, err
		}
		first, second, scores = append(first, row.Texts[0]), append(second, row.Texts[1]), append(scores, row.Score)
	}
	return first, second, scores, nil
}

// sts correlates the similarities of pairs with their scores.
func (e *textEvaluation) sts(trained textVectors, untrained *textVectors) error {
	first, second, judged, err := columnsOf(e.STS)
	if err != nil {
		return err
	}
	var before *PairVectors
	if untrained != nil {
		before = &untrained.sts
	}
	e.report.Tasks.STS, err = ScoreSTS(first, second, judged, trained.sts, before)
	return err
}

// geometry measures the rows that are scored, or the pairs with scores where there are no others.
func (e *textEvaluation) geometry(m *embed.TextModel, v textVectors) (err error) {
	first, second, own := v.split.Test, v.second, v.split.Test
	switch {
	case e.Test == nil:
		first, second, own = v.sts.First, v.sts.Second, v.sts.First
	case len(e.Test.Columns) == 1:
		if first, second, err = m.EmbedNoisy(e.ctx, e.Test, 0); err != nil {
			return err
		}
	}
	if own.Rows < 2 {
		return errors.New("one row is too few to score: give two or more")
	}
	e.report.Geometry, err = metric.MeasureGeometry(first, second, own)
	return err
}
