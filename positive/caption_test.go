package positive

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/alike-ml/alike/internal/rng"
)

// TestTagsStandForTheCaptionAsOftenAsTheyShould, any number of them evenly, in any order.
func TestTagsStandForTheCaptionAsOftenAsTheyShould(t *testing.T) {
	tags := []string{"face", "big smile", "happy"}
	c, err := NewCaption(CaptionConfig{Tags: 0.25}, nil)
	if err != nil {
		t.Fatal(err)
	}
	const n = 8000
	captions, counts, first := 0, make(map[int]int), make(map[string]int)
	for i := range n {
		text := c.View("grinning face", tags, rng.New(1, 0, i, 0))
		if text == "grinning face" {
			captions++
			continue
		}
		some := strings.Split(text, ", ")
		counts[len(some)]++
		first[some[0]]++
		for k, tag := range some {
			if !slices.Contains(tags, tag) || slices.Contains(some[:k], tag) {
				t.Fatalf("%q", text)
			}
		}
	}
	near := func(got, want int) bool { return math.Abs(float64(got-want)) < 5*math.Sqrt(float64(want)) }
	if !near(captions, n*3/4) {
		t.Errorf("%d captions of %d", captions, n)
	}
	for k := 1; k <= 3; k++ {
		if !near(counts[k], n/12) || !near(first[tags[k-1]], n/12) {
			t.Errorf("%d texts of %d tags, %d that begin with %q", counts[k], k, first[tags[k-1]], tags[k-1])
		}
	}
}

// TestACaptionStaysWhereNothingIsAsked, and where there are no tags.
func TestACaptionStaysWhereNothingIsAsked(t *testing.T) {
	for share, tags := range map[float64][]string{0: {"a"}, 1: nil} {
		c, err := NewCaption(CaptionConfig{Tags: share}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.View("two  words", tags, rng.New(1, 0, 0, 0)); got != "two  words" {
			t.Errorf("%q", got)
		}
	}
}

// TestCaptionsAreViewedAsTexts, tags among them.
func TestCaptionsAreViewedAsTexts(t *testing.T) {
	c, err := NewCaption(CaptionConfig{Tags: 1, TextConfig: TextConfig{Delete: 1}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.View("a caption", []string{"one two"}, rng.New(1, 0, 0, 0)); got != "one" && got != "two" {
		t.Errorf("%q", got)
	}
	for _, config := range []CaptionConfig{{Tags: 1.5}, {Tags: math.NaN()}, {TextConfig: TextConfig{Swap: -1}}, {TextConfig: TextConfig{Synonym: 0.1}}} {
		if _, err := NewCaption(config, nil); err == nil {
			t.Errorf("%+v", config)
		}
	}
}
