package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// tokenizerJSON is what Hugging Face's library saves of a tokenizer: the vocabulary, and every step from text to ids.
type tokenizerJSON struct {
	Version       string          `json:"version"`
	Truncation    json.RawMessage `json:"truncation"` // the caller's business, as padding is
	Padding       *paddingJSON    `json:"padding"`
	AddedTokens   []added         `json:"added_tokens"`
	Normalizer    json.RawMessage `json:"normalizer"`
	PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
	PostProcessor json.RawMessage `json:"post_processor"`
	Decoder       json.RawMessage `json:"decoder"`
	Model         json.RawMessage `json:"model"`
}

type paddingJSON struct {
	ID int32 `json:"pad_id"`
}

// A step is one part of a tokenizer.json, with the fields of all of them.
type step struct {
	Type string `json:"type"`

	Normalizers   []json.RawMessage `json:"normalizers"`
	PreTokenizers []json.RawMessage `json:"pretokenizers"`
	Processors    []json.RawMessage `json:"processors"`
	Decoders      []json.RawMessage `json:"decoders"`

	Left    bool          `json:"strip_left"`
	Right   bool          `json:"strip_right"`
	Pattern *patternField `json:"pattern"`
	// Content is a text, and of the decoder Strip a character.
	Content  string `json:"content"`
	Start    int    `json:"start"`
	Stop     int    `json:"stop"`
	Prepend  string `json:"prepend"`
	CharsMap string `json:"precompiled_charsmap"`

	PrefixSpace   *bool     `json:"add_prefix_space"`
	UseRegex      *bool     `json:"use_regex"`
	Behaviour     behaviour `json:"behavior"`
	Invert        bool      `json:"invert"`
	Delimiter     string    `json:"delimiter"`
	Individual    bool      `json:"individual_digits"`
	Replacement   *string   `json:"replacement"`
	PrependScheme string    `json:"prepend_scheme"`
	Split         *bool     `json:"split"`

	Single        []templateItem              `json:"single"`
	SpecialTokens map[string]templateSpecials `json:"special_tokens"`
	CLS           tokenAndID                  `json:"cls"`
	SEP           tokenAndID                  `json:"sep"`

	Prefix  string `json:"prefix"`
	Suffix  string `json:"suffix"`
	Cleanup bool   `json:"cleanup"`
}

// A patternField is {"String": "text"} or {"Regex": "expression"}.
type patternField struct {
	String *string
	Regex  *string
}

func (f *patternField) compile() (pattern, error) {
	switch {
	case f == nil:
		return nil, errors.New("there is no pattern")
	case f.Regex != nil && *f.Regex != "":
		return compilePattern(*f.Regex)
	case f.String != nil && *f.String != "":
		return literal(*f.String), nil
	}
	return nil, errors.New("the pattern is empty")
}

// A tokenAndID is ["[SEP]", 102].
type tokenAndID struct {
	token string
	id    int32
}

func (t *tokenAndID) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&t.token, &t.id})
}

// parseJSON makes a tokenizer of a tokenizer.json, and of tokenizer_config.json, which may be nil.
func parseJSON(text, settings []byte) (*Tokenizer, error) {
	c, err := parseConfig(settings)
	if err != nil {
		return nil, err
	}
	var j tokenizerJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return nil, fmt.Errorf("%s: %w", jsonFile, err)
	}
	t, err := j.tokenizer(c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", jsonFile, err)
	}
	return t, nil
}

// tokenizer makes the tokenizer, with what tokenizer_config.json says. Errors name the part.
func (j *tokenizerJSON) tokenizer(c config) (*Tokenizer, error) {
	t := &Tokenizer{ids: map[string]int32{}, special: noSpecial}
	for _, part := range []struct {
		name string
		read func() error
	}{
		{"model", func() error { return t.readModel(j.Model) }},
		{"added_tokens", func() error { return t.readAdded(j.AddedTokens) }},
		{"normalizer and pre_tokenizer", func() error { return t.readScanner(j, c) }},
		{"post_processor", func() error { return t.readProcessor(j.PostProcessor) }},
		{"decoder", func() (err error) { t.show, err = readDecoder(j.Decoder); return err }},
	} {
		if err := part.read(); err != nil {
			return nil, fmt.Errorf("%s: %w", part.name, err)
		}
	}
	t.nameSpecials(c, j.Padding)
	return t, nil
}

