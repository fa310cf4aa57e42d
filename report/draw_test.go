package report

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestTicks(t *testing.T) {
	if diff := cmp.Diff([]float64{0, 20, 40, 60}, ticks(3, 55, 4)); diff != "" {
		t.Error(diff)
	}
	if at := ticks(-1e6, -999999.999, 4); len(at) != 3 { // the last, rounded, is a little below the range's end
		t.Errorf("%v for a thousandth at a million in steps of half of it", at)
	}
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Float64Range(-1e6, 1e6).Draw(t, "low")
		high := low + math.Pow(10, rapid.Float64Range(-6, 6).Draw(t, "size"))
		at := ticks(low, high, 4)
		step := at[1] - at[0]
		rounding := 1e-6*step + 8*spacing(1e6) // numbers around a million are no closer
		if len(at) > 8 || at[0] > low+rounding || at[len(at)-1] < high-rounding {
			t.Fatalf("%v do not span [%g, %g]", at, low, high)
		}
		if at[0] <= low-step || at[len(at)-1] >= high+step {
			t.Fatalf("%v go further than [%g, %g] needs", at, low, high)
		}
	})
}

func TestNumberFormats(t *testing.T) {
	for got, want := range map[string]string{
		significant(0): "0", significant(5.9123): "5.91", significant(-0.5): "−0.500", significant(0.01234): "0.0123",
		significant(123.4): "123", significant(1234.5): "1234", significant(0.00012): "1.20e−04", significant(2.5e6): "2.50e+06",
		significant(math.NaN()): "–", significant(math.Inf(-1)): "–",
		percent(0.1234): "12.3 %", percent(1): "100.0 %", percent(math.NaN()): "–",
		number(-0.001, 2): "0.00", number(-0.1, 1): "−0.1",
		count(0): "0", count(999): "999", count(1002): "1,002", count(1234567): "1,234,567",
		duration(12 * time.Millisecond): "12 ms", duration(1500 * time.Millisecond): "1.5 s", duration(112 * time.Second): "1 min 52 s",
		duration(125 * time.Minute): "2 h 5 min", duration(59990 * time.Millisecond): "1 min 0 s", duration(3599900 * time.Millisecond): "1 h 0 min", duration(999600 * time.Microsecond): "1.0 s",
	} {
		if got != want {
			t.Errorf("printed %q, want %q", got, want)
		}
	}
}

func TestChartSkipsWhatWasNotMeasured(t *testing.T) {
	nan := math.NaN()
	epochs := []Epoch{{Number: 0, Loss: nan, KNN: 0.2}, {Number: 1, Loss: 4, KNN: nan}, {Number: 2, Loss: 2, KNN: nan}, {Number: 4, Loss: 3, KNN: 0.4}}
	charts := newCharts(Run{Epochs: epochs, HeldOutBaselines: []Baseline{{"raw pixels", 0.5}, {"unknown", nan}}, STSBaselines: []Baseline{{"words alone", 0.65}}})
	loss, knn := charts[0], charts[1]
	// The epochs 0 to 4 share the axis from 46 to 346; losses from 2 to 4 fill the height from 160 to 12.
	if want := "M121 12L196 160L346 86"; loss.Curve != want {
		t.Errorf("loss is drawn as %q, want %q", loss.Curve, want)
	}
	if want := "Loss: 4.00 at epoch 1, 3.00 at epoch 4."; loss.Summary != want {
		t.Errorf("summary is %q, want %q", loss.Summary, want)
	}
	if len(knn.Points) != 2 || knn.Last.Text != "40.0 %" || knn.YTicks[0].Text != "0 %" {
		t.Errorf("kNN has points %+v and ticks %+v", knn.Points, knn.YTicks)
	}
	if len(knn.Levels) != 1 || knn.Levels[0].Text != "raw pixels 50.0 %" || len(loss.Levels) != 0 {
		t.Errorf("levels are %+v in the kNN chart and %+v in that of loss", knn.Levels, loss.Levels)
	}
	if sts := charts[2]; len(sts.Levels) != 1 || sts.Levels[0].Text != "words alone 0.650" || sts.Title != "Sentence similarity" {
		t.Errorf("the chart of sentences is %q with levels %+v", sts.Title, sts.Levels)
	}
	both := newCharts(Run{Epochs: epochs, HeldOutBaselines: []Baseline{{"lower", 0.49}, {"upper", 0.5}, {"far", 0.1}}})[1].Levels
	if !(both[0].Text == "upper 50.0 %" && !both[0].Below && both[1].Below && !both[2].Below) {
		t.Errorf("names that would lie over each other are at %+v", both)
	}
	table := newValueTable(epochs, charts)
	if diff := cmp.Diff([]string{notMeasured, "20.0 %"}, table.Rows[0].Values[:2]); diff != "" {
		t.Error(diff)
	}
}

