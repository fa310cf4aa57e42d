package report

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// picture returns a small image that is the same every time.
func picture(t testing.TB) Image {
	t.Helper()
	p := image.NewRGBA(image.Rect(0, 0, 3, 2))
	p.Set(1, 1, color.RGBA{200, 30, 40, 255})
	img, err := NewJPEG(p, 90)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// fullRun has something in every field, with every name made by name.
func fullRun(t testing.TB, name func(string) string) Run {
	img := picture(t)
	photo := Photo{Image: img, Name: name("a.jpg"), Label: name("hat")}
	bare := Photo{Name: name("missing.jpg")}
	return Run{
		Title: name("title"), Method: name("method"), Backbone: name("backbone"), Data: name("data"),
		Facts: []Setting{{name("epochs"), name("2")}},
		Scores: []Score{{
			Task: name("kNN"), Meaning: name(MeaningKNN), Detail: name("k = 10"), Value: 0.5, Items: 100,
			Baselines: []Baseline{{name("raw pixels"), 0.25}, {name("untrained"), math.NaN()}},
		}},
		Queries:   []Query{{Photo: photo, Neighbours: []Neighbour{{photo, false, 0.9}, {Photo{Image: img, Label: name("shoe")}, false, -0.1}, {bare, false, 0}}}, {Photo: Photo{Text: name("a text")}, Paired: true, Neighbours: []Neighbour{{Photo: Photo{Text: name("another")}}}}},
		Map:       []MapPoint{{0, 0, 0, name("a.jpg"), img}, {1, 2, 1, name("b.jpg"), Image{}}, {2, 1, -1, "", img}},
		Classes:   []string{name("hat"), name("shoe")},
		Epochs:    []Epoch{{1, 3, 0.3, 0.6, 0.2, 0.5, -1, 10, 0.5, 0.1}, {2, 2, 0.4, 0.7, 0.3, 0.4, -2, 20, 0.9, 0.05}},
		Positives: []Positive{{Original: photo, Views: []Image{img, img}}, {Original: bare, Views: []Image{{}}}},
		Command:   name("alike train simclr"), Config: []Setting{{name("seed"), name("1")}},
		HeldOutBaselines: []Baseline{{name("raw pixels"), 0.2}}, STSBaselines: []Baseline{{name("words alone"), 0.65}},
		Timing:  []Span{{name("train"), 90 * time.Second}},
		Skipped: []Skipped{{name("broken.png"), name("unexpected EOF")}},
		Texts:   [][]TextLine{{{name("text"), name("a sentence")}, {name("view"), name("sentence")}}},
	}
}

func write(t testing.TB, run Run) string {
	t.Helper()
	var buffer bytes.Buffer
	if err := Write(&buffer, run); err != nil {
		t.Fatal(err)
	}
	return buffer.String()
}

// element is a start tag and what follows it up to the next tag.
type element struct {
	name       string
	attributes map[string]string
	text       string
}

var scriptOrStyle = regexp.MustCompile(`(?s)(<script>).*?(</script>)|(<style>).*?(</style>)`)

// parse splits a page into its elements, and fails if a tag is not closed where it should be.
func parse(t testing.TB, page string) []element {
	t.Helper()
	page = strings.TrimPrefix(page, "<!DOCTYPE html>")
	decoder := xml.NewDecoder(strings.NewReader(scriptOrStyle.ReplaceAllString(page, "$1$2$3$4")))
	decoder.Strict = false
	decoder.AutoClose = xml.HTMLAutoClose
	decoder.Entity = xml.HTMLEntity
	var elements []element
	var open []string
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("the page is not well formed: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := element{name: token.Name.Local, attributes: map[string]string{}}
			for _, a := range token.Attr {
				e.attributes[a.Name.Local] = a.Value
			}
			elements = append(elements, e)
			open = append(open, e.name)
		case xml.EndElement:
			if len(open) == 0 || open[len(open)-1] != token.Name.Local {
				t.Fatalf("</%s> closes %v", token.Name.Local, open)
			}
			open = open[:len(open)-1]
		case xml.CharData:
			if len(elements) > 0 {
				elements[len(elements)-1].text += string(token)
			}
		}
	}
	if len(open) > 0 {
		t.Fatalf("never closed: %v", open)
	}
	return elements
}

