package pretrained

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/alike-ml/alike/backbone"
)

// The settings of sentence-transformers' modules, in its names (sentence_transformers/base and /sentence_transformer, modules).
type (
	// module is an entry of modules.json. Type is a class of Python's, Path its folder.
	module struct {
		Index int    `json:"idx"`
		Name  string `json:"name"`
		Path  string `json:"path"`
		Type  string `json:"type"`
	}
	// transformerConfig is sentence_bert_config.json.
	transformerConfig struct {
		MaxLength *int `json:"max_seq_length"`
		LowerCase bool `json:"do_lower_case"`
	}
	// tokenizerConfig is what tokenizer_config.json says of the length, as a number that may be out of all measure.
	tokenizerConfig struct {
		MaxLength *float64 `json:"model_max_length"`
	}
	// denseConfig is config.json of a dense layer.
	denseConfig struct {
		In         int    `json:"in_features"`
		Out        int    `json:"out_features"`
		Bias       bool   `json:"bias"`
		Activation string `json:"activation_function"`
		Residual   bool   `json:"use_residual,omitempty"`
	}
	// promptConfig is what config_sentence_transformers.json says of words to put in front of every text.
	promptConfig struct {
		Prompts map[string]string `json:"prompts"`
		Default *string           `json:"default_prompt_name"`
	}
)

// Files of sentence-transformers.
const (
	lengthFile    = "sentence_bert_config.json"
	tokenizerFile = "tokenizer_config.json"
	promptsFile   = "config_sentence_transformers.json"

	tanhClass = "torch.nn.modules.activation.Tanh"
)

// openModules reads a folder of sentence-transformers: an encoder, pooling, and perhaps a dense layer and a norm.
func (f *Folder) openModules(dir string) error {
	path := filepath.Join(dir, modulesFile)
	var modules []module
	if err := readJSON(path, &modules); err != nil {
		return err
	}
	if err := checkPrompts(dir); err != nil {
		return err
	}
	for i, m := range modules {
		if m.Path != "" && !filepath.IsLocal(m.Path) {
			return fmt.Errorf("%s: module %d lies in %q, outside the folder", path, i, m.Path)
		}
		kind := m.Type[strings.LastIndex(m.Type, ".")+1:]
		if !f.mayFollow(kind, i) {
			return fmt.Errorf("%s: module %d is %s, which cannot be read there: Transformer and Pooling, or StaticEmbedding, may be followed by one Dense and one Normalize", path, i, m.Type)
		}
		if err := f.openModule(kind, filepath.Join(dir, m.Path)); err != nil {
			return err
		}
	}
	if f.Encoder == (backbone.TextConfig{}) || f.Pooling == "" {
		return fmt.Errorf("%s: there is no encoder with its pooling", path)
	}
	return nil
}

// mayFollow reports whether a module of that kind may be module i, behind those that were read.
func (f *Folder) mayFollow(kind string, i int) bool {
	switch kind {
	case "Transformer", "StaticEmbedding":
		return i == 0
	case "Pooling":
		return i == 1 && f.Pooling == ""
	case "Dense":
		return f.Pooling != "" && !f.Dense && !f.Normalize
	case "Normalize":
		return f.Pooling != "" && !f.Normalize
	}
	return false
}

func (f *Folder) openModule(kind, dir string) error {
	switch kind {
	case "Transformer":
		f.TokenizerDir = dir
		if err := f.openTransformer(dir); err != nil {
			return err
		}
		if f.Encoder.CLIP != nil {
			return fmt.Errorf("%s: CLIP's encoder cannot be read as a module: name the folder of transformers itself", dir)
		}
		return f.openLength(dir)
	case "StaticEmbedding":
		f.TokenizerDir = dir
		return f.openStatic(dir)
	case "Pooling":
		return f.openPooling(filepath.Join(dir, configFile))
	case "Dense":
		return f.openDense(dir)
	}
	f.Normalize = true
	return nil
}

// checkPrompts refuses folders whose texts have words put in front of them.
func checkPrompts(dir string) error {
	path := filepath.Join(dir, promptsFile)
	var c promptConfig
	if err := readIfThere(path, &c); err != nil {
		return err
	}
	if c.Default != nil && c.Prompts[*c.Default] != "" {
		return fmt.Errorf("%s: every text is to begin with the prompt %q, which cannot be done", path, c.Prompts[*c.Default])
	}
	return nil
}

// openLength reads how many tokens of a text are used, and whether they are of its lower case.
func (f *Folder) openLength(dir string) error {
	var own transformerConfig
	if err := readIfThere(filepath.Join(dir, lengthFile), &own); err != nil {
		return err
	}
	var tokenizer tokenizerConfig
	if err := readIfThere(filepath.Join(dir, tokenizerFile), &tokenizer); err != nil {
		return err
	}
	f.Lowercase = own.LowerCase
	length := float64(f.MaxLength)
	switch {
	case own.MaxLength != nil:
		length = min(length, float64(*own.MaxLength))
	case tokenizer.MaxLength != nil:
		length = min(length, *tokenizer.MaxLength)
	}
	if !(length >= 1) {
		return fmt.Errorf("%s: texts are cut to %g tokens", dir, length)
	}
	f.MaxLength = int(length)
	return nil
}

// readIfThere is readJSON, nothing being read where there is no file.
func readIfThere(path string, value any) error {
	if err := readJSON(path, value); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// openPooling reads the way of pooling: by name, or, as before version 5.4, by a switch for each way.
func (f *Folder) openPooling(path string) error {
	settings := map[string]any{}
	if err := readJSON(path, &settings); err != nil {
		return err
	}
	modes := []string{}
	switch mode := settings["pooling_mode"].(type) {
	case string:
		modes = append(modes, mode)
	case []any:
		for _, m := range mode {
			modes = append(modes, fmt.Sprint(m))
		}
	default:
		for _, m := range []struct{ key, mode string }{
			{"cls_token", "cls"}, {"mean_tokens", "mean"}, {"max_tokens", "max"}, {"mean_sqrt_len_tokens", "mean_sqrt_len_tokens"},
			{"weightedmean_tokens", "weightedmean"}, {"lasttoken", "lasttoken"},
		} {
			if settings["pooling_mode_"+m.key] == true {
				modes = append(modes, m.mode)
			}
		}
	}
	if len(modes) == 0 {
		modes = append(modes, string(backbone.PoolMean)) // as sentence-transformers has it
	}
	f.Pooling = backbone.Pooling(strings.Join(modes, "+"))
	if err := f.Pooling.Validate(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// openDense reads a layer with tanh that keeps the width.
func (f *Folder) openDense(dir string) error {
	path := filepath.Join(dir, configFile)
	c := denseConfig{Bias: true, Activation: tanhClass}
	if err := readJSON(path, &c); err != nil {
		return err
	}
	encoder, err := f.Encoder.Encoder()
	if err != nil {
		return err
	}
	if width := encoder.Dim(); c.In != width || c.Out != width || !c.Bias || c.Activation != tanhClass || c.Residual {
		return fmt.Errorf("%s: only a layer with bias and tanh that keeps the width of %d can be read", path, width)
	}
	f.Dense = true
	f.files = append(f.files, weightsFile{path: filepath.Join(dir, tensorsFile), prefixes: []string{""}, sources: denseSources(c.In)})
	return nil
}

// denseSources are those of the layer after pooling.
func denseSources(width int) []source { return dense("dense", width, width, "linear") }
