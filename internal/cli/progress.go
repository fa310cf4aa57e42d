package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/alike-ml/alike/eval"
)

// meter shows how long work gets on: a bar with rate and time left on a terminal, a line now and then elsewhere.
type meter struct {
	out   io.Writer
	bar   *progressbar.ProgressBar
	what  string
	unit  string
	total int
	start int
	began time.Time
	said  time.Time
}

// How often work says where it is: on a terminal as often as an eye can follow, elsewhere as a log should be read.
const (
	barEvery   = 100 * time.Millisecond
	plainEvery = 5 * time.Second
)

// newMeter starts to show work on total items from the given one on.
func newMeter(out io.Writer, what, unit string, start, total int) *meter {
	m := &meter{out: out, what: what, unit: unit, total: total, start: start, began: time.Now(), said: time.Now()}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		m.bar = newBar(out, what, unit, total)
		_ = m.bar.Set(start) // drawing is for the eye: a terminal that went away is no reason to stop
	}
	return m
}

func newBar(out io.Writer, what, unit string, total int) *progressbar.ProgressBar {
	return progressbar.NewOptions(total,
		progressbar.OptionSetWriter(out),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString(unit),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionFullWidth(),
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "█", SaucerPadding: "░"})) // every font has these
}

// at says that done of the items are done; note is what to show beside it.
func (m *meter) at(done int, note string) {
	every := plainEvery
	if m.bar != nil {
		every = barEvery
	}
	if time.Since(m.said) < every {
		return
	}
	m.said = time.Now()
	if m.bar != nil {
		m.bar.Describe(join(m.what, note))
		_ = m.bar.Set(done)
		return
	}
	fmt.Fprintf(m.out, "%s\n", m.line(done, note))
}

// line is where the work is, for a log: what, how far, how fast, how long still.
func (m *meter) line(done int, note string) string {
	rate := float64(done-m.start) / time.Since(m.began).Seconds()
	left := time.Duration(float64(m.total-done) / max(rate, 1e-9) * float64(time.Second)).Round(time.Second)
	return fmt.Sprintf("%s: %d of %d %s, %.3g a second, %s left", join(m.what, note), done, m.total, m.unit, rate, left)
}

// print writes a line above the bar.
func (m *meter) print(format string, args ...any) {
	if m.bar != nil {
		_ = m.bar.Clear()
	}
	fmt.Fprintf(m.out, format+"\n", args...)
	if m.bar != nil {
		_ = m.bar.RenderBlank()
	}
}

// finish takes the bar away.
func (m *meter) finish() {
	if m.bar != nil {
		_ = m.bar.Clear()
		_ = m.bar.Exit()
	}
}

func join(parts ...string) string {
	return strings.TrimSpace(strings.Join(parts, " "))
}

// stages shows work that goes through several stages, one after another.
type stages struct {
	out   io.Writer
	items string // what they count
	stage string
	meter *meter
}

func newStages(out io.Writer, items string) *stages { return &stages{out: out, items: items} }

// say shows that a stage has done so many of its items; a total of 0 is a stage without items to count.
func (s *stages) say(stage string, done, total int) {
	if stage != s.stage {
		s.finish()
		s.stage = stage
		if total == 0 {
			fmt.Fprintf(s.out, "%s\n", stage)
			return
		}
		items := s.items
		if strings.HasSuffix(stage, eval.StageProbe) {
			items = "fits"
		}
		s.meter = newMeter(s.out, stage, items, 0, total)
	}
	if s.meter != nil {
		s.meter.at(done, "")
	}
}

// finish ends the stage under way.
func (s *stages) finish() {
	if s.meter != nil {
		s.meter.finish()
		s.meter = nil
	}
}
