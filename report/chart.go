package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The size of a chart and the frame its curve is drawn in, in CSS pixels at full size.
const (
	chartWidth, chartHeight                        = 360, 190
	chartLeft, chartRight, chartTop, chartBaseline = 46, 346, 12, 160
)

// chart is a curve over the epochs, ready to be drawn.
type chart struct {
	curve
	frame
	Title, Meaning string
	Summary        string  // for those who cannot see it
	Curve, Dots    string  // path data
	Expected       string  // path data of the area where the curve was expected; empty for none
	Levels         []level // baselines
	Points         []point
	Last           point
}

// frame is what a chart's curves are drawn in: its axes, and where on them a value lies.
type frame struct {
	XTicks, YTicks []tick
	x, y           func(float64) float64
}

// point is a measured value, where it is drawn and how it is printed.
type point struct {
	Epoch int
	Text  string
	X, Y  float64
}

// level is a baseline, whose name is above its line or, where another's is in the way, below.
type level struct {
	tick
	Below bool
}

// lineHeight is what a name takes up, in CSS pixels.
const lineHeight = 12

// levels places the baselines of a curve that have a value.
func (c curve) levels(baselines []Baseline, f frame) []level {
	var list []level
	for _, b := range baselines {
		if finite(b.Value) {
			list = append(list, level{tick: tick{f.y(b.Value), b.Name + " " + c.format(b.Value)}})
		}
	}
	slices.SortStableFunc(list, func(a, b level) int { return cmp.Compare(a.At, b.At) })
	for i := range list {
		list[i].Below = i > 0 && !list[i-1].Below && list[i].At-list[i-1].At < lineHeight
	}
	return list
}

// tick is a labelled position on an axis.
type tick struct {
	At   float64
	Text string
}

// curve says how one of an epoch's numbers is drawn.
type curve struct {
	title, meaning string
	value          func(Epoch) float64
	share          bool      // in [0, 1], printed as a percentage
	include        []float64 // values that the axis always shows
}

func (c curve) format(v float64) string {
	if c.share {
		return percent(v)
	}
	return significant(v)
}

// curves in the order they are shown.
var curves = []curve{
	{title: "Loss", value: func(e Epoch) float64 { return e.Loss },
		meaning: "What training minimises. It should fall; its level cannot be compared across methods."},
	knnCurve,
	stsCurve,
	recallCurve,
	{title: "Alignment", value: func(e Epoch) float64 { return e.Alignment }, include: []float64{0},
		meaning: "Mean squared distance of two views of one item on the unit sphere: 0 is identical, 2 unrelated. Lower is better, unless uniformity rises to 0 with it."},
	{title: "Uniformity", value: func(e Epoch) float64 { return e.Uniformity }, include: []float64{0},
		meaning: "How evenly embeddings cover the sphere. Lower is more even; 0 means that all are the same."},
	{title: "Effective rank", value: func(e Epoch) float64 { return e.EffectiveRank }, include: []float64{0},
		meaning: "How many dimensions the embeddings make use of, by the entropy of their singular values. Near 1 they lie on a line."},
	{title: "Spread", value: func(e Epoch) float64 { return e.Std }, include: []float64{0, 1},
		meaning: "Standard deviation of normalised embeddings, relative to an even spread. 1 is even; near 0 the encoder has collapsed."},
	{title: "Learning rate", value: func(e Epoch) float64 { return e.LearningRate }, include: []float64{0},
		meaning: "The size of the optimiser's steps, by its schedule."},
}

// knnCurve, stsCurve and recallCurve are those with baselines to draw.
var knnCurve = curve{title: "kNN accuracy", value: func(e Epoch) float64 { return e.KNN }, share: true, include: []float64{0},
	meaning: "On training items that were held out, so that no choice is made on the test set. Higher is better."}

var stsCurve = curve{title: "Sentence similarity", value: func(e Epoch) float64 { return e.STS },
	meaning: "How well the cosines of pairs of sentences order them as their scores do (STS): Spearman's correlation, over all pairs. 1 is the same order."}

