package pretrained

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/internal/safetensors"
)

// clipConfig is what config.json says of CLIP's encoder of texts, in the names of transformers (configuration_clip.py).
type clipConfig struct {
	Architectures []string `json:"architectures"`
	Layers        int      `json:"num_hidden_layers"`
	Width         int      `json:"hidden_size"`
	Heads         int      `json:"num_attention_heads"`
	Feedforward   int      `json:"intermediate_size"`
	Activation    string   `json:"hidden_act"`
	Positions     int      `json:"max_position_embeddings"`
	Vocabulary    int      `json:"vocab_size"`
	Epsilon       float64  `json:"layer_norm_eps"`
	Projection    int      `json:"projection_dim"`
	End           int      `json:"eos_token_id"`
}

// clipDefaults are those of transformers, for what a file leaves out.
var clipDefaults = clipConfig{
	Layers: 12, Width: 512, Heads: 8, Feedforward: 2048, Activation: "quick_gelu", Positions: 77, Vocabulary: 49408, Epsilon: 1e-5,
	Projection: 512, End: 49407,
}

// The types of models with CLIP's encoder of texts: by itself, and beside the one of pictures.
const (
	clipTextType = "clip_text_model"
	clipType     = "clip"
)

// projectionName is the layer that CLIP has behind its encoder of texts.
const projectionName = "text_projection"

// highestEnd as the id of a text's end stands for the highest id in a text, as it does in transformers: configurations say 2 that are
// older than its being looked at (modeling_clip.py, CLIPTextModel.forward).
const highestEnd = 2

// parseCLIP reads config.json of a model of that type: the encoder of texts, and whether it must have a projection.
func parseCLIP(kind string, text []byte) (c clipConfig, t backbone.CLIPText, projects bool, err error) {
	c = clipDefaults
	if kind == clipType {
		// Where text_config_dict is, it counts more than text_config (configuration_clip.py).
		parts := struct {
			Text       json.RawMessage `json:"text_config"`
			Older      json.RawMessage `json:"text_config_dict"`
			Projection int             `json:"projection_dim"`
		}{Projection: clipDefaults.Projection}
		if err := json.Unmarshal(text, &parts); err != nil {
			return c, t, false, err
		}
		if err := readParts(&c, parts.Text, parts.Older); err != nil {
			return c, t, false, fmt.Errorf("text_config: %w", err)
		}
		c.Projection = parts.Projection
	} else if err := json.Unmarshal(text, &c); err != nil {
		return c, t, false, err
	}
	t = backbone.CLIPText{
		Layers: c.Layers, Width: c.Width, Heads: c.Heads, Positions: c.Positions, Vocabulary: c.Vocabulary,
		Epsilon: c.Epsilon,
	}
	if t.QuickGELU, err = isQuickGELU(c.Activation); err != nil {
		return c, t, false, err
	}
	switch {
	case c.Feedforward != t.Feedforward():
		return c, t, false, fmt.Errorf("intermediate_size is %d: only MLPs four times as wide as hidden_size, %d, can be read", c.Feedforward, c.Width)
	case c.End < 1:
		return c, t, false, fmt.Errorf("eos_token_id is %d: it must be above 0", c.End)
	}
	return c, t, kind == clipType || slices.Contains(c.Architectures, "CLIPTextModelWithProjection"), t.Validate()
}

// readParts puts settings over value, part after part.
func readParts(value any, parts ...json.RawMessage) error {
	for _, part := range parts {
		if len(part) == 0 {
			continue
		}
		if err := json.Unmarshal(part, value); err != nil {
			return err
		}
	}
	return nil
}

// isQuickGELU says which of the two activations that CLIP's encoders have is named.
func isQuickGELU(activation string) (bool, error) {
	if activation != "quick_gelu" && activation != "gelu" {
		return false, fmt.Errorf("its activation is %q: only quick_gelu and gelu can be read", activation)
	}
	return activation == "quick_gelu", nil
}

// openCLIP reads a folder of transformers with CLIP's encoder of texts, and its projection if there is one. The vector of a text is that of
// its last token; transformers takes the first that means the end, which is another where a text has that token's name written in it.
func (f *Folder) openCLIP(dir, kind string, text []byte) error {
	path := filepath.Join(dir, configFile)
	c, t, projects, err := parseCLIP(kind, text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	f.Encoder, f.Pooling, f.MaxLength, f.end = backbone.TextConfig{CLIP: &t}, backbone.PoolLast, t.Positions, c.End
	file := weightsFile{filepath.Join(dir, tensorsFile), clipNames.prefixes, clipNames.clipSources(t), clipNames.others}
	f.files = append(f.files, file)
	f.projection = loneFile(file.path, dense("", t.Width, c.Projection, projectionName)[0])
	err = f.projection.open(func(tensors *safetensors.File, _ string) error {
		s := f.projection.sources[0]
		projects = projects || s.find(tensors, "", s.tensors[0]) != nil
		return nil
	})
	if err != nil || !projects {
		return err
	}
	if f.Projection = c.Projection; f.Projection < 1 {
		return fmt.Errorf("%s: projection_dim is %d: it must be above 0", path, f.Projection)
	}
	return nil
}

// suitsEnd returns the error of a text's tokens that do not end with the token at which the encoder's vector is.
func (f *Folder) suitsEnd(ids []int32) error {
	want := int32(f.end)
	if f.end == highestEnd && len(ids) > 0 {
		want = slices.Max(ids)
	}
	if len(ids) == 0 || ids[len(ids)-1] != want {
		return fmt.Errorf("%s: the vector of a text is at its end, token %d, and its tokenizer ends texts otherwise: %v", f.TokenizerDir, want, ids)
	}
	return nil
}
