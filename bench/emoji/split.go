package main

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
)

// emoji is a picture of the table.
type emoji struct {
	Image     string   `json:"image"`
	Caption   string   `json:"caption"`
	Tags      []string `json:"tags"`
	Category  string   `json:"category"`
	Kind      string   `json:"kind"` // base, or skin for one of a skin tone
	Codepoint string   `json:"codepoint"`
	Vendor    string   `json:"vendor"` // google or twitter
	// Drawing is the vendor and the concept: what pictures have in common that differ in skin tones.
	Drawing string `json:"drawing"`
}

// table is a part of the emoji.
type table struct {
	name, what string
	rows       []emoji
}

// divide is the rule. A concept is an emoji in all its skin tones, by the code points of the one without. A fifth of the concepts is
// held out, those whose code points' FNV-1a hash is divisible by 5. Settings are chosen on another fifth, whose hash leaves 1.
//
//   - train: all of google, and the concepts of twitter that are not held out.
//   - test: those of twitter that are held out, without skin tones and flags. Their names and another drawing were in training.
//   - train-unseen: the concepts of both that are not held out. Of the concepts of test it has seen neither name nor drawing.
//   - tune and tune-test: as train and test, of train alone, with the other fifth held out.
func divide(rows []emoji) ([]table, error) {
	base := make(map[string]string) // code points by name
	for _, e := range rows {
		if e.Kind == "base" {
			base[e.Caption] = e.Codepoint
		}
	}
	train := table{name: "train", what: "all of google, and four fifths of the concepts of twitter"}
	test := table{name: "test", what: "of twitter's other fifth, without skin tones and flags"}
	unseen := table{name: "train-unseen", what: "four fifths of the concepts of both"}
	tune := table{name: "tune", what: "of train without another fifth of the concepts of twitter, to choose settings with"}
	tuneTest := table{name: "tune-test", what: "of that other fifth, without skin tones and flags"}
	for _, e := range rows {
		concept, ok := base[toneless(e.Caption)]
		if !ok {
			return nil, fmt.Errorf("%s: %q is no emoji in a skin tone", e.Image, e.Caption)
		}
		e.Drawing = e.Vendor + "/" + concept
		fifth := fifthOf(concept)
		if e.Vendor == "google" || fifth != 0 {
			train.rows = append(train.rows, e)
		}
		if fifth != 0 {
			unseen.rows = append(unseen.rows, e)
		}
		if e.Vendor == "google" || fifth > 1 {
			tune.rows = append(tune.rows, e)
		}
		if e.Vendor == "twitter" && e.Kind == "base" && e.Category != "Flags" {
			switch fifth {
			case 0:
				test.rows = append(test.rows, e)
			case 1:
				tuneTest.rows = append(tuneTest.rows, e)
			}
		}
	}
	return []table{train, test, unseen, tune, tuneTest}, nil
}

// fifthOf is the fifth of the concepts, from 0, that one is in.
func fifthOf(codepoints string) uint32 {
	hash := fnv.New32a()
	hash.Write([]byte(codepoints))
	return hash.Sum32() % 5
}

// toneless returns a name without its skin tones: "waving hand: light skin tone" is a waving hand. With skin tones two people who kiss
// are called two persons, without them nothing.
func toneless(caption string) string {
	name, details, ok := strings.Cut(caption, ": ")
	if !ok {
		return caption
	}
	rest := slices.DeleteFunc(strings.Split(details, ", "), func(s string) bool { return strings.HasSuffix(s, "skin tone") || s == "person" })
	if len(rest) == 0 {
		return name
	}
	return name + ": " + strings.Join(rest, ", ")
}
