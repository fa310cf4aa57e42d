package positive

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/alike-ml/alike/internal/wordform"
)

// Thesaurus gives the words that can stand in the place of a lower-case word, in a fixed order: room wordnet has one.
type Thesaurus interface {
	Synonyms(word string) []string
}

// Text makes views of texts as a TextConfig says. It is safe for use by many goroutines at once if its thesaurus is.
//
// Deleting, swapping and replacing words is EDA: Wei and Zou 2019, "EDA: Easy data augmentation techniques for boosting performance on
// text classification tasks", section 2 (jasonwei20/eda_nlp, code/eda.py), which swaps any two words, and changes one word at least of
// a text however short. Deleting spans is of Wu et al. 2020, "CLEAR: Contrastive learning for sentence representation", which has
// a token [DEL] in the place of what is gone; here nothing is.
type Text struct {
	config    TextConfig
	thesaurus Thesaurus
}

// NewText prepares a configuration. The thesaurus may be nil where no words are to be replaced. The error is that of Validate, or says
// that the thesaurus is missing.
func NewText(config TextConfig, thesaurus Thesaurus) (*Text, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("text views: %w", err)
	}
	if config.Synonym > 0 && thesaurus == nil {
		return nil, errors.New("text views: synonym is above 0: it needs the folder of WordNet's database")
	}
	return &Text{config, thesaurus}, nil
}

// View makes a view of a text with the numbers of r. It depends on nothing but the configuration, the text and the state of r. At
// least one word stays. With no operation, or without a word, the view is the text itself; else its words are joined by single
// spaces.
func (t *Text) View(text string, r *rand.Rand) string {
	words := strings.Fields(text)
	if t.config == (TextConfig{}) || len(words) == 0 {
		return text
	}
	if t.config.Synonym > 0 {
		t.replace(words, r)
	}
	if t.config.Crop > 0 {
		words = crop(words, t.config.Crop, r)
	}
	words = deleteSpans(words, t.config.Spans, t.config.Span, r)
	if t.config.Delete > 0 {
		words = deleteWords(words, t.config.Delete, r)
	}
	swapNeighbours(words, t.config.Swap, r)
	return strings.Join(words, " ")
}

// replace puts synonyms in the place of words, each that has some with the configured probability. Capitals stay at the start of
// the text; elsewhere words with capitals are names, and stay as they are. After "a" and "an" a synonym has to fit.
func (t *Text) replace(words []string, r *rand.Rand) {
	for i, word := range words {
		_, core, _ := wordform.Trim(word)
		if core == "" || i > 0 && wordform.Capital(core) {
			continue
		}
		synonyms := t.thesaurus.Synonyms(wordform.Uncapital(core))
		if i > 0 {
			synonyms = slices.DeleteFunc(slices.Clone(synonyms), func(s string) bool { return !wordform.Fits(s, core, words[i-1]) })
		}
		if len(synonyms) == 0 || r.Float64() >= t.config.Synonym {
			continue
		}
		words[i] = wordform.Put(word, synonyms[r.IntN(len(synonyms))])
	}
}

// crop keeps a span of 1 - share of the words, rounded, at a random place.
func crop(words []string, share float64, r *rand.Rand) []string {
	length := max(1, int(math.Round(float64(len(words))*(1-share))))
	start := r.IntN(len(words) - length + 1)
	return words[start : start+length]
}

// deleteSpans deletes spans of a share of the words each, rounded, at random places, one after the other, as long as a word stays.
func deleteSpans(words []string, spans int, share float64, r *rand.Rand) []string {
	length := int(math.Round(float64(len(words)) * share))
	for ; spans > 0 && length > 0 && len(words) > length; spans-- {
		start := r.IntN(len(words) - length + 1)
		words = slices.Delete(words, start, start+length)
	}
	return words
}

// deleteWords deletes each word with a probability. Where all would go, a random one stays.
func deleteWords(words []string, probability float64, r *rand.Rand) []string {
	var kept []string
	for _, word := range words {
		if r.Float64() >= probability {
			kept = append(kept, word)
		}
	}
	if len(kept) == 0 {
		return []string{words[r.IntN(len(words))]}
	}
	return kept
}

// swapNeighbours exchanges neighbours at random places, as often as the share of the words says, rounded.
func swapNeighbours(words []string, share float64, r *rand.Rand) {
	if len(words) < 2 {
		return
	}
	for range int(math.Round(float64(len(words)) * share)) {
		i := r.IntN(len(words) - 1)
		words[i], words[i+1] = words[i+1], words[i]
	}
}