func plain(s string) string { return s }

// Every section appears exactly when it has something to show, with a link to it.
func TestSections(t *testing.T) {
	full := fullRun(t, plain)
	for _, c := range []struct {
		run  Run
		want []string
	}{
		{Run{}, nil},
		{full, []string{"scores", "neighbours", "map", "training", "texts", "positives", "again", "skipped"}},
		{Run{Scores: full.Scores}, []string{"scores"}},
		{Run{Queries: full.Queries}, []string{"neighbours"}},
		{Run{Map: full.Map}, []string{"map"}},
		{Run{Map: []MapPoint{{math.NaN(), 0, 0, "", Image{}}}}, nil},
		{Run{Epochs: full.Epochs[:1]}, []string{"training"}},
		{Run{Epochs: []Epoch{{1, math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.Inf(1), math.NaN()}}}, nil},
		{Run{Positives: full.Positives}, []string{"positives"}},
		{Run{Texts: full.Texts}, []string{"texts"}},
		{Run{Command: "x"}, []string{"again"}},
		{Run{Timing: full.Timing}, []string{"again"}},
		{Run{Skipped: full.Skipped}, []string{"skipped"}},
	} {
		var sections, links []string
		for _, e := range parse(t, write(t, c.run)) {
			if e.name == "section" {
				sections = append(sections, e.attributes["id"])
			}
			if e.name == "a" {
				links = append(links, strings.TrimPrefix(e.attributes["href"], "#"))
			}
		}
		if diff := cmp.Diff(c.want, sections); diff != "" {
			t.Errorf("sections: %s", diff)
		}
		if diff := cmp.Diff(sections, links); diff != "" {
			t.Errorf("links: %s", diff)
		}
	}
}

// Whatever files and classes are called, the page has the same elements and attributes as with harmless names.
func TestHostileNamesAreText(t *testing.T) {
	shape := func(page string) (out []string) {
		for _, e := range parse(t, page) {
			names := []string{e.name}
			for a := range e.attributes {
				names = append(names, a)
			}
			slices.Sort(names[1:])
			out = append(out, strings.Join(names, " "))
		}
		return out
	}
	want := shape(write(t, fullRun(t, plain)))
	for _, hostile := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `</style></title><svg onload=alert(1)>`,
		`{{.Title}}`, `javascript:alert(1)`, `&lt;b&gt; &amp;`, `-->` + "\x00" + `<!--`, "a\nb\r\u2028c", `</script>`,
	} {
		page := write(t, fullRun(t, func(s string) string { return s + hostile }))
		if diff := cmp.Diff(want, shape(page)); diff != "" {
			t.Errorf("%q changes the page: %s", hostile, diff)
		}
	}
}

// The page refers to nothing outside itself.
func TestLoadsNothing(t *testing.T) {
	page := write(t, fullRun(t, plain))
	for _, pattern := range []string{`https?:`, `(src|href)="//`, `url\(`, `@import`, `<link`, `<iframe`, `fetch\(`, `XMLHttpRequest`} {
		if found := regexp.MustCompile(pattern).FindString(page); found != "" {
			t.Errorf("the page has %q", found)
		}
	}
	policy := false
	for _, e := range parse(t, page) {
		for _, name := range []string{"src", "href"} {
			if link, ok := e.attributes[name]; ok && !strings.HasPrefix(link, "data:image/jpeg;base64,") && !strings.HasPrefix(link, "#") {
				t.Errorf("<%s> loads %q", e.name, link)
			}
		}
		policy = policy || strings.HasPrefix(e.attributes["content"], "default-src 'none'; img-src data:;")
	}
	if !policy {
		t.Error("no policy forbids to load anything")
	}
}

