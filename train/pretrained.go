package train

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/internal/fields"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/optim"
	"github.com/alike-ml/alike/pretrained"
	"github.com/alike-ml/alike/token"
)

// SimCSEFrom is a SimCSE run on text of these columns that starts from the encoder in a folder of transformers or sentence-transformers, or
// that Hugging Face's tools have fetched by that name: with its settings, its way of pooling where the folder says one, and the length of
// its texts up to the default. The rest is that of [DefaultSimCSE].
//
// A transformer has the paper's settings for one that was trained before (princeton-nlp/SimCSE, run_unsup_example.sh and
// run_sup_example.sh, over the defaults of transformers' Trainer): for single sentences a rate of 3e-5 and an epoch of batches of 64; for
// pairs and triplets 5e-5 and 3 epochs, of batches of 128, as the published 512 are for several GPUs. The rate falls to 0 in a line, and
// nothing decays.
func SimCSEFrom(name string, columns data.TextOptions) (Config, error) {
	folder, err := openPretrained(name)
	if err != nil {
		return Config{}, err
	}
	kind, network := continued(folder.Encoder)
	c := simCSEOf(kind, columns)
	c.Text.Pretrained, c.Text.TextConfig = name, network
	if folder.MaxLength > 0 {
		c.Text.MaxLength = min(c.Text.MaxLength, folder.MaxLength)
	}
	single := c.Text.texts() == 1
	if folder.Pooling != "" {
		c.SimCSE.Pooling = folder.Pooling
	}
	switch {
	case folder.Dense:
		c.SimCSE.MLP = method.MLPAlways
	case folder.Pooling != "" && !single: // the folder says how vectors are made: without a layer
		c.SimCSE.MLP = method.MLPNone
	}
	if kind == "static" {
		c.Optimizer.LearningRate = staticRate
		return c, nil
	}
	c.Epochs, c.Batch = 1, 64
	c.Optimizer.LearningRate = 3e-5
	if !single {
		c.Epochs, c.Batch = 3, 128
		c.Optimizer.LearningRate = 5e-5
	}
	c.Optimizer.WeightDecay, c.Optimizer.Epsilon = 0, 1e-8
	c.Schedule = optim.Schedule{Name: optim.Linear}
	return c, nil
}

// SimCSEFromVectors is a SimCSE run of the static encoder on text of these columns that starts from the word vectors in a file.
func SimCSEFromVectors(path string, columns data.TextOptions) (Config, error) {
	width, err := pretrained.VectorsWidth(path)
	if err != nil {
		return Config{}, fmt.Errorf("cannot start from word vectors: %w", err)
	}
	c := simCSEOf("static", columns)
	c.Text.Vectors, c.Text.Static.Width = path, width
	c.Optimizer.LearningRate = staticRate
	return c, nil
}

// simCSEOf is the default run of an encoder on text of these columns.
func simCSEOf(encoder string, columns data.TextOptions) Config {
	c := DefaultSimCSE(encoder, TextConfig{TextOptions: columns}.texts(), columns.Class != "")
	c.Text.TextOptions = columns
	return c
}

// continued are the name of the encoder in a folder and its settings for a run that starts from it: a static one learns a weight of each
// token too, which begins as 1.
func continued(network backbone.TextConfig) (name string, _ backbone.TextConfig) {
	switch {
	case network.CLIP != nil:
		return "clip", network
	case network.Static == nil:
		return "transformer", network
	}
	s := *network.Static
	s.Weights = true
	network.Static = &s
	return "static", network
}

// openPretrained opens the folder of an encoder.
func openPretrained(name string) (*pretrained.Folder, error) {
	dir, err := pretrained.Find(name)
	if err != nil {
		return nil, fmt.Errorf("cannot start from a pretrained encoder: %w", err)
	}
	if run, found := runOf(dir); found {
		return nil, fmt.Errorf("cannot start from the run in %s: write its encoder as a folder with alike export %[1]s --out DIR, and start from that", run)
	}
	folder, err := pretrained.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot start from the encoder in %s: %w", dir, err)
	}
	return folder, nil
}

// runOf is the run whose directory, or whose model's folder, a folder is.
func runOf(dir string) (run string, found bool) {
	dir = filepath.Clean(dir)
	for _, run := range []string{dir, filepath.Dir(dir)} {
		if _, err := ReadConfig(run); err == nil && (run == dir || ModelDir(run) == dir) {
			return run, true
		}
	}
	return "", false
}

