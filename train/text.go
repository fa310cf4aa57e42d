package train

import (
	"errors"
	"fmt"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/token"
)

// TextConfig says what text a run learns from, and how an encoder sees it.
type TextConfig struct {
	data.TextOptions `yaml:",inline"`

	Pretrained string            `yaml:"pretrained" help:"folder of an encoder to start from, as transformers (CLIP's among them) or sentence-transformers write it, or its name on Hugging Face's hub if their tools have fetched it; empty draws one"`
	Vectors    string            `yaml:"vectors" help:"file of word vectors for a static encoder to start from, as GloVe (text) or word2vec (text, or binary as .bin) write them, perhaps .gz; empty draws them"`
	Tokenizer  string            `yaml:"tokenizer" help:"folder of a tokenizer; empty takes the pretrained encoder's, or makes one of the text to learn from"`
	Vocabulary token.TrainConfig `yaml:"vocabulary"`
	MaxLength  int               `yaml:"max_length" help:"tokens of a text that the encoder sees at most, special ones included"`

	// The settings of the encoder that the run's backbone names. Its vocabulary is the tokenizer's, whatever is here, unless the encoder is
	// a pretrained one.
	backbone.TextConfig `yaml:",inline"`

	WordNet string `yaml:"wordnet" help:"folder of WordNet's database (index.noun and the like), for synonyms and antonyms of English words; empty is none"`

	Test      string `yaml:"test" help:"file of rows, in the columns of data, to score the encoder on once the run has ended; empty is data itself where there is a test_split"`
	TestSplit string `yaml:"test_split" help:"which list of rows of a json file to score the encoder on"`

	STS        string   `yaml:"sts" help:"file of pairs of sentences with scores of how alike they are, to watch the run with; empty is none"`
	STSColumns []string `yaml:"sts_columns" help:"its columns: sentence, sentence and score"`
}

// Lengths of text that a run accepts, in tokens. The shortest has room for a token between the two special ones.
const (
	minTextLength = 3
	maxTextLength = 4096
)

// defaultText has the published length of SimCSE (princeton-nlp/SimCSE, run_unsup_example.sh: max_seq_length), and a vocabulary for
// one's own text.
func defaultText() TextConfig {
	return TextConfig{
		TextOptions: data.DefaultTextOptions(), Vocabulary: token.DefaultTrain(), MaxLength: 32,
		STSColumns: []string{"1", "2", "3"},
	}
}

// validate names the first setting that cannot be used, and what it must be.
func (c TextConfig) validate() error {
	if err := c.TextOptions.Validate(); err != nil {
		return err
	}
	switch {
	case c.Score != "":
		return errors.New("score must be empty: no method learns from scores; a file with scores is for text.sts, to watch a run with")
	case c.MaxLength < minTextLength || c.MaxLength > maxTextLength:
		return fmt.Errorf("max_length is %d: it must be from %d to %d tokens", c.MaxLength, minTextLength, maxTextLength)
	case c.Pretrained != "" && c.Vectors != "":
		return errors.New("pretrained and vectors are both set: an encoder starts from one of them")
	case c.Vectors != "" && c.Static == nil:
		return errors.New("vectors are for the static encoder alone: set backbone=static")
	case len(c.STSColumns) != 3:
		return fmt.Errorf("sts_columns are %d: they must be 3, as sentence, sentence and score", len(c.STSColumns))
	}
	return nil
}

// network is the encoder of text for a vocabulary of so many tokens.
func (c Config) network(vocabulary int) (config backbone.TextConfig, encoder backbone.Text, err error) {
	named, err := backbone.NewText(c.Backbone, vocabulary)
	if err != nil {
		return config, nil, err
	}
	kind := foreign(c.Text.TextConfig, named)
	switch {
	case kind == "":
	case c.Text.Vectors != "":
		return config, nil, fmt.Errorf("backbone is %s: word vectors start a static encoder, so leave backbone out or set it to static", c.Backbone)
	case c.Text.Pretrained != "":
		return config, nil, fmt.Errorf("backbone is %s, and the encoder in %s is %s: leave backbone out", c.Backbone, c.Text.Pretrained, kind)
	default:
		return config, nil, fmt.Errorf("backbone is %s, and text has the settings of %s", c.Backbone, kind)
	}
	config = c.Text.WithVocabulary(vocabulary)
	encoder, err = encoderOf(config, c.Text.MaxLength)
	if err != nil {
		err = fmt.Errorf("text.%w", err)
	}
	return config, encoder, err
}

// foreign names an encoder that settings are of, and that is another kind than the named one; "" for none.
func foreign(settings, named backbone.TextConfig) string {
	for _, set := range []struct {
		kind         string
		given, named bool
	}{
		{"static", settings.Static != nil, named.Static != nil},
		{"transformer", settings.Transformer != nil, named.Transformer != nil},
		{"clip", settings.CLIP != nil, named.CLIP != nil},
	} {
		if set.given && !set.named {
			return set.kind
		}
	}
	return ""
}

// encoderOf is an encoder of texts of at most so many tokens.
func encoderOf(config backbone.TextConfig, maxLength int) (backbone.Text, error) {
	encoder, err := config.Encoder()
	if err != nil {
		return nil, err
	}
	if most := encoder.MaxLength(); most > 0 && maxLength > most {
		return nil, fmt.Errorf("max_length is %d: the encoder has %d positions", maxLength, most)
	}
	return encoder, nil
}

// texts is how many texts an item has.
func (c TextConfig) texts() int { return max(1, len(c.Texts)) }

// STSOptions say how a file of scored pairs is read, of whose columns there are three: sentence, sentence and score. Where they have
// numbers for names, a line of names at its top is a row without a score, and left out. For the rest, scores are compared over all
// pairs.
func STSOptions(columns []string) data.TextOptions {
	options := data.DefaultTextOptions()
	options.Texts, options.Score = columns[:2], columns[2]
	options.Header = !data.ByNumber(columns)
	options.DropDuplicates, options.MaxChars = false, 0
	return options
}
