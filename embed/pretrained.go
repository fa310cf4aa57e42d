package embed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/pretrained"
	"github.com/alike-ml/alike/token"
)

// MaxStaticLength is how many tokens of a text a static encoder reads where nothing says how many: more than most documents have.
const MaxStaticLength = 4096

// loadPretrained opens a folder of transformers or sentence-transformers. Where it does not say how a vector is made of hidden states, it
// is their mean, as sentence-transformers has it.
func loadPretrained(backend compute.Backend, dir string) (*TextModel, error) {
	folder, tokenizer, err := openReading(dir)
	if err != nil {
		return nil, err
	}
	config := Config{Backbone: "transformer", Width: 1, Text: &TextConfig{
		TextConfig: folder.Encoder, Pooling: folder.Pooling, Dense: folder.Dense, Projection: folder.Projection, Normalize: folder.Normalize,
		MaxLength: folder.MaxLength,
	}}
	switch {
	case folder.Encoder.Static != nil:
		config.Backbone = "static"
	case folder.Encoder.CLIP != nil:
		config.Backbone = "clip"
	}
	if config.Text.Pooling == "" {
		config.Text.Pooling = backbone.PoolMean
	}
	if config.Text.MaxLength == 0 {
		config.Text.MaxLength = MaxStaticLength
	}
	store := model.NewStore()
	m, err := NewText(backend, store, config, tokenizer)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	err = folder.Assign(store.RootScope().At(method.EncoderScope))
	if err == nil && folder.Projection > 0 {
		err = folder.AssignProjection(store.RootScope().At(method.TextProjectionScope))
	}
	if err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// openReading opens a folder with an encoder of texts, and its tokenizer.
func openReading(dir string) (*pretrained.Folder, *token.Tokenizer, error) {
	folder, err := pretrained.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	tokenizer, err := token.Load(folder.TokenizerDir)
	if err != nil {
		return nil, nil, err
	}
	if err := folder.SuitsSize(tokenizer.Size()); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", dir, err)
	}
	return folder, tokenizer, folder.Suits(tokenizer.Encode)
}

// Export writes the model as a folder that sentence-transformers loads, and [LoadText]: its vectors are the same. The folder must be empty
// or not there, and is left so on an error. It is an error for an encoder or a tokenizer that sentence-transformers has not.
func (m *TextModel) Export(dir string) error {
	entries, err := os.ReadDir(dir)
	made := errors.Is(err, fs.ErrNotExist)
	if err != nil && !made {
		return fmt.Errorf("cannot write the model: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty: choose another folder", dir)
	}
	c := m.Config.Text
	if !m.tokenizer.Has("tokenizer.json") && (c.Static != nil || !m.tokenizer.Has("vocab.txt")) {
		return errors.New("the tokenizer has no tokenizer.json, without which sentence-transformers cannot read it: load it with transformers and save it with save_pretrained")
	}
	folder := pretrained.Model{Encoder: c.TextConfig, Pooling: c.Pooling, Dense: c.Dense, Normalize: c.Normalize, MaxLength: c.MaxLength}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot make the model's folder: %w", err)
	}
	unfinished, err := os.MkdirTemp(dir, ".unfinished-")
	if err != nil {
		return fmt.Errorf("cannot write the model: %w", err)
	}
	err = folder.Save(unfinished, m.store.RootScope().At(method.EncoderScope), m.tokenizer.Save)
	if err == nil {
		err = moveAll(unfinished, dir)
	}
	if err = errors.Join(err, os.RemoveAll(unfinished)); err != nil && made {
		os.Remove(dir)
	}
	return err
}

// moveAll moves what is in a folder to another on the same disk.
func moveAll(from, to string) error {
	entries, err := os.ReadDir(from)
	for _, e := range entries {
		err = errors.Join(err, os.Rename(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())))
	}
	return err
}
