package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// modelJSON has the fields of every model.
type modelJSON struct {
	Type         string          `json:"type"`
	Vocab        json.RawMessage `json:"vocab"`
	Merges       []mergeJSON     `json:"merges"`
	Unknown      *string         `json:"unk_token"`
	UnknownID    *int32          `json:"unk_id"`
	Prefix       *string         `json:"continuing_subword_prefix"`
	Suffix       *string         `json:"end_of_word_suffix"`
	FuseUnknown  bool            `json:"fuse_unk"`
	ByteFallback bool            `json:"byte_fallback"`
	WholeFirst   bool            `json:"ignore_merges"`
	Dropout      *float64        `json:"dropout"`
	MaxRunes     *int            `json:"max_input_chars_per_word"`
}

// A mergeJSON is "a b" or ["a", "b"].
type mergeJSON [2]string

func (m *mergeJSON) UnmarshalJSON(text []byte) error {
	var line string
	if json.Unmarshal(text, &line) == nil {
		a, b, found := strings.Cut(line, " ")
		if !found {
			return fmt.Errorf("the merge %q is not two tokens with a space between them", line)
		}
		*m = mergeJSON{a, b}
		return nil
	}
	var parts []string
	if err := json.Unmarshal(text, &parts); err != nil || len(parts) != 2 {
		return fmt.Errorf("the merge %s is not two tokens", text)
	}
	*m = mergeJSON{parts[0], parts[1]}
	return nil
}

// A pieceJSON is ["token", -3.5].
type pieceJSON struct {
	text  string
	score float64
}

func (p *pieceJSON) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&p.text, &p.score})
}

// kindOfModel guesses the type that old files leave out, as the library does.
func (m *modelJSON) kindOfModel() string {
	switch {
	case m.Type != "":
		return m.Type
	case m.Merges != nil:
		return "BPE"
	case m.MaxRunes != nil:
		return "WordPiece"
	case len(m.Vocab) > 0 && m.Vocab[0] == '[':
		return "Unigram"
	}
	return "WordLevel"
}

// readModel reads the vocabulary, and how words are taken apart into it.
func (t *Tokenizer) readModel(raw json.RawMessage) error {
	if isNull(raw) {
		return errors.New("there is none")
	}
	var m modelJSON
	if err := json.Unmarshal(raw, &m); err != nil {
		return err
	}
	kind := m.kindOfModel()
	if kind == "Unigram" {
		return t.readUnigram(&m)
	}
	var vocab map[string]int32
	if err := json.Unmarshal(m.Vocab, &vocab); err != nil {
		return fmt.Errorf("vocab: %w", err)
	}
	for _, token := range slices.Sorted(maps.Keys(vocab)) { // of tokens with one id the last is what it is called
		id := vocab[token]
		if err := checkID(token, id, len(vocab)); err != nil {
			return fmt.Errorf("vocab: %w", err)
		}
		t.setToken(token, id)
	}
	if m.Unknown != nil {
		id, known := t.ids[*m.Unknown]
		if !known && kind != "BPE" {
			return fmt.Errorf("the unk_token %q is not in the vocabulary", *m.Unknown)
		}
		if known {
			t.special.Unknown = id
		}
	}
	switch kind {
	case "WordPiece":
		if t.special.Unknown < 0 {
			return errors.New("there is no unk_token")
		}
		prefix, runes := insideMark, wordPieceRunes
		if m.Prefix != nil {
			prefix = *m.Prefix
		}
		if m.MaxRunes != nil {
			runes = *m.MaxRunes
		}
		t.model = newWordPiece(t.ids, prefix, t.special.Unknown, runes)
	case "WordLevel":
		t.model = &wordLevel{maps.Clone(t.ids), t.special.Unknown}
	case "BPE":
		return t.readBPE(&m)
	default:
		return unknownType("model", kind, "WordPiece", "BPE", "Unigram", "WordLevel")
	}
	return nil
}

func (t *Tokenizer) readBPE(m *modelJSON) error {
	if m.Dropout != nil && *m.Dropout > 0 {
		return fmt.Errorf("a dropout of %g gives other ids every time; save the tokenizer without", *m.Dropout)
	}
	b := &bytePairs{ids: maps.Clone(t.ids), merges: make(map[pair]merge, len(m.Merges)), unknown: t.special.Unknown,
		fuseUnknown: m.FuseUnknown, byteFallback: m.ByteFallback, wholeFirst: m.WholeFirst}
	if m.Prefix != nil {
		b.prefix = *m.Prefix
	}
	if m.Suffix != nil {
		b.suffix = *m.Suffix
	}
	for rank, parts := range m.Merges {
		if err := b.addMerge(parts[0], parts[1], int32(rank)); err != nil {
			return err
		}
	}
	t.model = b
	return nil
}

// addMerge adds the merge of two tokens. Of a merge that is listed twice the last counts, as in the reference.
func (m *bytePairs) addMerge(first, second string, rank int32) error {
	joined := first + strings.TrimPrefix(second, m.prefix)
	var ids [3]int32
	for i, token := range []string{first, second, joined} {
		id, known := m.ids[token]
		if !known {
			return fmt.Errorf("merge %d, %q and %q: %q is not in the vocabulary", rank+1, first, second, token)
		}
		ids[i] = id
	}
	m.merges[pair{ids[0], ids[1]}] = merge{rank, ids[2]}
	return nil
}

func (t *Tokenizer) readUnigram(m *modelJSON) error {
	var vocab []pieceJSON
	if err := json.Unmarshal(m.Vocab, &vocab); err != nil {
		return fmt.Errorf("vocab: %w", err)
	}
	pieces := make([]scored, len(vocab))
	for i, p := range vocab {
		pieces[i] = scored{p.text, int32(i), p.score}
		t.setToken(p.text, int32(i))
	}
	if m.UnknownID != nil {
		if *m.UnknownID < 0 || int(*m.UnknownID) >= len(pieces) {
			return fmt.Errorf("the unk_id %d is not in a vocabulary of %d", *m.UnknownID, len(pieces))
		}
		t.special.Unknown = *m.UnknownID
	}
	t.model = newUnigram(pieces, t.special.Unknown, m.ByteFallback)
	return nil
}
