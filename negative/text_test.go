package negative_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/alike-ml/alike/internal/rng"
	"github.com/alike-ml/alike/negative"
)

func TestNegate(t *testing.T) {
	for text, want := range map[string]string{
		"The car will be $124 in total.": "The car will not be $124 in total.",
		"I want to check in.":            "I do not want to check in.",
		"It's late":                      "It's not late",
		"we did not meet again":          "we did meet again",
		"And I won’t try.":               "And I will try.",
		"Don't panic.":                   "Do panic.",
		"he has seen it":                 "he has not seen it",
		"The man who is here was ill.":   "The man who is here was not ill.",
		"he has a dog":                   "",
		"Can you help me?":               "",
		"where is the station":           "",
		"He never was ill.":              "",
		"It is not only late.":           "",
		"It's more than you needn't see": "",
		"a rocky headland":               "",
		"":                               "",
	} {
		if got, ok := negative.Negate(text); got != want || ok != (want != "") {
			t.Errorf("%q became %q (%v), want %q", text, got, ok, want)
		}
	}
}

type opposites map[string][]string

func (o opposites) Antonyms(word string) []string { return o[word] }

func TestSwapAntonymKeepsCapitalsPunctuationAndArticles(t *testing.T) {
	o := opposites{"good": {"bad"}, "honest": {"evil"}, "open": {"closed"}}
	for text, want := range map[string]string{
		"Good, they said": "Bad, they said",
		"it is (good).":   "it is (bad).",
		"the Good Place":  "",
		"Good Place":      "",
		"a good man":      "a bad man",
		"an open door":    "",
		"a honest man":    "",
	} {
		if got, ok := negative.SwapAntonym(text, o, rng.New(1, 0, 0, 0)); got != want || ok != (want != "") {
			t.Errorf("%q became %q (%v), want %q", text, got, ok, want)
		}
	}
}

func TestNumbersKeepTheirShape(t *testing.T) {
	for text, shape := range map[string]string{
		"it costs $1,240.":   `^it costs \$[2-9],\d{3}\.$|^it costs \$1,\d{3}\.$|^it costs \$\d,\d{3}\.$`,
		"in 1929 he moved":   `^in 19\d\d he moved$`,
		"in 2007":            `^in 20[0-2]\d$`,
		"on March 4th":       `^on March ([12]?1st|[2]?2nd|[2]?3rd|\d+th|31st)$`,
		"on 12 March":        `^on (\d|1\d|2[0-8]) March$`,
		"at 4:30pm":          `^at (\d|1[0-2]):30pm$`,
		"at 4 pm":            `^at [2-9] pm$`,
		"4.0 stars":          `^\d\.\d stars$`,
		"the 1980s":          `^the 19\d0s$`,
		"Three people":       `^(Two|Four|Five|Six|Seven|Eight|Nine|Ten) people$`,
		"the fifth of seven": `^the \w+ of \w+$`,
	} {
		for item := range 50 {
			got, ok := negative.SwapNumber(text, rng.New(1, 0, item, 0))
			if !ok || got == text || !regexp.MustCompile(shape).MatchString(got) {
				t.Errorf("%q became %q (%v)", text, got, ok)
			}
		}
	}
	for _, text := range []string{"", "for 1 person", "an MP3 player", "one of them"} {
		if got, ok := negative.SwapNumber(text, rng.New(1, 0, 0, 0)); ok {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestNamesStandInForThoseAfterTheSameWord(t *testing.T) {
	texts := []string{"he lives in Paris.", "she lived in Paris for years", "a house in New York", "they met in New York on Monday", "it came from Oslo", "once in Rome"}
	names := negative.GatherNames(slices.Values(texts))
	for text, want := range map[string]string{
		"a shop in Paris, he said":  "a shop in New York, he said",
		"it is in New York":         "it is in Paris",
		"we leave from Oslo":        "", // met once
		"a man in Paris Saint days": "",
		"it is in March":            "",
		"IN NEW YORK":               "",
	} {
		if got, ok := names.Swap(text, rng.New(1, 0, 0, 0)); got != want || ok != (want != "") {
			t.Errorf("%q became %q (%v), want %q", text, got, ok, want)
		}
	}
}

func TestTextNegativesNameTheirRuleAndDependOnTheGeneratorAlone(t *testing.T) {
	names := negative.GatherNames(slices.Values([]string{"all in Rome", "all in Rome", "all in Oslo", "all in Oslo"}))
	all := negative.TextConfig{Negation: true, Antonym: true, Number: true, Entity: true}
	texts, err := negative.NewTexts(all, opposites{"good": {"bad"}}, names)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.String().Draw(rt, "any") + rapid.SampledFrom([]string{"", " it is good", " in Rome", " 12 of them", " don't"}).Draw(rt, "end")
		seed := rapid.Uint64().Draw(rt, "seed")
		got, rule, ok := texts.Make(text, rng.New(seed, 0, 0, 0))
		again, _, _ := texts.Make(text, rng.New(seed, 0, 0, 0))
		if got != again || ok != (rule != "") || ok != (got != "") || ok && got == strings.Join(strings.Fields(text), " ") {
			rt.Fatalf("%q became %q and then %q by %q (%v)", text, got, again, rule, ok)
		}
	})
	rules := map[string]bool{}
	for item := range 100 {
		_, rule, _ := texts.Make("it is good for 12 in Rome", rng.New(1, 0, item, 0))
		rules[rule] = true
	}
	if len(rules) != 4 {
		t.Errorf("the rules are %v", rules)
	}
	for _, c := range []negative.TextConfig{{}, {Antonym: true}, {Entity: true}} {
		if _, err := negative.NewTexts(c, nil, nil); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
