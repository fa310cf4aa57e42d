package main

import (
	"strings"
	"testing"
)

// drawn are the drawings of an emoji and of one of its skin tones by both vendors.
func drawn(name, codepoint, category string) []emoji {
	var rows []emoji
	for _, vendor := range []string{"google", "twitter"} {
		rows = append(rows,
			emoji{Image: vendor + "/" + codepoint, Caption: name, Category: category, Kind: "base", Codepoint: codepoint, Vendor: vendor},
			emoji{Image: vendor + "/" + codepoint + "-tone", Caption: name + ": dark skin tone", Category: category, Kind: "skin", Codepoint: codepoint + "-tone", Vendor: vendor})
	}
	return rows
}

// TestWhatIsTestedWasNotSeenAsTheRuleSays: no drawing of twitter's that is tested on is trained on in any skin tone, the drawings of
// google's are, and unless a table says so neither vendor's.
func TestWhatIsTestedWasNotSeenAsTheRuleSays(t *testing.T) {
	var rows []emoji
	for _, e := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
		rows = append(rows, drawn("name of "+e, e, "Objects")...)
		rows = append(rows, drawn("flag of "+e, e+e, "Flags")...)
	}
	tables, err := divide(rows)
	if err != nil {
		t.Fatal(err)
	}
	train, test, unseen := tables[0].rows, tables[1].rows, tables[2].rows
	if len(test) < 2 || len(test) > 10 {
		t.Fatalf("%d tested of 26", len(test))
	}
	tested := make(map[string]bool)
	for _, e := range test {
		if e.Vendor != "twitter" || e.Kind != "base" || e.Category == "Flags" {
			t.Errorf("%+v is tested", e)
		}
		tested[e.Codepoint] = true
	}
	concept := func(e emoji) string { return strings.TrimSuffix(e.Codepoint, "-tone") }
	google := 0
	for _, e := range train {
		if e.Drawing != e.Vendor+"/"+concept(e) {
			t.Errorf("%+v is of another drawing", e)
		}
		if e.Vendor == "google" {
			google++
		} else if tested[concept(e)] {
			t.Errorf("%+v is trained on and tested", e)
		}
	}
	if google != len(rows)/2 {
		t.Errorf("%d of %d drawings by google", google, len(rows)/2)
	}
	for _, e := range unseen {
		if tested[concept(e)] {
			t.Errorf("%+v is seen", e)
		}
	}
	tune, tuneTest := tables[3].rows, tables[4].rows
	if len(tuneTest) < 2 || len(tuneTest) > 10 || len(tune) >= len(train) {
		t.Errorf("%d to choose with, and %d to learn from of %d", len(tuneTest), len(tune), len(train))
	}
	chosenOn := make(map[string]bool)
	for _, e := range tuneTest {
		if e.Vendor != "twitter" || e.Kind != "base" || e.Category == "Flags" || tested[e.Codepoint] {
			t.Errorf("%+v is chosen on", e)
		}
		chosenOn[e.Codepoint] = true
	}
	for _, e := range tune {
		if e.Vendor == "twitter" && (tested[concept(e)] || chosenOn[concept(e)]) {
			t.Errorf("%+v is learned from and held out", e)
		}
	}
	if _, err := divide([]emoji{{Caption: "hand: light skin tone", Kind: "skin"}}); err == nil {
		t.Error("a skin tone of no emoji")
	}
}

func TestNamesWithoutSkinTones(t *testing.T) {
	for name, want := range map[string]string{
		"waving hand: light skin tone":                                  "waving hand",
		"man running: dark skin tone, facing right":                     "man running: facing right",
		"kiss: person, person, light skin tone, medium-light skin tone": "kiss",
		"kiss: woman, man, light skin tone, dark skin tone":             "kiss: woman, man",
		"keycap: #": "keycap: #",
		"cat":       "cat",
	} {
		if got := toneless(name); got != want {
			t.Errorf("%q of %q, not %q", got, name, want)
		}
	}
}
