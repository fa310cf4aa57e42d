package train

import (
	"fmt"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/token"
)

// PairsConfig says what pictures with captions a run learns from, and how an encoder sees the captions.
type PairsConfig struct {
	data.PairOptions `yaml:",inline"`

	Validation string `yaml:"validation" help:"table of pairs to watch the run with, in the place of a share of those to learn from; empty is none"`

	TextBackbone string            `yaml:"text_backbone" help:"encoder of the captions, see alike methods"`
	Tokenizer    string            `yaml:"tokenizer" help:"folder of a tokenizer; empty makes one of the captions to learn from"`
	Vocabulary   token.TrainConfig `yaml:"vocabulary"`
	MaxLength    int               `yaml:"max_length" help:"tokens of a caption that the encoder sees at most, special ones included"`

	ImageModel string `yaml:"image_model" help:"run or model folder of an encoder of pictures to start from, whose settings are then the defaults; empty draws one"`
	Pretrained string `yaml:"pretrained" help:"folder of an encoder of texts to start from, as transformers or sentence-transformers write it, or of a whole CLIP, of which clip_vit starts too, or its name on Hugging Face's hub if their tools have fetched it; empty draws one"`

	WordNet string `yaml:"wordnet" help:"folder of WordNet's database (index.noun and the like), for synonyms of English words in captions; empty is none"`

	// CLIPImage has settings of the backbone's own, which is clip_vit: those of the whole CLIP that Pretrained names, whose encoder of
	// pictures the run starts from then. It is nil otherwise.
	CLIPImage *backbone.CLIPImage `yaml:"clip_image,omitempty"`

	// The settings of the encoder that TextBackbone names. Its vocabulary is the tokenizer's, whatever is here.
	backbone.TextConfig `yaml:",inline"`
}

// defaultPairs has an encoder of texts by its name, with CLIP's context (Radford et al. 2021, section 2.4: 76 tokens and the end).
func defaultPairs(textEncoder string) PairsConfig {
	c := PairsConfig{
		PairOptions: data.DefaultPairOptions(), TextBackbone: textEncoder, Vocabulary: token.DefaultTrain(), MaxLength: token.CLIPContext,
	}
	if network, err := backbone.NewText(textEncoder, c.Vocabulary.Size); err == nil { // else the run's check names it
		c.TextConfig = network
	}
	return c
}

// network is the encoder of captions for a vocabulary of so many tokens, or for those that a pretrained one has.
func (c PairsConfig) network(vocabulary int) (config backbone.TextConfig, encoder backbone.Text, err error) {
	named, err := backbone.NewText(c.TextBackbone, vocabulary)
	if err != nil {
		return config, nil, fmt.Errorf("text_backbone: %w", err)
	}
	if kind := foreign(c.TextConfig, named); kind != "" {
		return config, nil, fmt.Errorf("text_backbone is %s, and there are the settings of %s", c.TextBackbone, kind)
	}
	if c.Pretrained != "" {
		encoder, err := c.Encoder()
		if err != nil {
			return config, nil, err
		}
		vocabulary = encoder.Tokens()
	}
	config = c.WithVocabulary(vocabulary)
	encoder, err = encoderOf(config, c.MaxLength)
	return config, encoder, err
}

// validatePairs names the first setting that a run on pictures with captions cannot use.
func (c Config) validatePairs(m method.PairMethod) error {
	if c.Pairs == nil {
		return fmt.Errorf("%s learns from pictures with captions, and the configuration has no section named pairs", m.Name())
	}
	if err := c.Pairs.PairOptions.Validate(); err != nil {
		return fmt.Errorf("pairs.%w", err)
	}
	if n := c.Pairs.MaxLength; n < minTextLength || n > maxTextLength {
		return fmt.Errorf("pairs.max_length is %d: it must be from %d to %d tokens", n, minTextLength, maxTextLength)
	}
	if m.Text().Synonym > 0 && c.Pairs.WordNet == "" {
		return fmt.Errorf("pairs.wordnet is empty: %s.caption.synonym needs the folder of WordNet's database (wordnet.princeton.edu, or Debian's wordnet-base in /usr/share/wordnet)", m.Name())
	}
	if m.Text().Tags > 0 && len(c.Pairs.Tags) == 0 {
		return fmt.Errorf("pairs.tags is empty: %s.caption.tags needs the columns of the tags", m.Name())
	}
	if _, _, err := c.Pairs.network(c.Pairs.Vocabulary.Size); err != nil {
		return fmt.Errorf("pairs.%w", err)
	}
	return c.validatePictures(m.Name(), m.View())
}