// isNull tells that a part is not there.
func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

func readStep(raw json.RawMessage) (step, error) {
	var s step
	err := json.Unmarshal(raw, &s)
	return s, err
}

// readAdded gives ids to the tokens that are looked for in text, and has those that stand for themselves looked for.
func (t *Tokenizer) readAdded(tokens []added) error {
	for i, a := range tokens {
		if err := checkID(a.Content, a.ID, len(t.ids)+len(tokens)); err != nil {
			return err
		}
		// The library finds a token by its text: one that the model knows has the model's id.
		if id, known := t.ids[a.Content]; known {
			tokens[i].ID = id
			continue
		}
		t.setToken(a.Content, a.ID)
	}
	t.setAdded(tokens)
	// Special tokens are always looked for in the text as it came.
	t.added = newMatcher(slices.DeleteFunc(slices.Clone(tokens), func(a added) bool { return a.Normalized }))
	return nil
}

// readScanner reads the steps that make words of text.
func (t *Tokenizer) readScanner(j *tokenizerJSON, c config) error {
	normalizers, bert, err := readNormalizers(j.Normalizer, c)
	if err != nil {
		return err
	}
	normalized := slices.DeleteFunc(slices.Clone(j.AddedTokens), func(a added) bool { return !a.Normalized })
	if !isNull(j.PreTokenizer) {
		s, err := readStep(j.PreTokenizer)
		if err != nil {
			return err
		}
		if s.Type == "BertPreTokenizer" && bert != nil && len(normalized) == 0 {
			t.words = newBertScanner(*bert)
			return nil
		}
	}
	split, err := readSplitter(j.PreTokenizer)
	if err != nil {
		return err
	}
	for i, a := range normalized {
		text := []byte(a.Content)
		for _, n := range normalizers {
			text = n(text)
		}
		normalized[i].Content = string(text)
	}
	t.words = &generalScanner{normalizers: normalizers, added: newMatcher(normalized), split: split}
	return nil
}

// nameSpecials finds the tokens that mean something to networks: by tokenizer_config.json, else by what they are usually called.
func (t *Tokenizer) nameSpecials(c config, padding *paddingJSON) {
	named := func(name specialName, usual ...string) int32 {
		for _, candidate := range append([]string{string(name)}, usual...) {
			if id, known := t.ids[candidate]; known && candidate != "" {
				return id
			}
		}
		return -1
	}
	t.special.CLS = named(c.CLS, "[CLS]", "<s>", string(c.Begin))
	t.special.SEP = named(c.SEP, "[SEP]", "</s>", string(c.End))
	if len(t.prefix) > 0 {
		t.special.CLS = t.prefix[0]
	}
	if len(t.suffix) > 0 {
		t.special.SEP = t.suffix[len(t.suffix)-1]
	}
	t.special.Pad = named(c.Pad, "[PAD]", "<pad>")
	if t.special.Pad < 0 && padding != nil {
		t.special.Pad = padding.ID
	}
	t.special.Mask = named(c.Mask, "[MASK]", "<mask>")
	if t.special.Unknown < 0 {
		t.special.Unknown = named(c.Unknown, "[UNK]", "<unk>")
	}
	if int(t.special.Pad) >= len(t.tokens) {
		t.special.Pad = -1
	}
}

// unknownType is the error of a step that is not known here: to leave it out in silence would give other ids.
func unknownType(what, name string, known ...string) error {
	return fmt.Errorf("the %s %q is not supported; %s are", what, name, strings.Join(known, ", "))
}
