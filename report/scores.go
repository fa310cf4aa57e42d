package report

import "math"

// scoreView is a score as bars.
type scoreView struct {
	Score
	Bars []bar
}

// bar is one line of a score: the encoder's own or a baseline's.
type bar struct {
	Name  string
	Ours  bool
	Width float64 // percent of the track
	Text  string
	Error string // the standard error, or empty
}

func newScores(scores []Score) []scoreView {
	var views []scoreView
	for _, s := range scores {
		bars := []bar{s.bar("this encoder", s.Value)}
		bars[0].Ours = true
		for _, b := range s.Baselines {
			bars = append(bars, s.bar(b.Name, b.Value))
		}
		views = append(views, scoreView{Score: s, Bars: bars})
	}
	return views
}

// bar draws one of the score's values.
func (s Score) bar(name string, value float64) bar {
	b := bar{Name: name, Text: percent(value)}
	if s.Correlation {
		b.Text = number(value, 3)
	}
	if !finite(value) {
		return b
	}
	b.Width = 100 * min(max(value, 0), 1)
	if s.Items > 0 && value >= 0 && value <= 1 {
		// The standard error of a share p of n independent items.
		b.Error = "± " + number(100*math.Sqrt(value*(1-value)/float64(s.Items)), 1)
	}
	return b
}

// queryView is a query whose neighbours have been judged.
type queryView struct {
	Photo      Photo
	Neighbours []neighbourView
	InLines    bool // the neighbours are texts, a line each
}

type neighbourView struct {
	Neighbour
	Verdict string // "right", "wrong", or empty where a label is missing
	Words   string // what the verdict means
}

func newQueries(queries []Query) []queryView {
	var views []queryView
	for _, q := range queries {
		view := queryView{Photo: q.Photo}
		for _, n := range q.Neighbours {
			judged := neighbourView{Neighbour: n, Verdict: verdict(q.Photo.Label, n.Photo.Label)}
			judged.Words = map[string]string{"right": "same class", "wrong": "another class"}[judged.Verdict]
			if q.Paired {
				judged.Verdict, judged.Words = "wrong", "of another pair"
				if n.Own {
					judged.Verdict, judged.Words = "right", "its own"
				}
			}
			view.Neighbours = append(view.Neighbours, judged)
			view.InLines = view.InLines || n.Photo.Text != ""
		}
		views = append(views, view)
	}
	return views
}

func verdict(query, neighbour string) string {
	switch {
	case query == "" || neighbour == "":
		return ""
	case query == neighbour:
		return "right"
	}
	return "wrong"
}
