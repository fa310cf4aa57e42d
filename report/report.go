// Package report draws a run as one HTML file that needs nothing else: no server, no network, no other file.
//
// It knows nothing of training or evaluation. It takes the plain values of a [Run], leaves out every section that has
// none, and says in a sentence what each number means.
package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"
)

// Run is everything a report shows. Every field may be empty; its section is then left out.
type Run struct {
	// Title heads the page: "SimCLR on clothing photos".
	Title string
	// Method, Backbone and Data describe the run in a few words each.
	Method, Backbone, Data string
	// Facts stand under the title: items, epochs, seed, total time.
	Facts []Setting
	// Scores of the trained encoder, each with its baselines.
	Scores []Score
	// Queries are items with what is nearest to them. Searched says what they are, and among what they were looked for.
	Queries  []Query
	Searched string
	// Map places items in the plane; Classes names the classes its points refer to.
	Map     []MapPoint
	Classes []string
	// Epochs are the curves of training, in order.
	Epochs []Epoch
	// Expected is drawn behind the curves: where those of other runs lay. Verdict says in a sentence how the run compares.
	Expected Expected
	Verdict  string
	// HeldOutBaselines are drawn as levels in the curve of kNN accuracy. They must be measured on the same held-out items.
	HeldOutBaselines []Baseline
	// STSBaselines are levels in the curve of the correlation with scored pairs.
	STSBaselines []Baseline
	// RecallBaselines are levels in the curve of the recall of pictures by captions.
	RecallBaselines []Baseline
	// Positives are pictures with the views that training takes to be alike.
	Positives []Positive
	// Texts are rows of text, line by line, with the views and the hard negatives that training makes of them.
	Texts [][]TextLine
	// Command reproduces the run.
	Command string
	// Config is the resolved configuration.
	Config []Setting
	// Timing says where the time went.
	Timing []Span
	// Skipped are files that could not be read.
	Skipped []Skipped
}

// Setting is a named value.
type Setting struct {
	Key, Value string
}

// Score is what one task says about the encoder.
type Score struct {
	// Task is its name: "Nearest neighbours".
	Task string
	// Meaning is one sentence on what the number says; see [MeaningKNN] and [MeaningLinear].
	Meaning string
	// Detail names the settings: "k = 10, temperature 0.1".
	Detail string
	// Value is a share in [0, 1], or a correlation in [-1, 1], as are those of the baselines; NaN is shown as not measured.
	Value       float64
	Correlation bool
	Baselines   []Baseline
	// Items is the number of items scored, from which the standard error of a share follows; 0 for unknown, and for a correlation.
	Items int
}

// Sentences for [Score.Meaning].
const (
	MeaningKNN = "The share of unseen items whose class is guessed right by a vote of the most similar training items. " +
		"Nothing is trained for it: it asks how well similarity alone sorts the items."
	MeaningLinear = "The share of unseen items whose class is guessed right by a linear classifier trained on the frozen " +
		"representations. It asks whether the classes can be told apart by planes."
	MeaningRetrieval = "The share of texts whose own counterpart is the most similar of all. Nothing is trained for it: it asks " +
		"whether what means the same lies closest."
	MeaningSTS = "How well the similarities of pairs of sentences order them as people's scores do: Spearman's correlation. 1 is the " +
		"same order, 0 none."
	MeaningCaptions = "The share of captions whose own picture is the most similar of all these pictures."
	MeaningPictures = "The share of pictures one of whose own captions is the most similar of all these captions."
	MeaningZeroShot = "The share of pictures whose class is guessed right by the name that is most similar. No picture's class was used for it."
)

// Baseline is what something trivial scores on the same task: raw pixels, the untrained encoder, the largest class.
type Baseline struct {
	Name  string
	Value float64
}

