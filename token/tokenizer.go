package token

import (
	"fmt"
	"sync"
)

// A Tokenizer knows one vocabulary and the way text is taken apart into it. It does not change, and is safe for use by many
// goroutines at once.
type Tokenizer struct {
	words  scanner // makes words of a text
	model  model   // makes tokens of a word
	show   decoder // makes text of tokens
	tokens []string
	ids    map[string]int32

	added          matcher // tokens that are looked for in the text as it came
	specials       map[int32]bool
	prefix, suffix []int32 // special tokens before and behind every text
	special        Special

	files    folder // what Save writes
	encoders sync.Pool
}

// A scanner normalizes text and hands its words to a sink, in order, until that returns false. Begins says whether the text is the
// beginning of what is encoded, and not what follows a special token that was written out. The text is not changed.
type scanner interface {
	scan(to sink, b *buffers, text []byte, begins bool) bool
}

// A sink takes words, valid during the call, and tokens that were written out, and reports whether it wants more. It leaves
// empty words out.
type sink interface {
	word(word []byte) bool
	token(id int32) bool
}

// Buffers are memory that scanners write in.
type buffers struct {
	word []byte
	char []byte // one normalized character
}

// A model appends the tokens of one word, which is not empty.
type model interface {
	appendTokens(ids []int32, word []byte) []int32
}

// Special holds the ids that mean something to networks, -1 where the vocabulary has none.
type Special struct {
	CLS     int32 // the beginning of a text; what BERT's pooling reads
	SEP     int32 // the end of a text
	Pad     int32
	Unknown int32
	Mask    int32 // stands for a token that was hidden
}

var noSpecial = Special{CLS: -1, SEP: -1, Pad: -1, Unknown: -1, Mask: -1}

// Special returns the ids with a meaning of their own.
func (t *Tokenizer) Special() Special { return t.special }

// Pad returns the id that fills rows up to the length of the longest: the vocabulary's own, or 0 where it has none, as in CLIP's.
func (t *Tokenizer) Pad() int32 { return max(t.special.Pad, 0) }

// Size returns how many rows a table of embeddings needs: one more than the largest id.
func (t *Tokenizer) Size() int { return len(t.tokens) }

// Bare returns the same tokenizer without special tokens before and behind a text: an encoder without context has nothing to learn
// from what every text has. Its files are the same, and so those of what it saves.
func (t *Tokenizer) Bare() *Tokenizer {
	return &Tokenizer{words: t.words, model: t.model, show: t.show, tokens: t.tokens, ids: t.ids,
		added: t.added, specials: t.specials, special: t.special, files: t.files}
}

// ID returns a token's id, as "[MASK]" or "##ing".
func (t *Tokenizer) ID(token string) (id int32, known bool) {
	id, known = t.ids[token]
	return id, known
}

// Word returns the token that a word is inside a text, if it is one by itself and none with a meaning of its own.
func (t *Tokenizer) Word(word string) (id int32, known bool) {
	ids, _ := t.Append(nil, " "+word, 0)
	if len(ids) != len(t.prefix)+1+len(t.suffix) {
		return 0, false
	}
	id = ids[len(t.prefix)]
	return id, id != t.special.Unknown && !t.specials[id]
}

// Token returns the token of an id, "" for an id outside the vocabulary.
func (t *Tokenizer) Token(id int32) string {
	if id < 0 || int(id) >= len(t.tokens) {
		return ""
	}
	return t.tokens[id]
}

// Tokens returns what text is taken apart into, special tokens included, to look at.
func (t *Tokenizer) Tokens(text string) []string {
	ids := t.Encode(text, 0)
	tokens := make([]string, len(ids))
	for i, id := range ids {
		tokens[i] = t.Token(id)
	}
	return tokens
}

// setToken gives an id to a token. A second token with the same id takes its place; a token keeps the last id it was given, as in
// the reference.
func (t *Tokenizer) setToken(token string, id int32) {
	for int(id) >= len(t.tokens) {
		t.tokens = append(t.tokens, "")
	}
	t.tokens[id] = token
	t.ids[token] = id
}

// idsLeftOut is how many ids a vocabulary may leave without a token, before its file counts as damaged: a table of embeddings has a
// row for each.
const idsLeftOut = 1 << 16

// checkID refuses an id that no vocabulary of so many tokens has.
func checkID(token string, id int32, tokens int) error {
	if id < 0 || int(id) >= tokens+idsLeftOut {
		return fmt.Errorf("%q has the id %d in a vocabulary of %d tokens", token, id, tokens)
	}
	return nil
}

// setAdded has tokens looked for in the text itself.
func (t *Tokenizer) setAdded(tokens []added) {
	t.added = newMatcher(tokens)
	t.specials = map[int32]bool{}
	for _, a := range tokens {
		if a.Special {
			t.specials[a.ID] = true
		}
	}
}
