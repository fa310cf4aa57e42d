package token

import (
	"bytes"
	"cmp"
	"fmt"
	"unicode/utf8"
)

// parseBERT makes BERT's tokenizer of a list of tokens, one a line, the first of which has id 0. Config may be nil; then letters
// become small.
func parseBERT(vocab, settings []byte) (*Tokenizer, error) {
	c, err := parseConfig(settings)
	if err != nil {
		return nil, err
	}
	if !c.readsAsBERT() {
		return nil, fmt.Errorf("%s names the class %s, which does not read %s as BERT does; save it with a tokenizer.json", configFile, c.Class, vocabFile)
	}
	t := &Tokenizer{ids: map[string]int32{}}
	lines := bytes.Split(bytes.TrimSuffix(vocab, []byte("\n")), []byte("\n"))
	for i, line := range lines {
		if !utf8.Valid(line) {
			return nil, fmt.Errorf("%s: line %d is not UTF-8", vocabFile, i+1)
		}
		t.setToken(string(bytes.TrimSuffix(line, []byte("\r"))), int32(i))
	}
	var specials []added
	special := func(name, usual string, required bool) (int32, error) {
		name = cmp.Or(name, usual)
		id, known := t.ids[name]
		switch {
		case known:
			specials = append(specials, added{Content: name, ID: id, Special: true})
			return id, nil
		case required:
			return 0, fmt.Errorf("%s has no token %s", vocabFile, name)
		}
		return -1, nil
	}
	for _, s := range []struct {
		id       *int32
		name     specialName
		usual    string
		required bool
	}{
		{&t.special.CLS, c.CLS, "[CLS]", true},
		{&t.special.SEP, c.SEP, "[SEP]", true},
		{&t.special.Unknown, c.Unknown, "[UNK]", true},
		{&t.special.Pad, c.Pad, "[PAD]", false},
		{&t.special.Mask, c.Mask, "[MASK]", false},
	} {
		if *s.id, err = special(string(s.name), s.usual, s.required); err != nil {
			return nil, err
		}
	}
	t.setAdded(specials)
	t.prefix, t.suffix = []int32{t.special.CLS}, []int32{t.special.SEP}
	t.words = newBertScanner(bertNormalizer{
		Clean:       true,
		Ideographs:  c.Ideographs == nil || *c.Ideographs,
		StripAccent: c.StripAccent,
		Lowercase:   c.Lowercase == nil || *c.Lowercase,
	})
	t.model = newWordPiece(t.ids, insideMark, t.special.Unknown, wordPieceRunes)
	t.show = wordPieceDecoder(insideMark, true)
	return t, nil
}
