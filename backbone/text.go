package backbone

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/internal/nearest"
)

// Text is an encoder of texts.
type Text interface {
	// Hidden is a [TextEncoder].
	Hidden(scope *model.Scope, tokens Tokens) *graph.Node
	// Dim is the width of a hidden state.
	Dim() int
	// MaxLength is the most tokens of a text, 0 for any number.
	MaxLength() int
	// Tokens is the size of the vocabulary.
	Tokens() int
	// Validate names the first setting that cannot be used, and what it must be.
	Validate() error
}

// TextConfig is one of the encoders of texts with its settings; the others are nil.
type TextConfig struct {
	Transformer *Transformer `yaml:"transformer,omitempty" json:"transformer,omitempty"`
	Static      *Static      `yaml:"static,omitempty" json:"static,omitempty"`
	CLIP        *CLIPText    `yaml:"clip,omitempty" json:"clip,omitempty"`
}

// WithVocabulary is the configuration for a vocabulary of so many tokens.
func (c TextConfig) WithVocabulary(tokens int) TextConfig {
	if t := c.Transformer; t != nil {
		n := *t
		n.Vocabulary, c.Transformer = tokens, &n
	}
	if t := c.Static; t != nil {
		n := *t
		n.Vocabulary, c.Static = tokens, &n
	}
	if t := c.CLIP; t != nil {
		n := *t
		n.Vocabulary, c.CLIP = tokens, &n
	}
	return c
}

// Encoder returns the encoder that is set, its settings checked.
func (c TextConfig) Encoder() (Text, error) {
	var encoders []Text
	var name string
	if c.Transformer != nil {
		encoders, name = append(encoders, *c.Transformer), "transformer"
	}
	if c.Static != nil {
		encoders, name = append(encoders, *c.Static), "static"
	}
	if c.CLIP != nil {
		encoders, name = append(encoders, *c.CLIP), "clip"
	}
	if len(encoders) != 1 {
		return nil, errors.New("one encoder of texts must be set: transformer, static or clip")
	}
	if err := encoders[0].Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return encoders[0], nil
}

// textEntry is a row of the table of known encoders of texts.
type textEntry struct {
	Info
	build func(vocabulary int) TextConfig
}

// texts lists every encoder of texts by name, simplest first.
func texts() []textEntry {
	bert := func(name, description, source string, layers, width int, change func(*Transformer)) textEntry {
		return textEntry{Info{name, description, source}, func(vocabulary int) TextConfig {
			t := NewTransformer(layers, width, vocabulary)
			if change != nil {
				change(&t)
			}
			return TextConfig{Transformer: &t}
		}}
	}
	clip := func(name, description string, layers, width int) textEntry {
		return textEntry{Info{name, description, "Radford et al. 2021, Learning transferable visual models from natural language supervision, section 2.4; openai/CLIP, clip/model.py"},
			func(vocabulary int) TextConfig {
				t := NewCLIPText(layers, width, vocabulary)
				return TextConfig{CLIP: &t}
			}}
	}
	const turc = "Turc et al. 2019, Well-read students learn better, table 1; google-research/bert, README.md"
	return []textEntry{
		{Info{"static", "a vector a token, 300 wide, averaged: the fastest by far", "Wieting et al. 2016, Towards universal paraphrastic sentence embeddings"},
			func(vocabulary int) TextConfig {
				s := NewStatic(vocabulary)
				return TextConfig{Static: &s}
			}},
		bert("bert_tiny", "transformer: 2 blocks, 128 wide, 2 heads", turc, 2, 128, nil),
		bert("transformer", "transformer: 4 blocks, 256 wide, 4 heads (BERT-Mini): small enough to train from nothing", turc, 4, 256, nil),
		bert("bert_small", "transformer: 4 blocks, 512 wide, 8 heads", turc, 4, 512, nil),
		bert("minilm", "transformer: 6 blocks, 384 wide, 12 heads", "Wang et al. 2020, MiniLM: Deep self-attention distillation; nreimers/MiniLM-L6-H384-uncased, config.json",
			6, 384, func(t *Transformer) { t.Heads = 12 }),
		bert("bert_medium", "transformer: 8 blocks, 512 wide, 8 heads", turc, 8, 512, nil),
		clip("clip_small", "CLIP's transformer at 4 blocks, 256 wide, 4 heads: small enough to train from nothing", 4, 256),
		clip("clip", "CLIP's transformer: 12 blocks, 512 wide, 8 heads, 77 tokens", 12, 512),
		bert("bert_base", "transformer: 12 blocks, 768 wide, 12 heads", "Devlin et al. 2019, BERT, section 3", 12, 768, nil),
	}
}

// NewText returns the settings of the encoder of texts of that name for a vocabulary of so many tokens.
func NewText(name string, vocabulary int) (TextConfig, error) {
	for _, e := range texts() {
		if e.Name == name {
			c := e.build(vocabulary)
			_, err := c.Encoder()
			return c, err
		}
	}
	return TextConfig{}, fmt.Errorf("there is no encoder of texts %q%s; there are %s", name, nearest.Suggestion(name, TextNames()), strings.Join(TextNames(), ", "))
}

// TextNames lists the names of the encoders of texts, simplest first.
func TextNames() []string {
	var names []string
	for _, e := range texts() {
		names = append(names, e.Name)
	}
	return names
}

// KnownTexts describes every encoder of texts, simplest first.
func KnownTexts() []Info {
	var infos []Info
	for _, e := range texts() {
		infos = append(infos, e.Info)
	}
	return infos
}
