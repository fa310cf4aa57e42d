package pretrained

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"

	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/internal/safetensors"
)

// Pictures is CLIP's encoder of pictures in a folder of transformers or open_clip; [Open] has its encoder of texts.
type Pictures struct {
	// Encoder has the encoder's settings.
	Encoder backbone.CLIPImage
	// Preparation says how a picture is made ready for it.
	Preparation Preparation
	// Projection is the width of the space that vectors are projected to, without bias: that of texts too.
	Projection int
	// Scale is what cosines in that space are multiplied with to be logits, exp(logit_scale): above 0.
	Scale float64

	file, projection weightsFile
}

// visionConfig is what config.json says of CLIP's encoder of pictures, in the names of transformers (configuration_clip.py).
type visionConfig struct {
	Layers      int     `json:"num_hidden_layers"`
	Width       int     `json:"hidden_size"`
	Heads       int     `json:"num_attention_heads"`
	Feedforward int     `json:"intermediate_size"`
	Activation  string  `json:"hidden_act"`
	ImageSize   int     `json:"image_size"`
	Patch       int     `json:"patch_size"`
	Channels    int     `json:"num_channels"`
	Epsilon     float64 `json:"layer_norm_eps"`
}

// visionDefaults are those of transformers, for what a file leaves out.
var visionDefaults = visionConfig{
	Layers: 12, Width: 768, Heads: 12, Feedforward: 3072, Activation: "quick_gelu", ImageSize: 224, Patch: 32, Channels: 3, Epsilon: 1e-5,
}

// parseVision reads what config.json of a whole CLIP says of its encoder of pictures, and of the width of its projection.
func parseVision(text []byte) (c visionConfig, v backbone.CLIPImage, projection int, err error) {
	c = visionDefaults
	parts := struct {
		Vision     json.RawMessage `json:"vision_config"`
		Older      json.RawMessage `json:"vision_config_dict"`
		Projection int             `json:"projection_dim"`
	}{Projection: clipDefaults.Projection}
	if err := json.Unmarshal(text, &parts); err != nil {
		return c, v, 0, err
	}
	if err := readParts(&c, parts.Vision, parts.Older); err != nil {
		return c, v, 0, fmt.Errorf("vision_config: %w", err)
	}
	v = backbone.CLIPImage{Layers: c.Layers, Width: c.Width, Heads: c.Heads, Feedforward: c.Feedforward, Patch: c.Patch, Epsilon: c.Epsilon}
	if v.QuickGELU, err = isQuickGELU(c.Activation); err != nil {
		return c, v, 0, fmt.Errorf("vision_config: %w", err)
	}
	switch {
	case c.Channels != 3:
		return c, v, 0, fmt.Errorf("vision_config: num_channels is %d: only pictures of three colours can be read", c.Channels)
	case c.Patch < 1 || c.ImageSize < c.Patch:
		return c, v, 0, fmt.Errorf("vision_config: image_size is %d and patch_size %d: there must be a patch in a picture", c.ImageSize, c.Patch)
	case parts.Projection < 1:
		return c, v, 0, fmt.Errorf("projection_dim is %d: it must be above 0", parts.Projection)
	}
	v.Grid = c.ImageSize / c.Patch
	if err := v.Validate(); err != nil {
		return c, v, 0, fmt.Errorf("vision_config: %w", err)
	}
	return c, v, parts.Projection, nil
}

// OpenPictures reads what a folder with a whole CLIP says of its encoder of pictures, and checks that the weights in it fit;
// [Pictures.Assign] reads them. The error names what cannot be read, and every tensor that is missing or has another shape.
func OpenPictures(dir string) (*Pictures, error) {
	if isOpenCLIP(dir) {
		return openOpenCLIPPictures(dir)
	}
	path := filepath.Join(dir, configFile)
	var text json.RawMessage
	if err := readJSON(path, &text); err != nil {
		return nil, err
	}
	if kind, err := modelType(text); err != nil || kind != clipType {
		return nil, fmt.Errorf("%s: there is no encoder of pictures that can be read: those of models of type %s are", path, clipType)
	}
	c, v, projection, err := parseVision(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	tensors := filepath.Join(dir, tensorsFile)
	p := &Pictures{
		Encoder: v, Projection: projection,
		file:       weightsFile{tensors, visionNames.prefixes, visionNames.visionSources(v), visionNames.others},
		projection: loneFile(tensors, dense("", v.Width, projection, "visual_projection")[0]),
	}
	if err := p.check(tensors); err != nil {
		return nil, err
	}
	p.Preparation, err = openPreparation(dir, c.ImageSize)
	return p, err
}

// check compares the file of tensors with what the encoder needs, and reads the scale.
func (p *Pictures) check(tensors string) (err error) {
	scale := loneFile(tensors, bare("logit_scale", "logit_scale"))
	for _, file := range []weightsFile{p.file, p.projection, scale} {
		if err := file.check(); err != nil {
			return err
		}
	}
	p.Scale, err = scale.exponential()
	return err
}

// exponential is e to the file's only number.
func (w weightsFile) exponential() (value float64, err error) {
	err = w.open(func(file *safetensors.File, prefix string) error {
		values, err := w.sources[0].read(file, prefix)
		if err != nil {
			return err
		}
		if value = math.Exp(float64(values[0])); value == 0 || math.IsInf(value, 1) {
			return fmt.Errorf("tensor %q is %g: no logits have such a scale", w.sources[0].tensors[0], values[0])
		}
		return nil
	})
	return value, err
}

// Assign gives the encoder's variables in scope the folder's values, as [Folder.Assign] does.
func (p *Pictures) Assign(scope *model.Scope) error { return p.file.assign(scope) }

// AssignProjection does the same for the weights of the projection, in a scope of its own.
func (p *Pictures) AssignProjection(scope *model.Scope) error { return p.projection.assign(scope) }