var recallCurve = curve{title: "Recall of pictures by captions", value: func(e Epoch) float64 { return e.Recall }, share: true, include: []float64{0},
	meaning: "The share of held-out captions whose picture is the nearest of the held-out ones. Higher is better."}

// newCharts draws every curve that has a value.
func newCharts(run Run) []chart {
	baselines := map[string][]Baseline{knnCurve.title: run.HeldOutBaselines, stsCurve.title: run.STSBaselines, recallCurve.title: run.RecallBaselines}
	var charts []chart
	for _, c := range curves {
		if drawn, ok := newChart(c, run.Epochs, run.Expected, baselines[c.title]); ok {
			charts = append(charts, drawn)
		}
	}
	return charts
}

// newChart draws one curve, unless it has no value. All curves share the axis of epochs.
func newChart(c curve, epochs []Epoch, expected Expected, baselines []Baseline) (chart, bool) {
	if !slices.ContainsFunc(epochs, func(e Epoch) bool { return finite(c.value(e)) }) {
		return chart{}, false
	}
	first, last := epochs[0].Number, epochs[len(epochs)-1].Number
	expected = expected.between(first, last)
	axes, _ := c.newFrame(slices.Concat(epochs, expected.Low, expected.High), baselines)
	drawn := chart{curve: c, frame: axes, Title: c.title, Meaning: c.meaning}
	drawn.Levels = c.levels(baselines, axes)
	drawn.Expected = c.area(expected.Low, expected.High, axes)
	drawn.trace(epochs)
	return drawn, true
}

