package negative

import (
	"slices"
	"strings"

	"github.com/alike-ml/alike/internal/wordform"
)

// set is a set of the words of a text.
func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

var (
	beAndModals = set("is are was were am can could will would shall should may might must")
	have        = set("has have had")
	pronounBe   = set("it's he's she's that's there's i'm you're we're they're")
	subjects    = set("i you we they")
	// wishes are verbs that are no nouns after a pronoun, and take do.
	wishes = set("want need like love know think believe feel live work wish hope prefer understand remember agree care mean go come eat drink play use")
	// before an auxiliary these open a clause that is not the sentence's own, or make a noun of it.
	openers    = set("who which that if when where because while as than what how why the a an his her my your our their its this free good")
	participle = set("been had done gone come become made taken given seen known found lost won left felt kept held told said thought brought bought built sent spent met paid put set cut run read led begun grown shown written spoken broken chosen fallen driven eaten drawn flown heard understood taught caught sold sung worn")
	questions  = set("who whom whose which what when where why how do does did don't doesn't didn't")
	contracted = map[string]string{"can't": "can", "won't": "will", "shan't": "shall", "cannot": "can", "isn't": "is", "aren't": "are",
		"wasn't": "was", "weren't": "were", "couldn't": "could", "wouldn't": "would", "shouldn't": "should", "mustn't": "must",
		"don't": "do", "doesn't": "does", "didn't": "did", "haven't": "have", "hasn't": "has", "hadn't": "had"}
)

// Negate turns what an English sentence says into its opposite by one word. Where there is a negation it is taken out: "not" after an
// auxiliary or a form of be, and the n't of "don't" and the like, so that "did not go" becomes "did go". Else one is put in: "not"
// after a form of be, after can, will and their like, and after have before a participle; "do not" before a few verbs after I, you,
// we and they. The first place counts that is not in a clause opened by "who", "if" and the like just before. Questions are
// left alone, since negated they ask the same, and so is what it finds no place in.
func Negate(text string) (string, bool) {
	words := strings.Fields(text)
	keys := make([]string, len(words)) // lower case, with a plain apostrophe
	for i, w := range words {
		_, core, _ := wordform.Trim(w)
		keys[i] = strings.ReplaceAll(strings.ToLower(core), "’", "'")
	}
	if len(words) < 2 || strings.ContainsAny(text, "?") || questions[keys[0]] && contracted[keys[0]] == "" || beAndModals[keys[0]] || have[keys[0]] {
		return "", false
	}
	for i, key := range keys {
		if base := contracted[key]; base != "" {
			words[i] = wordform.Put(words[i], base)
			return strings.Join(words, " "), true
		}
		before := i > 0 && words[i] == "not" && (beAndModals[keys[i-1]] || have[keys[i-1]] || pronounBe[keys[i-1]] || set("do does did")[keys[i-1]])
		if before && (i+1 == len(keys) || keys[i+1] != "only") {
			return strings.Join(slices.Delete(words, i, i+1), " "), true
		}
		if key == "not" || key == "never" || key == "no" || strings.HasSuffix(key, "n't") { // negated in some other way
			return "", false
		}
	}
	for i := 0; i+1 < len(keys); i++ {
		key, next := keys[i], keys[i+1]
		if i > 0 && openers[keys[i-1]] || next == "" || hasEnd(words[i]) {
			continue
		}
		known := i > 0 && words[i] == key && (beAndModals[key] || have[key] && isParticiple(next))
		switch {
		case known || pronounBe[key]:
			return strings.Join(slices.Insert(words, i+1, "not"), " "), true
		case subjects[key] && wishes[next]:
			return strings.Join(slices.Insert(words, i+1, "do", "not"), " "), true
		}
	}
	return "", false
}

// isParticiple holds for regular participles and frequent others.
func isParticiple(word string) bool {
	return participle[word] || len(word) > 4 && strings.HasSuffix(word, "ed")
}

// hasEnd holds where punctuation ends a word.
func hasEnd(word string) bool {
	_, _, after := wordform.Trim(word)
	return after != ""
}
