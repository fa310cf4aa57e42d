package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"
)

// Comparison is several runs side by side.
type Comparison struct {
	Title string
	// Columns name what the table has of each line.
	Columns []string
	Lines   []Line
	// Notes say how to read it: what differs, what the spread is of.
	Notes []string
}

// Line is a run, or several that differ in their seed alone.
type Line struct {
	// Name tells it from the others.
	Name string
	// Cells are its values of the table's columns.
	Cells []string
	// Runs are each run's epochs, in order.
	Runs [][]Epoch
}

//go:embed compare.html
var compareSource string

var comparePage = template.Must(template.New("compare").Parse(compareSource))

// comparedChart is one curve of every line.
type comparedChart struct {
	frame
	Title, Meaning, Summary string
	Curves                  []comparedCurve
}

// comparedCurve is the mean of a line's runs, and the area between the lowest and the highest.
type comparedCurve struct {
	Colour      int
	Dashed      bool   // the colours have been used up
	Curve, Area string // path data
}

// colours is the number of colours of the style sheet.
const colours = 8

// comparedLine is a line of the legend and of the table.
type comparedLine struct {
	Line
	Colour int
	Dashed bool
}

// WriteComparison writes a comparison to w as one HTML file. Nothing is written if the page cannot be made.
func WriteComparison(w io.Writer, c Comparison) error {
	view := struct {
		Comparison
		Style  template.CSS
		Lines  []comparedLine
		Charts []comparedChart
	}{Comparison: c, Style: template.CSS(style)}
	for i, line := range c.Lines {
		view.Lines = append(view.Lines, comparedLine{Line: line, Colour: i % colours, Dashed: i >= colours})
	}
	for _, curve := range curves {
		if drawn, ok := compareCurve(curve, c.Lines); ok {
			view.Charts = append(view.Charts, drawn)
		}
	}
	var buffer bytes.Buffer
	if err := comparePage.Execute(&buffer, view); err != nil {
		return fmt.Errorf("cannot make the comparison: %w", err)
	}
	if _, err := w.Write(buffer.Bytes()); err != nil {
		return fmt.Errorf("cannot write the comparison: %w", err)
	}
	return nil
}

// compareCurve draws one curve of all lines, unless none has a value.
func compareCurve(c curve, lines []Line) (comparedChart, bool) {
	var all []Epoch
	for _, line := range lines {
		all = append(all, slices.Concat(line.Runs...)...)
	}
	axes, ok := c.newFrame(all, nil)
	if !ok {
		return comparedChart{}, false
	}
	drawn := comparedChart{frame: axes, Title: c.title, Meaning: c.meaning}
	var ends []string
	for i, line := range lines {
		low, mean, high := c.overRuns(line.Runs)
		if len(mean) == 0 {
			continue
		}
		one := comparedCurve{Colour: i % colours, Dashed: i >= colours, Curve: axes.path(mean)}
		if len(line.Runs) > 1 {
			one.Area = areaOf(low, high, axes)
		}
		drawn.Curves = append(drawn.Curves, one)
		ends = append(ends, fmt.Sprintf("%s %s", line.Name, c.format(mean[len(mean)-1].value)))
	}
	drawn.Summary = fmt.Sprintf("%s at the end: %s.", c.title, strings.Join(ends, ", "))
	return drawn, true
}

// overRuns is the lowest, the mean and the highest of the runs' values, in the epochs where all of them have one.
func (c curve) overRuns(runs [][]Epoch) (low, mean, high []place) {
	for _, e := range runs[0] {
		least, sum, most := math.Inf(1), 0.0, math.Inf(-1)
		for _, run := range runs {
			v := math.NaN()
			if i := slices.IndexFunc(run, func(other Epoch) bool { return other.Number == e.Number }); i >= 0 {
				v = c.value(run[i])
			}
			least, sum, most = math.Min(least, v), sum+v, math.Max(most, v)
		}
		if finite(sum) {
			low, mean, high = append(low, place{e.Number, least}), append(mean, place{e.Number, sum / float64(len(runs))}), append(high, place{e.Number, most})
		}
	}
	return low, mean, high
}