// Epoch is one row of the curves. NaN means not measured; a curve without any value is left out.
type Epoch struct {
	// Number counts from 1; 0 is the state before training.
	Number int
	// Loss is the mean over the epoch's steps.
	Loss float64
	// KNN is the accuracy on the held-out part of the training data, in [0, 1].
	KNN float64
	// STS is Spearman's correlation, in [-1, 1], of the cosines of pairs of sentences with their scores.
	STS float64
	// Recall is the share of held-out captions whose picture is the nearest of the held-out ones, in [0, 1].
	Recall float64
	// Alignment, Uniformity, EffectiveRank and Std are those of package metric, on held-out items.
	Alignment, Uniformity, EffectiveRank, Std float64
	// LearningRate is that of the epoch's last step.
	LearningRate float64
}

// Expected is the range in which the curves of a run are expected: the lowest and the highest values of other runs, for the
// same epochs in the same order. Values that are not a number are left out.
type Expected struct {
	Low, High []Epoch
}

// between leaves out all epochs before the first and after the last.
func (x Expected) between(first, last int) (within Expected) {
	for i, e := range x.Low {
		if e.Number >= first && e.Number <= last {
			within.Low, within.High = append(within.Low, e), append(within.High, x.High[i])
		}
	}
	return within
}

// Photo is a picture of an item, or the item itself where it is a text.
type Photo struct {
	Image Image
	Text  string
	// Name tells the item from others, such as its file name.
	Name string
	// Label is the class, or empty.
	Label string
}

// Query is an item with its nearest neighbours, the nearest first; five pictures fit a line. Where both have labels the report says
// whether they agree; where the query is one of a pair, it says which of them is the other.
type Query struct {
	Photo      Photo
	Paired     bool
	Neighbours []Neighbour
}

// Neighbour is an item found alike.
type Neighbour struct {
	Photo Photo
	// Own says that it is what the query is paired with.
	Own bool
	// Similarity is the cosine similarity to the query, in [-1, 1].
	Similarity float64
}

// MapPoint is an item's place on the 2-D map. Points that are not finite are left out.
type MapPoint struct {
	X, Y float64
	// Class is an index of Run.Classes, or -1.
	Class int
	// Name and Image, a thumbnail, may be empty.
	Name  string
	Image Image
}

// Positive is a picture and views of it.
type Positive struct {
	Original Photo
	Views    []Image
}

// TextLine is a text and what it is, such as "view" or "negative".
type TextLine struct {
	Name, Text string
}

// Span is a part of the run and how long it took.
type Span struct {
	Name     string
	Duration time.Duration
}

// Skipped is a file that was left out, and why.
type Skipped struct {
	Name, Reason string
}

//go:embed page.html
var pageSource string

//go:embed style.css
var style string

//go:embed script.js
var script string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"percent":  percent,
	"decimal":  func(x float64) string { return number(x, 2) },
	"duration": duration,
	"count":    count,
	"json":     toJSON,
}).Parse(pageSource))

// content is what the template reads.
type content struct {
	Run
	Style   template.CSS
	Script  template.JS
	Scores  []scoreView
	Charts  []chart
	Table   valueTable
	Map     *mapView
	Queries []queryView
}

// Write writes the report of a run to w as one HTML file. Nothing is written if the page cannot be made.
func Write(w io.Writer, run Run) error {
	charts := newCharts(run)
	view := content{
		Run:     run,
		Style:   template.CSS(style),
		Script:  template.JS(script),
		Scores:  newScores(run.Scores),
		Charts:  charts,
		Table:   newValueTable(run.Epochs, charts),
		Map:     newMap(run.Map, run.Classes),
		Queries: newQueries(run.Queries),
	}
	var buffer bytes.Buffer
	if err := page.Execute(&buffer, view); err != nil {
		return fmt.Errorf("cannot make the report: %w", err)
	}
	if _, err := w.Write(buffer.Bytes()); err != nil {
		return fmt.Errorf("cannot write the report: %w", err)
	}
	return nil
}
