package negative

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/alike-ml/alike/internal/wordform"
)

// TextConfig says by which rules hard negatives are made of texts: each changes a word or two so that the text reads alike and says
// something else. The rules are for English.
//
// Negating a sentence and putting other entities and other numbers into it are those that Kryściński et al. 2020, "Evaluating the factual
// consistency of abstractive text summarization", make false sentences with (salesforce/factCC, data_generation/augmentation_ops.py);
// negations are also the soft negatives of Wang et al. 2022, "SNCSE: Contrastive learning for unsupervised sentence embedding with soft
// negative samples". Antonyms by WordNet are of Wang et al. 2021, "CLINE: Contrastive learning with semantic negative examples for natural
// language understanding". They all parse sentences; the rules here look at the words, and leave alone what they are not sure of.
type TextConfig struct {
	Negation bool `yaml:"negation" json:"negation" help:"put in or take out a not after an auxiliary or a form of be; questions are left alone"`
	Antonym  bool `yaml:"antonym" json:"antonym" help:"put a word's opposite by WordNet in its place"`
	Number   bool `yaml:"number" json:"number" help:"put another number of the same shape in a number's place"`
	Entity   bool `yaml:"entity" json:"entity" help:"put another capitalised name of the texts in a name's place"`
}

// On says whether there is any rule.
func (c TextConfig) On() bool { return c != (TextConfig{}) }

// The rules, as [Texts.Make] names them.
const (
	RuleNegation = "negation"
	RuleAntonym  = "antonym"
	RuleNumber   = "number"
	RuleEntity   = "entity"
)

// Opposites gives the antonyms of a lower-case word, in a fixed order: room wordnet has one.
type Opposites interface {
	Antonyms(word string) []string
}

// Texts makes hard negatives of texts as a TextConfig says. It is safe for use by many goroutines at once.
type Texts struct{ rules []textRule }

type textRule struct {
	name  string
	apply func(text string, r *rand.Rand) (string, bool)
}

// NewTexts prepares a configuration. opposites may be nil without the rule of antonyms, names without the one of entities. The error
// says what is missing, or that there is no rule.
func NewTexts(config TextConfig, opposites Opposites, names *Names) (*Texts, error) {
	t := &Texts{}
	if config.Negation {
		t.rules = append(t.rules, textRule{RuleNegation, func(text string, _ *rand.Rand) (string, bool) { return Negate(text) }})
	}
	if config.Antonym {
		if opposites == nil {
			return nil, errors.New("text negatives: antonym is on: it needs the folder of WordNet's database")
		}
		t.rules = append(t.rules, textRule{RuleAntonym, func(text string, r *rand.Rand) (string, bool) { return SwapAntonym(text, opposites, r) }})
	}
	if config.Number {
		t.rules = append(t.rules, textRule{RuleNumber, SwapNumber})
	}
	if config.Entity {
		if names == nil {
			return nil, errors.New("text negatives: entity is on: it needs names, gathered from the texts")
		}
		t.rules = append(t.rules, textRule{RuleEntity, names.Swap})
	}
	if len(t.rules) == 0 {
		return nil, fmt.Errorf("text negatives: no rule is on: turn on %s, %s, %s or %s", RuleNegation, RuleAntonym, RuleNumber, RuleEntity)
	}
	return t, nil
}

// Make makes a hard negative of a text with the numbers of r, and names the rule that made it: the first that applies, in an order
// drawn at random. It reports false where none does. White space comes out as single spaces.
func (t *Texts) Make(text string, r *rand.Rand) (negative, rule string, ok bool) {
	for _, i := range r.Perm(len(t.rules)) {
		if negative, ok := t.rules[i].apply(text, r); ok {
			return negative, t.rules[i].name, true
		}
	}
	return "", "", false
}

// SwapAntonym puts an antonym in the place of a word of an English text, drawn at random among those that have one. Words with capitals
// are names, and stay, but for a first word that no other one with a capital follows. After "a" and "an" the antonym has to fit.
func SwapAntonym(text string, opposites Opposites, r *rand.Rand) (string, bool) {
	words := strings.Fields(text)
	type swap struct {
		at      int
		antonym string
	}
	var swaps []swap
	for i, word := range words {
		_, core, _ := wordform.Trim(word)
		if core == "" || wordform.Capital(core) && (i > 0 || len(words) > 1 && !hasEnd(word) && wordform.Capital(words[1])) {
			continue
		}
		for _, a := range opposites.Antonyms(wordform.Uncapital(core)) {
			if i == 0 || wordform.Fits(a, core, words[i-1]) {
				swaps = append(swaps, swap{i, a})
				break
			}
		}
	}
	if len(swaps) == 0 {
		return "", false
	}
	s := swaps[r.IntN(len(swaps))]
	words[s.at] = wordform.Put(words[s.at], s.antonym)
	return strings.Join(words, " "), true
}
