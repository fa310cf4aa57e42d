package report

import (
	"regexp"
	"strings"
	"testing"
)

// visible is what a page says without its tags.
func visible(page string) string {
	return strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, " ")), " ")
}

// Texts that find texts are lines, a caption finds pictures and a picture captions; each is told as what it is.
func TestQueriesOfTextsAndOfPairs(t *testing.T) {
	img := picture(t)
	text := func(s, label string) Photo { return Photo{Text: s, Label: label} }
	page := write(t, Run{Searched: "Among three.", Queries: []Query{
		{Photo: text("a query & more", "fruit"), Neighbours: []Neighbour{{Photo: text("an answer", "fruit"), Similarity: 0.75}, {Photo: text("another", "tool"), Similarity: 0.5}}},
		{Photo: text("a red square", ""), Paired: true, Neighbours: []Neighbour{{Photo: Photo{Image: img, Name: "red.png"}, Own: true, Similarity: 0.25}, {Photo: Photo{Image: img, Name: "blue.png"}}}},
		{Photo: Photo{Image: img, Name: "red.png"}, Paired: true, Neighbours: []Neighbour{{Photo: text("a blue square", "")}, {Photo: text("a red square", ""), Own: true}}},
	}})
	said := visible(page)
	for _, want := range []string{
		"Among three.", "a query &amp; more fruit 0.75 an answer fruit ✓ same class 0.50 another tool ✗ another class",
		"a red square ✓ its own 0.25 ✗ of another pair 0.00", "query 0.00 a blue square ✗ of another pair 0.00 a red square ✓ its own",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the page does not say %q:\n%s", want, said[strings.Index(said, "alike"):])
		}
	}
	for _, e := range parse(t, page) {
		if e.name == "ol" && e.attributes["class"] == "lines" && strings.Contains(e.text, "<img") {
			t.Error("a picture in a line")
		}
	}
}

// A correlation is no share: it has no percentage and no standard error of one, and a negative one no bar.
func TestCorrelationsArePrintedAsSuch(t *testing.T) {
	s := newScores([]Score{{Task: "STS", Value: 0.7091, Correlation: true, Baselines: []Baseline{{"words alone", -0.1}}}})[0]
	if got := s.Bars[0]; got.Text != "0.709" || got.Error != "" || got.Width != 70.91 {
		t.Errorf("%+v", got)
	}
	if got := s.Bars[1]; got.Text != "−0.100" || got.Width != 0 {
		t.Errorf("%+v", got)
	}
}
