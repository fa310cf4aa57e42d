package pretrained

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/alike-ml/alike/backbone"
)

// bertConfig is what config.json says of an encoder of BERT's kind, in the names of transformers (configuration_bert.py).
type bertConfig struct {
	Architectures    []string `json:"architectures,omitempty"`
	ModelType        string   `json:"model_type"`
	Layers           int      `json:"num_hidden_layers"`
	Width            int      `json:"hidden_size"`
	Heads            int      `json:"num_attention_heads"`
	Feedforward      int      `json:"intermediate_size"`
	Activation       string   `json:"hidden_act"`
	Positions        int      `json:"max_position_embeddings"`
	PositionKind     string   `json:"position_embedding_type"`
	Vocabulary       int      `json:"vocab_size"`
	Types            int      `json:"type_vocab_size"`
	Dropout          float64  `json:"hidden_dropout_prob"`
	AttentionDropout float64  `json:"attention_probs_dropout_prob"`
	Epsilon          float64  `json:"layer_norm_eps"`
	Pad              int      `json:"pad_token_id"`
	Decoder          bool     `json:"is_decoder,omitempty"`
	DType            string   `json:"torch_dtype,omitempty"`
}

// distilConfig is the same for DistilBERT (configuration_distilbert.py).
type distilConfig struct {
	Layers           int     `json:"n_layers"`
	Width            int     `json:"dim"`
	Heads            int     `json:"n_heads"`
	Feedforward      int     `json:"hidden_dim"`
	Activation       string  `json:"activation"`
	Positions        int     `json:"max_position_embeddings"`
	Vocabulary       int     `json:"vocab_size"`
	Dropout          float64 `json:"dropout"`
	AttentionDropout float64 `json:"attention_dropout"`
}

// The defaults of transformers, for what a file leaves out.
var (
	bertDefaults = bertConfig{
		Layers: 12, Width: 768, Heads: 12, Feedforward: 3072, Activation: "gelu", Positions: 512, PositionKind: "absolute",
		Vocabulary: 30522, Types: 2, Dropout: 0.1, AttentionDropout: 0.1, Epsilon: 1e-12, Pad: 0,
	}
	distilDefaults = distilConfig{
		Layers: 6, Width: 768, Heads: 12, Feedforward: 3072, Activation: "gelu", Positions: 512, Vocabulary: 30522,
		Dropout: 0.1, AttentionDropout: 0.1,
	}
)

// modelType is the kind of model that config.json says it is of.
func modelType(text []byte) (string, error) {
	var kind struct {
		ModelType string `json:"model_type"`
	}
	err := json.Unmarshal(text, &kind)
	return kind.ModelType, err
}

// parseConfig reads config.json of an encoder of BERT's kind.
func parseConfig(text []byte) (family, backbone.Transformer, error) {
	kind, err := modelType(text)
	if err != nil {
		return family{}, backbone.Transformer{}, err
	}
	var c bertConfig
	var names family
	switch kind {
	case "bert":
		names = bertNames
		c, err = parseBERT(text, bertDefaults.Pad)
	case "roberta", "xlm-roberta", "camembert":
		names = robertaNames
		c, err = parseBERT(text, 1)
		if c.Pad < 0 {
			return names, backbone.Transformer{}, fmt.Errorf("pad_token_id is %d: it must not be below 0", c.Pad)
		}
		// Positions count from behind that of padding (modeling_roberta.py, create_position_ids_from_input_ids); a text's own
		// tokens never have those in front.
		names.skipped = c.Pad + 1
		c.Positions -= names.skipped
	case "distilbert":
		names = distilNames
		c, err = parseDistil(text)
	case "":
		return names, backbone.Transformer{}, fmt.Errorf("model_type is missing: this is no configuration of transformers")
	default:
		return names, backbone.Transformer{}, fmt.Errorf("a model of type %s cannot be read: there are %s", kind, strings.Join(modelTypes, ", "))
	}
	if err != nil {
		return names, backbone.Transformer{}, err
	}
	t := backbone.Transformer{
		Layers: c.Layers, Width: c.Width, Heads: c.Heads, Feedforward: c.Feedforward, Positions: c.Positions, Vocabulary: c.Vocabulary,
		Types: c.Types, Dropout: c.Dropout, AttentionDropout: c.AttentionDropout, Epsilon: c.Epsilon,
	}
	if c.Activation != "gelu" {
		return names, t, fmt.Errorf("its activation is %q: only gelu can be read", c.Activation)
	}
	if c.PositionKind != "absolute" {
		return names, t, fmt.Errorf("its positions are %q: only absolute ones can be read", c.PositionKind)
	}
	if c.Decoder {
		return names, t, fmt.Errorf("it is a decoder, which sees the words before a word only")
	}
	return names, t, t.Validate()
}

// modelTypes are those that parseConfig and parseCLIP read.
var modelTypes = []string{"bert", "roberta", "xlm-roberta", "camembert", "distilbert", clipTextType, clipType}

// parseBERT reads the settings of BERT and its relatives, which differ in the id of padding that holds where none is given.
func parseBERT(text []byte, pad int) (bertConfig, error) {
	c := bertDefaults
	c.Pad = pad
	err := json.Unmarshal(text, &c)
	return c, err
}

// parseDistil reads DistilBERT's settings: those of a BERT without token types.
func parseDistil(text []byte) (bertConfig, error) {
	d := distilDefaults
	err := json.Unmarshal(text, &d)
	return bertConfig{
		Layers: d.Layers, Width: d.Width, Heads: d.Heads, Feedforward: d.Feedforward, Activation: d.Activation, Positions: d.Positions,
		PositionKind: "absolute", Vocabulary: d.Vocabulary, Dropout: d.Dropout, AttentionDropout: d.AttentionDropout,
		Epsilon: bertDefaults.Epsilon, // modeling_distilbert.py
	}, err
}

// configOf is the config.json of a transformer, as BERT's: one without token types gets one, of zeros.
func configOf(t backbone.Transformer) bertConfig {
	return bertConfig{
		Architectures: []string{"BertModel"}, ModelType: "bert", Layers: t.Layers, Width: t.Width, Heads: t.Heads,
		Feedforward: t.Feedforward, Activation: "gelu", Positions: t.Positions, PositionKind: "absolute", Vocabulary: t.Vocabulary,
		Types: max(t.Types, 1), Dropout: t.Dropout, AttentionDropout: t.AttentionDropout, Epsilon: t.Epsilon, DType: "float32",
	}
}