// newFrame fits axes to the curve's values in some epochs, and to baselines. It is false where there is no value.
func (c curve) newFrame(epochs []Epoch, baselines []Baseline) (frame, bool) {
	low, high := math.Inf(1), math.Inf(-1)
	first, last := math.Inf(1), math.Inf(-1)
	for _, e := range epochs {
		first, last = min(first, float64(e.Number)), max(last, float64(e.Number))
		if v := c.value(e); finite(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	if low > high {
		return frame{}, false
	}
	for _, v := range c.include {
		low, high = min(low, v), max(high, v)
	}
	for _, b := range baselines {
		if finite(b.Value) {
			low, high = min(low, b.Value), max(high, b.Value)
		}
	}
	if low == high { // a lone value is seen against zero
		low, high = min(low, 0), max(high, 0)
	}
	if low == high {
		high = 1
	}
	yTicks := ticks(low, high, 4)
	low, high = min(low, yTicks[0]), max(high, yTicks[len(yTicks)-1])
	f := frame{
		x: func(epoch float64) float64 { return scale(epoch, first, last, chartLeft, chartRight) },
		y: func(v float64) float64 { return scale(v, low, high, chartBaseline, chartTop) },
	}
	for _, v := range yTicks {
		f.YTicks = append(f.YTicks, tick{f.y(v), c.axis(v, yTicks)})
	}
	for _, v := range ticks(first, last, 5) {
		if v == math.Trunc(v) && v >= first && v <= last {
			f.XTicks = append(f.XTicks, tick{f.x(v), strconv.Itoa(int(v))})
		}
	}
	return f, true
}

// area is the path around what lies between two series of the same epochs; empty where they have no value.
func (c curve) area(low, high []Epoch, f frame) string {
	var bottom, top []place
	for i := range low {
		if l, h := c.value(low[i]), c.value(high[i]); finite(l) && finite(h) {
			bottom, top = append(bottom, place{low[i].Number, l}), append(top, place{low[i].Number, h})
		}
	}
	return areaOf(bottom, top, f)
}

// areaOf is the path from left to right along the top and back along the bottom.
func areaOf(bottom, top []place, f frame) string {
	if len(top) == 0 {
		return ""
	}
	back := slices.Clone(bottom)
	slices.Reverse(back)
	return f.path(append(slices.Clone(top), back...)) + "Z"
}

// path joins places.
func (f frame) path(places []place) string {
	var points []string
	for _, p := range places {
		points = append(points, fmt.Sprintf("%g %g", round(f.x(float64(p.epoch))), round(f.y(p.value))))
	}
	return "M" + strings.Join(points, "L")
}

// place is a value of an epoch.
type place struct {
	epoch int
	value float64
}

// fewPoints is the number of points up to which each is marked.
const fewPoints = 12

// trace draws a line through the epochs that have a value. Where not every epoch has one the measured ones are marked.
func (c *chart) trace(epochs []Epoch) {
	var dots []string
	var points []point
	for _, e := range epochs {
		v := c.value(e)
		if !finite(v) {
			continue
		}
		p := point{Epoch: e.Number, Text: c.format(v), X: round(c.x(float64(e.Number))), Y: round(c.y(v))}
		points = append(points, p)
		dots = append(dots, fmt.Sprintf("%g %g", p.X, p.Y))
	}
	c.Curve = "M" + strings.Join(dots, "L")
	if len(points) <= fewPoints || len(points) < len(epochs)-1 {
		c.Dots = "M" + strings.Join(dots, "h.01M") + "h.01"
	}
	c.Points = points
	c.Last = points[len(points)-1]
	c.Summary = fmt.Sprintf("%s: %s at epoch %d, %s at epoch %d.", c.Title, points[0].Text, points[0].Epoch, c.Last.Text, c.Last.Epoch)
}

// round keeps a tenth of a pixel.
func round(x float64) float64 { return math.Round(10*x) / 10 }

// scale maps [from, to] to [start, end]; where there is only one value, to the middle.
func scale(v, from, to, start, end float64) float64 {
	if from == to {
		return (start + end) / 2
	}
	return start + (v-from)/(to-from)*(end-start)
}

// ticks returns round numbers, about n steps, from the last one at or below low to the first one at or above high.
func ticks(low, high float64, n int) []float64 {
	if low == high {
		return []float64{low}
	}
	rough := (high - low) / float64(n)
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	step := 10 * power
	for _, s := range []float64{1, 2, 5} {
		if s*power >= rough*0.999 {
			step = s * power
			break
		}
	}
	// A round number is met within rounding, which for a narrow range far from 0 is more than a small share of a step.
	slack := max(1e-9*step, 4*spacing(max(math.Abs(low), math.Abs(high))))
	var at []float64
	for i := math.Floor((low + slack) / step); ; i++ {
		at = append(at, i*step)
		if i*step >= high-slack || len(at) > 20 {
			return at
		}
	}
}

// spacing is the distance from v, at least 0, to the next larger number.
func spacing(v float64) float64 { return math.Nextafter(v, math.Inf(1)) - v }

// axis prints one of at least two ticks with as many decimals as tell it from the others.
func (c curve) axis(v float64, all []float64) string {
	step := all[1] - all[0]
	if c.share {
		return number(100*v, decimals(100*step)) + " %"
	}
	if largest := max(math.Abs(all[0]), math.Abs(all[len(all)-1])); v == 0 || largest < 1e-3 || largest >= 1e5 {
		return significant(v)
	}
	return number(v, decimals(step))
}

// decimals needed to tell multiples of a step apart.
func decimals(step float64) int {
	return min(max(int(math.Ceil(-math.Log10(step)-1e-9)), 0), 6)
}

// valueTable has the charts' numbers, for those who would rather read.
type valueTable struct {
	Columns []string
	Rows    []valueRow
}

type valueRow struct {
	Epoch  int
	Values []string
}

func newValueTable(epochs []Epoch, charts []chart) valueTable {
	var table valueTable
	for _, c := range charts {
		table.Columns = append(table.Columns, c.Title)
	}
	for _, e := range epochs {
		row := valueRow{Epoch: e.Number}
		for _, c := range charts {
			row.Values = append(row.Values, c.format(c.value(e)))
		}
		table.Rows = append(table.Rows, row)
	}
	return table
}
