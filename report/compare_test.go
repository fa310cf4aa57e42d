package report

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

func epochsOf(values ...float64) []Epoch {
	nan := math.NaN()
	var list []Epoch
	for i, v := range values {
		list = append(list, Epoch{i, v, v / 10, nan, nan, nan, nan, nan, nan, nan})
	}
	return list
}

// The curve of a line is the mean of its runs, in the epochs that all of them have, and the area what lies between them.
func TestComparedCurvesAreMeansOfRuns(t *testing.T) {
	lines := []Line{
		{Name: "two", Runs: [][]Epoch{epochsOf(4, 2, 0), epochsOf(2, 0)}},
		{Name: "one", Runs: [][]Epoch{epochsOf(math.NaN(), 4, 4)}},
	}
	drawn, ok := compareCurve(curves[0], lines)
	if !ok || len(drawn.Curves) != 2 {
		t.Fatalf("%+v, %v", drawn, ok)
	}
	// Epochs 0 to 2 share the axis from 46 to 346; losses from 0 to 4 fill the height from 160 to 12.
	if c := drawn.Curves[0]; c.Curve != "M46 49L196 123" || c.Area != "M46 12L196 86L196 160L46 86Z" {
		t.Errorf("the mean runs along %s and the area around %s", c.Curve, c.Area)
	}
	if c := drawn.Curves[1]; c.Curve != "M196 12L346 12" || c.Area != "" {
		t.Errorf("a single run has %+v", c)
	}
	if !strings.Contains(drawn.Summary, "two 1") || !strings.Contains(drawn.Summary, "one 4") {
		t.Errorf("summary %q", drawn.Summary)
	}
	if _, ok := compareCurve(curves[2], lines); ok {
		t.Error("a curve without values is drawn")
	}
}

func TestComparisonShowsEveryLine(t *testing.T) {
	c := Comparison{Title: "Two & more", Columns: []string{"kNN <test>"}, Notes: []string{"a note"}}
	for range colours + 1 {
		c.Lines = append(c.Lines, Line{Name: "line <b>", Cells: []string{"50.0 %"}, Runs: [][]Epoch{epochsOf(3, 2)}})
	}
	var page bytes.Buffer
	if err := WriteComparison(&page, c); err != nil {
		t.Fatal(err)
	}
	text := page.String()
	for _, want := range []string{"Two &amp; more", "kNN &lt;test&gt;", "line &lt;b&gt;", "50.0 %", "a note", "dashed"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the page", want)
		}
	}
	if strings.Contains(text, "<script") {
		t.Error("a page that needs no script has one")
	}
}

// The range that a run's curves are expected in is drawn behind them, as far as the run goes.
func TestExpectedIsDrawnBehindTheCurve(t *testing.T) {
	run := Run{Epochs: epochsOf(4, 3), Expected: Expected{Low: epochsOf(2, 2, 0), High: epochsOf(4, 3, 9)}, Verdict: "It went well."}
	charts := newCharts(run)
	// Epochs 0 and 1; the ticks of losses from 2 to 4 are 2 to 4.
	if got := charts[0].Expected; got != "M46 12L346 86L346 160L46 160Z" {
		t.Errorf("the area is %s", got)
	}
	if text := write(t, run); !strings.Contains(text, "It went well.") || !strings.Contains(text, `class="area"`) {
		t.Error("the page does not show it")
	}
}
