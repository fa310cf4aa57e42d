package pretrained

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/alike-ml/alike/backbone"
)

// The files of a CLIP as open_clip keeps it (mlfoundations/open_clip, constants.py), with the names that tensors have in OpenAI's code.
const (
	openCLIPFile    = "open_clip_config.json"
	openCLIPTensors = "open_clip_model.safetensors"
)

// openCLIPConfig is what open_clip_config.json says (model.py, CLIPVisionCfg and CLIPTextCfg; transform.py, PreprocessCfg).
type openCLIPConfig struct {
	Out       int
	QuickGELU bool
	Vision    openCLIPVision
	Text      openCLIPText
	Pictures  openCLIPPreparation
}

type openCLIPVision struct {
	ImageSize int     `json:"image_size"`
	Layers    int     `json:"layers"`
	Width     int     `json:"width"`
	HeadWidth int     `json:"head_width"`
	Patch     int     `json:"patch_size"`
	MLPRatio  float64 `json:"mlp_ratio"`
	Pool      string  `json:"pool_type"`
	Positions string  `json:"pos_embed_type"`
}

type openCLIPText struct {
	Positions  int     `json:"context_length"`
	Vocabulary int     `json:"vocab_size"`
	Width      int     `json:"width"`
	Heads      int     `json:"heads"`
	Layers     int     `json:"layers"`
	MLPRatio   float64 `json:"mlp_ratio"`
	Pool       string  `json:"pool_type"`
}

type openCLIPPreparation struct {
	Size   json.RawMessage `json:"size"`
	Mode   string          `json:"mode"`
	Mean   []float32       `json:"mean"`
	Std    []float32       `json:"std"`
	Filter string          `json:"interpolation"`
	Resize string          `json:"resize_mode"`
}

// openCLIPDefaults are open_clip's, for what a file leaves out.
func openCLIPDefaults() openCLIPConfig {
	mean, std := preprocessorDefaults().Mean, preprocessorDefaults().Std
	return openCLIPConfig{
		Vision:   openCLIPVision{ImageSize: 224, Layers: 12, Width: 768, HeadWidth: 64, Patch: 16, MLPRatio: 4, Pool: "tok", Positions: "learnable"},
		Text:     openCLIPText{Positions: 77, Vocabulary: 49408, Width: 512, Heads: 8, Layers: 12, MLPRatio: 4, Pool: "argmax"},
		Pictures: openCLIPPreparation{Mode: "RGB", Mean: mean, Std: std, Filter: "bicubic", Resize: "shortest"},
	}
}

// isOpenCLIP says whether a folder is of open_clip's layout. Many have a configuration of transformers too, and count as transformers' if
// its file of tensors is there.
func isOpenCLIP(dir string) bool {
	return has(dir, openCLIPFile) && !(has(dir, configFile) && has(dir, tensorsFile))
}

// readOpenCLIP reads the configuration of a folder.
func readOpenCLIP(dir string) (openCLIPConfig, error) {
	path := filepath.Join(dir, openCLIPFile)
	c := openCLIPDefaults()
	var parts struct {
		Model    json.RawMessage `json:"model_cfg"`
		Pictures json.RawMessage `json:"preprocess_cfg"`
	}
	if err := readJSON(path, &parts); err != nil {
		return c, err
	}
	model := struct {
		Out       int             `json:"embed_dim"`
		QuickGELU bool            `json:"quick_gelu"`
		Vision    json.RawMessage `json:"vision_cfg"`
		Text      json.RawMessage `json:"text_cfg"`
	}{}
	for _, part := range []struct {
		name   string
		text   *json.RawMessage
		value  any
		passed []string // for training, or of no effect here
	}{
		{"model_cfg", &parts.Model, &model, []string{"init_logit_scale"}},
		{"vision_cfg", &model.Vision, &c.Vision, []string{"patch_dropout", "attn_pooler_queries", "attn_pooler_heads", "timm_pool", "timm_proj"}},
		{"text_cfg", &model.Text, &c.Text, []string{"hf_tokenizer_name", "tokenizer_mode", "tokenizer_kwargs", "pad_id", "eos_id", "hf_model_pretrained", "hf_proj_type", "hf_pooler_type"}},
		{"preprocess_cfg", &parts.Pictures, &c.Pictures, []string{"fill_color"}},
	} {
		if err := readKnown(*part.text, part.value, part.passed); err != nil {
			return c, fmt.Errorf("%s: %s: %w: read are vision transformers and encoders of texts as CLIP's paper has them", path, part.name, err)
		}
	}
	c.Out, c.QuickGELU = model.Out, model.QuickGELU
	return c, nil
}

