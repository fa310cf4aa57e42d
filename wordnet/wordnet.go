// Package wordnet reads the database of Princeton WordNet (Miller 1995, "WordNet: a lexical database for English") for the
// synonyms and antonyms of English words.
//
// The database is not part of Alike. It is a folder, often called dict, of the release 3.0 or 3.1 as Princeton offers it at
// wordnet.princeton.edu; Debian's package wordnet-base has it in /usr/share/wordnet. Its licence lets anybody use, copy and
// distribute it with the notice that comes with it. The formats are those of the manual's pages wndb(5WN) and cntlist(5WN), the
// ways from an inflected word to its lemma those of morphy(7WN).
package wordnet

import (
	"cmp"
	"slices"
)

// Dictionary holds the synonyms and antonyms of single words. It does not change, and may be used by many goroutines at once.
//
// It knows no grammar, and takes a word for what it most often is: of the parts of speech that the word can be, in the form at hand,
// the one whose first sense was met most often when WordNet's authors tagged texts, and of that the first sense, which is their most
// frequent. Where a second part of speech is more than a fifth as frequent, the word is left alone, as are the words of grammar. What
// their texts never had in its first sense is too rare to stand in for anything.
type Dictionary struct {
	lemmas     [parts]map[string]lemma
	exceptions [parts]map[string][]string // irregular form -> its lemmas
	irregular  [parts]map[string][]string // lemma -> its irregular forms

	fingerprint string
}

// lemma is a word as one part of speech, in its first sense.
type lemma struct {
	synset   int64 // the offset of the sense in the file of data
	count    int   // how often it was met
	synonyms []string
	antonyms []string
}

// The parts of speech.
const (
	noun = iota
	verb
	adjective
	adverb
	parts
)

// Fingerprint is a hash of the names and the content of the files that the database was read from, in hexadecimal digits.
func (d *Dictionary) Fingerprint() string { return d.fingerprint }

// Synonyms returns the words, sorted, that mean what a lower-case word means in its most frequent sense, and of which that is the
// most frequent sense too, in the form of the word: "automobiles" for "cars". They are single words in lower case. There are none for
// a word that is not found, is a word of grammar or could well be two parts of speech, nor for comparatives.
func (d *Dictionary) Synonyms(word string) []string {
	return d.related(word, func(l lemma) []string { return l.synonyms })
}

// Antonyms returns the words, sorted, that WordNet calls opposites of a lower-case word in its most frequent sense, in the form of the
// word. There are none where [Dictionary.Synonyms] would have none.
func (d *Dictionary) Antonyms(word string) []string {
	return d.related(word, func(l lemma) []string { return l.antonyms })
}

func (d *Dictionary) related(word string, of func(lemma) []string) []string {
	reading, found := d.read(word)
	if !found {
		return nil
	}
	var words []string
	for _, w := range of(d.lemmas[reading.part][reading.base]) {
		if d.lemmas[reading.part][w].count == 0 {
			continue
		}
		if w = d.inflect(w, reading.part, reading.form); w != "" && w != word {
			words = append(words, w)
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// read takes a word for what it most often is. Nothing is found for a word that is unknown or not clearly one thing.
func (d *Dictionary) read(word string) (best reading, found bool) {
	if grammar[word] {
		return reading{}, false
	}
	var frequency [parts]int
	for _, r := range d.readings(word) {
		count := 1 + d.lemmas[r.part][r.base].count
		frequency[r.part] = max(frequency[r.part], count)
		if !found || count > 1+d.lemmas[best.part][best.base].count {
			best, found = r, true
		}
	}
	if !found {
		return reading{}, false
	}
	first := frequency[best.part]
	slices.SortFunc(frequency[:], func(a, b int) int { return cmp.Compare(b, a) })
	return best, first >= 5*frequency[1]
}