// No finite numbers put a point outside the frame.
func TestChartStaysInItsFrame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var epochs []Epoch
		for i, v := range rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(-1e9, 1e9), rapid.Just(0.0), rapid.Just(math.NaN())), 1, 8).Draw(t, "values") {
			epochs = append(epochs, Epoch{Number: i, Loss: v})
		}
		drawn, ok := newChart(curves[0], epochs, Expected{}, nil)
		if !ok {
			return
		}
		for _, p := range drawn.Points {
			if !(p.X >= chartLeft && p.X <= chartRight && p.Y >= chartTop && p.Y <= chartBaseline) {
				t.Fatalf("point %+v is outside the frame", p)
			}
		}
	})
}

func TestMapKeepsShapes(t *testing.T) {
	drawn := newMap([]MapPoint{
		{X: 0, Y: 0, Class: 0}, {X: 4, Y: 0, Class: 1}, {X: 4, Y: 2, Class: 9}, {X: 0, Y: 2, Class: 1}, {X: math.Inf(1), Y: 1, Class: 0},
	}, []string{"hat", "shoe"})
	if len(drawn.Marks) != 4 {
		t.Fatalf("%d marks, want 4: a point at infinity has no place", len(drawn.Marks))
	}
	a, b, c := drawn.Marks[0], drawn.Marks[1], drawn.Marks[2]
	if width, height := b.X-a.X, b.Y-c.Y; math.Abs(width-2*height) > 1e-9 || width != mapWidth-2*mapMargin {
		t.Errorf("a 4 by 2 rectangle is drawn %g by %g", width, height)
	}
	if c.Class != -1 || c.Label != "" {
		t.Errorf("a class that does not exist became %+v", c)
	}
	want := []mapClass{{Class: 0, Name: "hat", Colour: 0, Items: 1}, {Class: 1, Name: "shoe", Colour: 1, Items: 2}}
	if diff := cmp.Diff(want, drawn.Classes); diff != "" {
		t.Error(diff)
	}
}

func TestMapOfOnePlace(t *testing.T) {
	drawn := newMap([]MapPoint{{X: 3, Y: 3}, {X: 3, Y: 3}}, nil)
	for _, m := range drawn.Marks {
		if m.X != drawn.Width/2 || m.Y != drawn.Height/2 {
			t.Errorf("mark at %g, %g of a map of %g by %g", m.X, m.Y, drawn.Width, drawn.Height)
		}
	}
}

// Classes beyond the colours differ in shape, and names do not cover each other.
func TestMapManyClasses(t *testing.T) {
	var points []MapPoint
	var classes []string
	for i := range 12 {
		classes = append(classes, string(rune('a'+i)))
		points = append(points, MapPoint{X: float64(i % 3), Y: 0.001 * float64(i), Class: i})
	}
	drawn := newMap(points, classes)
	type look struct {
		colour int
		square bool
	}
	seen := map[look]bool{}
	for _, c := range drawn.Classes {
		l := look{c.Colour, c.Square}
		if seen[l] {
			t.Errorf("class %s looks like another", c.Name)
		}
		seen[l] = true
	}
	if len(drawn.Labels) != 3 {
		t.Errorf("%d names at three places, want one each", len(drawn.Labels))
	}
}
