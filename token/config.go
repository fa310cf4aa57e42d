package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// config is what tokenizer_config.json says that changes ids.
type config struct {
	Class       string      `json:"tokenizer_class"`
	Lowercase   *bool       `json:"do_lower_case"`
	StripAccent *bool       `json:"strip_accents"`
	Ideographs  *bool       `json:"tokenize_chinese_chars"`
	CLS         specialName `json:"cls_token"`
	SEP         specialName `json:"sep_token"`
	Pad         specialName `json:"pad_token"`
	Unknown     specialName `json:"unk_token"`
	Mask        specialName `json:"mask_token"`
	Begin       specialName `json:"bos_token"`
	End         specialName `json:"eos_token"`
}

// A specialName is a token's text, given by itself or as the content of an object, or nothing.
type specialName string

func (n *specialName) UnmarshalJSON(text []byte) error {
	var object struct {
		Content string `json:"content"`
	}
	if err := json.Unmarshal(text, (*string)(n)); err == nil {
		return nil
	}
	if err := json.Unmarshal(text, &object); err != nil {
		return errors.New("a token is text, or an object with its text as content")
	}
	*n = specialName(object.Content)
	return nil
}

func parseConfig(text []byte) (config, error) {
	var c config
	if text == nil {
		return c, nil
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("%s: %w", configFile, err)
	}
	return c, nil
}

// bertClasses are the tokenizers of Hugging Face that read vocab.txt in BERT's way.
var bertClasses = []string{"", "BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "DistilBertTokenizerFast",
	"ElectraTokenizer", "ElectraTokenizerFast", "MobileBertTokenizer", "MobileBertTokenizerFast", "MPNetTokenizer", "MPNetTokenizerFast",
	"TokenizersBackend", "PreTrainedTokenizerFast"}

func (c config) readsAsBERT() bool { return slices.Contains(bertClasses, c.Class) }

// override puts what the configuration says of BERT's normalization in place of what the tokenizer.json says, as transformers does.
func (c config) override(n bertNormalizer) bertNormalizer {
	if c.Lowercase != nil {
		n.Lowercase = *c.Lowercase
	}
	if c.StripAccent != nil {
		n.StripAccent = c.StripAccent
	}
	if c.Ideographs != nil {
		n.Ideographs = *c.Ideographs
	}
	return n
}
