package wordnet

import (
	"slices"
	"strings"
)

// form is what is done to a lemma to make a word.
type form int

const (
	plain  form = iota
	withS       // a noun's plural, a verb's third person
	past        // or its participle
	gerund      // in -ing
)

// reading is one way to take a word: as a form of a lemma that is one part of speech.
type reading struct {
	part int
	base string
	form form
}

// detachments are the endings that morphy(7WN) takes off, and what it puts in their place, for the forms that [Dictionary.inflect]
// can make again.
var detachments = [parts][]struct {
	ending, instead string
	form            form
}{
	noun: {{"s", "", withS}, {"ses", "s", withS}, {"xes", "x", withS}, {"zes", "z", withS}, {"ches", "ch", withS},
		{"shes", "sh", withS}, {"men", "man", withS}, {"ies", "y", withS}},
	verb: {{"s", "", withS}, {"ies", "y", withS}, {"es", "e", withS}, {"es", "", withS}, {"ed", "e", past}, {"ed", "", past},
		{"ing", "e", gerund}, {"ing", "", gerund}},
}

// readings lists the ways to take a word: first as a lemma as it stands, then as an irregular form by the list of exceptions or, where
// that does not have it, as a regular one.
func (d *Dictionary) readings(word string) []reading {
	var list []reading
	for part := range parts {
		if _, found := d.lemmas[part][word]; found {
			list = append(list, reading{part, word, plain})
		}
	}
	for part := range parts {
		if bases, found := d.exceptions[part][word]; found {
			for _, base := range bases {
				if _, found := d.lemmas[part][base]; found && part <= verb && base != word {
					list = append(list, reading{part, base, irregularForm(part, word)})
				}
			}
			continue
		}
		for _, rule := range detachments[part] {
			stem, ends := strings.CutSuffix(word, rule.ending)
			if !ends || part == noun && strings.HasSuffix(word, "ss") {
				continue
			}
			if _, found := d.lemmas[part][stem+rule.instead]; found {
				list = append(list, reading{part, stem + rule.instead, rule.form})
			}
		}
	}
	return list
}

// irregularForm says what an irregular form of a noun or a verb is.
func irregularForm(part int, word string) form {
	switch {
	case part == noun || strings.HasSuffix(word, "s"):
		return withS
	case strings.HasSuffix(word, "ing"):
		return gerund
	}
	return past
}

// inflect gives a lemma a form: the one irregular form that the list of exceptions has, or else the regular one. "" is for what
// cannot be told: a noun in -man, a verb whose past and participle may differ, or whose last letter may have to be doubled.
func (d *Dictionary) inflect(base string, part int, f form) string {
	if f == plain {
		return base
	}
	var forms []string
	for _, word := range d.irregular[part][base] {
		if irregularForm(part, word) == f {
			forms = append(forms, word)
		}
	}
	switch {
	case len(forms) == 1 && (f != past || strings.HasSuffix(forms[0], "ed")):
		return forms[0]
	case len(forms) > 0:
		return ""
	}
	last := base[len(base)-1]
	switch f {
	case withS:
		switch {
		case part == noun && strings.HasSuffix(base, "man"): // women, but humans
			return ""
		case endsInConsonantY(base):
			return base[:len(base)-1] + "ies"
		case last == 's' || last == 'x' || last == 'z' || strings.HasSuffix(base, "ch") || strings.HasSuffix(base, "sh"):
			return base + "es"
		}
		return base + "s"
	case past:
		switch {
		case last == 'e':
			return base + "d"
		case endsInConsonantY(base):
			return base[:len(base)-1] + "ied"
		case mayDouble(base):
			return ""
		}
		return base + "ed"
	default:
		switch {
		case strings.HasSuffix(base, "ie"):
			return base[:len(base)-2] + "ying"
		case last == 'e' && !slices.ContainsFunc([]string{"ee", "oe", "ye"}, func(s string) bool { return strings.HasSuffix(base, s) }):
			return base[:len(base)-1] + "ing"
		case mayDouble(base):
			return ""
		}
		return base + "ing"
	}
}

func vowel(letter byte) bool { return strings.IndexByte("aeiou", letter) >= 0 }

func endsInConsonantY(word string) bool {
	return len(word) > 1 && word[len(word)-1] == 'y' && !vowel(word[len(word)-2])
}

// mayDouble holds for short words of consonant, vowel, consonant, such as "stop".
func mayDouble(word string) bool {
	n := len(word)
	return n >= 3 && n <= 4 && !vowel(word[n-1]) && strings.IndexByte("wxy", word[n-1]) < 0 && vowel(word[n-2]) && !vowel(word[n-3])
}
