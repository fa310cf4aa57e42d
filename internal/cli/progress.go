package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/alike-ml/alike/eval"
)

// meter shows how long work gets on: a bar with rate and time left on a terminal, a line now and then elsewhere.
type meter struct {
	out     io.Writer
	columns func() int // of the terminal; nil elsewhere
	what    string
	unit    string
	total   int
	start   int
	// done of the items were done when they were last spoken of, with a note; first of them when the first was, at began. What comes before, such
	// as compiling, says nothing of the time left.
	done, first int
	note        string
	began, said time.Time
}

// How often work says where it is: on a terminal as often as an eye can follow, elsewhere as a log should be read.
const (
	barEvery   = 100 * time.Millisecond
	plainEvery = 5 * time.Second
)

// newMeter starts to show work on total items from the given one on.
func newMeter(out io.Writer, what, unit string, start, total int) *meter {
	m := &meter{out: out, what: what, unit: unit, total: total, start: start, done: start, said: time.Now()}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		m.columns = func() int {
			if columns, _, err := term.GetSize(int(file.Fd())); err == nil && columns > 0 {
				return columns
			}
			return usualColumns
		}
		m.draw()
	}
	return m
}

// at says that done of the items are done; note is what to show beside it.
func (m *meter) at(done int, note string) {
	if m.began.IsZero() && done > m.start {
		m.began, m.first = time.Now(), done
	}
	every := plainEvery
	if m.columns != nil {
		every = barEvery
	}
	if time.Since(m.said) < every {
		return
	}
	m.said, m.done, m.note = time.Now(), done, note
	if m.columns != nil {
		m.draw()
		return
	}
	fmt.Fprintf(m.out, "%s: %d of %d %s%s\n", join(m.what, note), m.done, m.total, m.unit, m.pace(" a second"))
}

// pace is how fast the work gets on, in what unit says, and how long it still takes; nothing where that is not known yet.
func (m *meter) pace(unit string) string {
	seconds := time.Since(m.began).Seconds()
	if m.began.IsZero() || m.done <= m.first || seconds <= 0 {
		return ""
	}
	rate := float64(m.done-m.first) / seconds
	left := time.Duration(float64(m.total-m.done) / rate * float64(time.Second)).Round(time.Second)
	digits := "%.3g"
	if rate >= 1000 {
		digits = "%.0f"
	}
	return fmt.Sprintf(", "+digits+"%s, %s left", rate, unit, left)
}

// usualColumns are those of a terminal that does not say; a bar has at least leastBar of them, or is left out.
const (
	usualColumns = 80
	leastBar     = 10
)

// draw draws the bar, in one line of the terminal. Drawing is for the eye: a terminal that went away is no reason to stop.
func (m *meter) draw() {
	width := max(0, m.columns()-1) // the last column would begin a new line
	left, right := []rune(join(m.what, m.note)), []rune(fmt.Sprintf(" %d/%d%s", m.done, m.total, m.pace("/s")))
	var bar []rune
	if room := width - len(left) - len(" ") - len(right); room >= leastBar {
		full := room * m.done / max(1, m.total)
		bar = []rune(" " + strings.Repeat("█", full) + strings.Repeat("░", room-full)) // every font has these
	}
	left = left[:min(len(left), max(0, width-len(right)))]
	line := slices.Concat(left, bar, right)
	fmt.Fprintf(m.out, "\r%s%s", string(line[:min(len(line), width)]), clearRest)
}

// clearRest clears the terminal's line from the cursor on.
const clearRest = "\x1b[K"

// print writes a line above the bar.
func (m *meter) print(format string, args ...any) {
	m.clear()
	fmt.Fprintf(m.out, format+"\n", args...)
	if m.columns != nil {
		m.draw()
	}
}

func (m *meter) clear() {
	if m.columns != nil {
		fmt.Fprint(m.out, "\r"+clearRest)
	}
}

// finish takes the bar away.
func (m *meter) finish() { m.clear() }

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