// readKnown reads an object into value, and returns the error of a key that it does not have, unless it is to be passed over or has a value
// that says no.
func readKnown(text json.RawMessage, value any, passed []string) error {
	if len(text) == 0 {
		return nil
	}
	var given, known map[string]json.RawMessage
	fields, err := json.Marshal(value)
	if err := errors.Join(err, json.Unmarshal(fields, &known)); err != nil {
		return err
	}
	if err := json.Unmarshal(text, &given); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if _, ok := known[key]; !ok && !slices.Contains(passed, key) && !slices.Contains([]string{"null", "false", "0", "0.0"}, string(given[key])) {
			return fmt.Errorf("there is %s", key)
		}
	}
	return json.Unmarshal(text, value)
}

// texts are the settings of the encoder of texts.
func (c openCLIPConfig) texts() (backbone.CLIPText, error) {
	t := backbone.CLIPText{
		Layers: c.Text.Layers, Width: c.Text.Width, Heads: c.Text.Heads, Positions: c.Text.Positions, Vocabulary: c.Text.Vocabulary,
		QuickGELU: c.QuickGELU, Epsilon: clipDefaults.Epsilon,
	}
	switch {
	case c.Text.MLPRatio != 4:
		return t, fmt.Errorf("text_cfg: mlp_ratio is %g: only MLPs four times as wide as hidden states can be read", c.Text.MLPRatio)
	case c.Text.Pool != "argmax":
		return t, fmt.Errorf("text_cfg: pool_type is %q: only argmax can be read", c.Text.Pool)
	case c.Out < 1:
		return t, fmt.Errorf("embed_dim is %d: it must be above 0", c.Out)
	}
	if err := t.Validate(); err != nil {
		return t, fmt.Errorf("text_cfg: %w", err)
	}
	return t, nil
}

// pictures are the settings of the encoder of pictures.
func (c openCLIPConfig) pictures() (v backbone.CLIPImage, err error) {
	switch {
	case c.Vision.Pool != "tok":
		err = fmt.Errorf("pool_type is %q: only tok can be read", c.Vision.Pool)
	case c.Vision.Positions != "learnable":
		err = fmt.Errorf("pos_embed_type is %q: only learnable ones can be read", c.Vision.Positions)
	case c.Vision.HeadWidth < 1 || c.Vision.Width%c.Vision.HeadWidth != 0:
		err = fmt.Errorf("width is %d: it must be a multiple of head_width, %d", c.Vision.Width, c.Vision.HeadWidth)
	case c.Vision.Patch < 1 || c.Vision.ImageSize < c.Vision.Patch:
		err = fmt.Errorf("image_size is %d and patch_size %d: there must be a patch in a picture", c.Vision.ImageSize, c.Vision.Patch)
	case !(c.Vision.MLPRatio > 0 && c.Vision.MLPRatio <= 64):
		err = fmt.Errorf("mlp_ratio is %g: it must be above 0, and at most 64", c.Vision.MLPRatio)
	default:
		v = backbone.CLIPImage{
			Layers: c.Vision.Layers, Width: c.Vision.Width, Heads: c.Vision.Width / c.Vision.HeadWidth,
			Feedforward: int(float64(c.Vision.Width) * c.Vision.MLPRatio), Patch: c.Vision.Patch, Grid: c.Vision.ImageSize / c.Vision.Patch,
			QuickGELU: c.QuickGELU, Epsilon: visionDefaults.Epsilon,
		}
		err = v.Validate()
	}
	if err != nil {
		err = fmt.Errorf("vision_cfg: %w", err)
	}
	return v, err
}