// origin is what the weights of a run's encoder are before its first step, where they are not drawn.
type origin interface {
	// assign gives the encoder's variables in scope their values.
	assign(scope *model.Scope) error
	// String says in words what it is.
	String() string
}

// openOrigin opens what the run starts from, checked against the run's own settings; nil for nothing.
func (c Config) openOrigin(network backbone.TextConfig, tokenizer *token.Tokenizer) (origin, error) {
	switch {
	case c.Text.Pretrained != "":
		return c.openFolder(tokenizer)
	case c.Text.Vectors != "":
		return c.openVectors(*network.Static, tokenizer)
	}
	return nil, nil
}

// folderOrigin is an encoder in a folder.
type folderOrigin struct {
	*pretrained.Folder
	name string
}

func (f folderOrigin) String() string { return "the encoder in " + f.name }

func (f folderOrigin) assign(scope *model.Scope) error { return f.Assign(scope) }

// openFolder opens the folder of an encoder with these settings, those of a section of the configuration, that reads through the
// tokenizer.
func openFolder(name, section string, settings backbone.TextConfig, tokenizer *token.Tokenizer) (folderOrigin, error) {
	folder, err := openPretrained(name)
	if err != nil {
		return folderOrigin{}, err
	}
	if differences := fields.Different(givenSettings(folder.Encoder), givenSettings(settings)); len(differences) > 0 {
		return folderOrigin{}, fmt.Errorf("the encoder in %s is another than the settings in %s say (%s)", name, section, strings.Join(differences, "; "))
	}
	if err := folder.SuitsSize(tokenizer.Size()); err != nil {
		return folderOrigin{}, fmt.Errorf("cannot start from the encoder in %s: %w", name, err)
	}
	return folderOrigin{folder, name}, nil
}

func (c Config) openFolder(tokenizer *token.Tokenizer) (origin, error) {
	name := c.Text.Pretrained
	folder, err := openFolder(name, "text", c.Text.TextConfig, tokenizer)
	if err != nil {
		return nil, err
	}
	if folder.Dense && c.SimCSE == nil {
		return nil, fmt.Errorf("the encoder in %s has a layer after pooling, which supcon_text has not", name)
	}
	if folder.Dense && c.SimCSE.MLP != method.MLPAlways {
		return nil, fmt.Errorf("the encoder in %s has a layer after pooling: set simcse.mlp=%s", name, method.MLPAlways)
	}
	return folder, nil
}

// givenSettings are those of an encoder's settings that its weights decide on.
func givenSettings(c backbone.TextConfig) backbone.TextConfig {
	if c.Transformer != nil {
		t := *c.Transformer
		t.Dropout, t.AttentionDropout = 0, 0
		c.Transformer = &t
	}
	if c.Static != nil {
		s := *c.Static
		s.Dropout, s.Weights, s.Rarity = 0, false, backbone.RarityNone
		c.Static = &s
	}
	return c
}

// vectorsOrigin are the vectors of words.
type vectorsOrigin struct {
	*pretrained.Vectors
	encoder backbone.Static
	path    string
}

func (v vectorsOrigin) String() string {
	return fmt.Sprintf("the word vectors in %s, which %d of the %d tokens have", v.path, v.Found, v.encoder.Vocabulary)
}

func (v vectorsOrigin) assign(scope *model.Scope) error { return v.Assign(scope, v.encoder) }

// openVectors reads the vectors of those of the tokenizer's tokens that are words. The tokens inside words have none.
func (c Config) openVectors(encoder backbone.Static, tokenizer *token.Tokenizer) (origin, error) {
	path := c.Text.Vectors
	vectors, err := pretrained.ReadVectors(path, tokenizer.Word)
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot start from word vectors: %w", err)
	case vectors.Width != encoder.Width:
		return nil, fmt.Errorf("the word vectors in %s have %d numbers, and text.static.width is %d", path, vectors.Width, encoder.Width)
	case vectors.Found == 0:
		return nil, fmt.Errorf("none of the %d words in %s is a token of the vocabulary: they are of another language, or written in another way", vectors.Words, path)
	}
	return vectorsOrigin{vectors, encoder, path}, nil
}

// begun says whether the run in a directory has a checkpoint to go on from, and needs what it started from no more.
func begun(dir string) bool {
	paths, err := checkpointPaths((&runDir{path: dir}).checkpoints())
	return err == nil && len(paths) > 0
}