// Pictures have words for those who cannot see them, and tables have headers.
func TestAccessible(t *testing.T) {
	for _, e := range parse(t, write(t, fullRun(t, plain))) {
		switch e.name {
		case "img":
			if e.attributes["alt"] == "" {
				t.Errorf("a picture without a description: %v", e.attributes)
			}
		case "svg":
			if e.attributes["aria-label"] == "" && e.attributes["aria-hidden"] == "" {
				t.Errorf("a drawing without a description: %v", e.attributes)
			}
		case "th":
			if e.attributes["scope"] == "" {
				t.Errorf("a header of nothing: %q", e.text)
			}
		}
	}
}

func TestNumbersOnThePage(t *testing.T) {
	run := fullRun(t, plain)
	page := write(t, run)
	var texts []string
	verdicts := map[string]int{}
	for _, e := range parse(t, page) {
		texts = append(texts, strings.TrimSpace(e.text))
		if e.name == "figure" {
			verdicts[e.attributes["class"]]++
		}
	}
	// sqrt(0.5 · 0.5 / 100) = 5 %, sqrt(0.25 · 0.75 / 100) = 4.3 %.
	for _, want := range []string{"50.0 %", "± 5.0", "25.0 %", "± 4.3", notMeasured, "0.90", "−0.10", "1 min 30 s", "40.0 %", "raw pixels 20.0 %"} {
		if !slices.Contains(texts, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	if verdicts["right"] != 1 || verdicts["wrong"] != 1 {
		t.Errorf("verdicts are %v, want one right and one wrong", verdicts)
	}
}

// What the script reads is what was drawn.
func TestChartPoints(t *testing.T) {
	for _, e := range parse(t, write(t, fullRun(t, plain))) {
		data, ok := e.attributes["data-points"]
		if !ok {
			continue
		}
		var points []point
		if err := json.Unmarshal([]byte(data), &points); err != nil {
			t.Fatal(err)
		}
		if len(points) != 2 || points[0].Epoch != 1 || points[0].X != chartLeft || points[1].X != chartRight {
			t.Errorf("points are %+v", points)
		}
	}
}

func TestImagesComeBack(t *testing.T) {
	p := image.NewRGBA(image.Rect(5, 5, 9, 8))
	draw.Draw(p, p.Rect, image.NewUniform(color.RGBA{180, 90, 30, 255}), image.Point{}, draw.Src)
	img, err := NewJPEG(p, 100)
	if err != nil {
		t.Fatal(err)
	}
	data, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(string(img.URL()), "data:image/jpeg;base64,"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil || got.Bounds().Dx() != img.Width || got.Bounds().Dy() != img.Height {
		t.Fatalf("a %dx%d picture came back as %v, %v", img.Width, img.Height, got, err)
	}
	if c := color.RGBAModel.Convert(got.At(1, 1)).(color.RGBA); max(distance(c.R, 180), distance(c.G, 90), distance(c.B, 30)) > 3 {
		t.Errorf("its colour came back as %v", c)
	}
	for _, c := range []struct{ width, height, wantWidth, wantHeight int }{{40, 20, 10, 5}, {4, 100, 1, 10}, {10, 3, 10, 3}} {
		small, err := NewThumbnail(image.NewRGBA(image.Rect(0, 0, c.width, c.height)), 10, 90)
		if err != nil || small.Width != c.wantWidth || small.Height != c.wantHeight {
			t.Errorf("a thumbnail of %d x %d is %d x %d, %v", c.width, c.height, small.Width, small.Height, err)
		}
	}
	if (Image{}).URL() != "" {
		t.Error("no picture must have no URL")
	}
	if _, err := NewJPEG(image.Black, 90); err == nil { // 2e9 pixels wide
		t.Error("a picture too large for a JPEG cannot be encoded")
	}
}

func distance(a, b uint8) int { return max(int(a)-int(b), int(b)-int(a)) }

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteError(t *testing.T) {
	if err := Write(brokenWriter{}, Run{}); err == nil || err.Error() != "cannot write the report: disk full" {
		t.Errorf("error is %v", err)
	}
}

func TestSameRunSameBytes(t *testing.T) {
	once, again := write(t, fullRun(t, plain)), write(t, fullRun(t, plain))
	if once != again {
		t.Error("two reports of one run differ")
	}
}