// preparation says how pictures are prepared, by the rules that hold for transformers' settings.
func (c openCLIPConfig) preparation() (Preparation, error) {
	s, given := preprocessorDefaults(), c.Pictures
	side := json.RawMessage(fmt.Sprint(c.Vision.ImageSize))
	s.Shorter, s.Size, s.Mean, s.Std = side, side, given.Mean, given.Std
	switch {
	case given.Filter == "bilinear":
		s.Filter = pilBilinear
	case given.Filter != "bicubic":
		return Preparation{}, fmt.Errorf("preprocess_cfg: interpolation is %q: only bicubic and bilinear can be read", given.Filter)
	}
	if given.Resize != "shortest" || given.Mode != "RGB" {
		return Preparation{}, fmt.Errorf("preprocess_cfg: resize_mode is %q and mode %q: only shortest and RGB can be read", given.Resize, given.Mode)
	}
	p, err := s.preparation()
	if err != nil {
		return p, fmt.Errorf("preprocess_cfg: %w", err)
	}
	return p, nil
}

// openCLIPNames are the names of blocks in OpenAI's code (openai/CLIP, clip/model.py), which open_clip has kept.
var openCLIPNames = family{
	prefixes: []string{""}, block: "transformer.resblocks.%d.",
	packed: "attn.in_proj", out: "attn.out_proj", attentionNorm: "ln_1", up: "mlp.c_fc", down: "mlp.c_proj", outNorm: "ln_2",
}

// openOpenCLIP reads the encoder of texts of a folder of open_clip.
func (f *Folder) openOpenCLIP(dir string) error {
	c, err := readOpenCLIP(dir)
	if err != nil {
		return err
	}
	t, err := c.texts()
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(dir, openCLIPFile), err)
	}
	f.Encoder, f.Pooling, f.MaxLength, f.Projection = backbone.TextConfig{CLIP: &t}, backbone.PoolLast, t.Positions, c.Out
	f.end = highestEnd
	sources := []source{table("words", "token_embedding", t.Vocabulary, t.Width, 0), bare("positions", "positional_embedding", t.Positions, t.Width)}
	sources = append(sources, openCLIPNames.blocks(t.Layers, t.Width, t.Feedforward())...)
	sources = append(sources, norm("norm", "ln_final", t.Width)...)
	path := filepath.Join(dir, openCLIPTensors)
	f.files = append(f.files, weightsFile{path, openCLIPNames.prefixes, sources, []string{"visual.", "text_projection", "logit_scale"}})
	f.projection = loneFile(path, bare("weights", "text_projection", t.Width, c.Out))
	return nil
}

// openOpenCLIPPictures reads the encoder of pictures of a folder of open_clip.
func openOpenCLIPPictures(dir string) (*Pictures, error) {
	c, err := readOpenCLIP(dir)
	if err != nil {
		return nil, err
	}
	v, err := c.pictures()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, openCLIPFile), err)
	}
	p := &Pictures{Encoder: v, Projection: c.Out}
	if p.Preparation, err = c.preparation(); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, openCLIPFile), err)
	}
	names := openCLIPNames
	names.block = "visual." + names.block
	sources := []source{
		patches(v, "visual.conv1.weight"), bare("class", "visual.class_embedding", v.Width),
		bare("positions", "visual.positional_embedding", 1+v.Grid*v.Grid, v.Width),
	}
	sources = append(sources, norm("norm_before", "visual.ln_pre", v.Width)...)
	sources = append(sources, names.blocks(v.Layers, v.Width, v.Feedforward)...)
	sources = append(sources, norm("norm", "visual.ln_post", v.Width)...)
	path := filepath.Join(dir, openCLIPTensors)
	others := []string{"transformer.", "token_embedding.", "positional_embedding", "ln_final.", "text_projection", "logit_scale", "visual.proj"}
	p.file = weightsFile{path, names.prefixes, sources, others}
	p.projection = loneFile(path, bare("weights", "visual.proj", v.Width, c.Out))
	return p, p.check(path)
}
