package embed

import (
	"fmt"
	"path/filepath"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/internal/guard"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/pretrained"
	"github.com/alike-ml/alike/token"
)

// PairConfig says which encoder of texts stands beside one of pictures, and where they meet.
type PairConfig struct {
	// Text is the encoder of texts. It has no layer behind its pooling but the projection.
	Text TextConfig `json:"text"`
	// Out is the width of the space that pictures and texts share.
	Out int `json:"out"`
}

func (c PairConfig) space() method.Space {
	return method.Space{Sentence: c.Text.sentence(), Out: c.Out}
}

// PairModel is an encoder of pictures and one of texts whose vectors are in one space, so that either can be searched with the other.
type PairModel struct {
	network
	// Images and Texts make vectors in the space, [Out] each.
	Images *Model
	Texts  *TextModel

	tokenizer *token.Tokenizer
}

// NewPair returns a model that computes on backend with the weights that store holds, or will have drawn by the time of the first
// embedding.
func NewPair(backend compute.Backend, store *model.Store, config Config, tokenizer *token.Tokenizer) (*PairModel, error) {
	m := &PairModel{tokenizer: tokenizer}
	var encoder backbone.Encoder
	var err error
	if m.Images, encoder, err = newModel(store, config); err != nil {
		return nil, err
	}
	m.network = network{Config: m.Images.Config, store: store, scopes: []string{
		method.EncoderScope, method.TextScope, method.ImageProjectionScope, method.TextProjectionScope,
	}}
	if config.Pair.Out < 2 {
		return nil, fmt.Errorf("pair: out is %d: it must be 2 or more", config.Pair.Out)
	}
	space := config.Pair.space()
	m.Images.columns = space.Out
	m.Images.exec, err = model.NewExec(backend, store, func(scope *model.Scope, images *graph.Node) *graph.Node {
		scope.Store().SetTraining(images.Graph(), false)
		return space.ProjectImage(scope, space.Image(scope, encoder, images))
	})
	if err != nil {
		return nil, err
	}
	m.Images.exec.SetMaxCache(-1)
	words := config
	words.Text, words.Pair, words.Dim = &config.Pair.Text, nil, space.Out
	text, err := words.Text.network()
	if err == nil {
		m.Texts, err = newText(backend, store, words, text, tokenizer, func(scope *model.Scope, tokens backbone.Tokens) *graph.Node {
			return space.ProjectText(scope, space.Text(scope, text.Hidden, tokens))
		})
	}
	if err != nil {
		m.Images.Close()
		return nil, fmt.Errorf("pair: text: %w", err)
	}
	return m, nil
}

// Tower returns the encoder of pictures alone: its vectors are those before the projection, as [Model] has them of methods without
// texts. It shares the weights.
func (m *PairModel) Tower(backend compute.Backend) (*Model, error) {
	return New(backend, m.store, m.Config)
}

// Close frees what the model computes with, and the device if it was opened with the model. The model cannot embed any more.
func (m *PairModel) Close() {
	m.Images.Close()
	m.Texts.Close()
	if m.backend != nil {
		m.backend.Finalize()
	}
}

// Save writes the model's folder: the tokenizer, the weights, and the configuration that makes the folder a model last.
func (m *PairModel) Save(dir string) error {
	return m.network.saveReading(dir, m.tokenizer)
}

// Untrained returns the model as it was before the first step of training, with the same tokenizer: see [Untrained].
func (m *PairModel) Untrained(backend compute.Backend) (*PairModel, error) {
	store := model.NewStore()
	nn.SetSeed(store, m.Config.Seed)
	encoder := func(s *model.Store) *model.Scope { return s.RootScope().At(method.TextScope).At(method.EncoderScope) }
	if err := copyRarity(m.Config.Pair.Text.TextConfig, encoder(store), encoder(m.store)); err != nil {
		return nil, err
	}
	return NewPair(backend, store, m.Config, m.tokenizer)
}

// LoadPair opens the folder of a model of pictures and texts to compute on backend, or that of a whole CLIP as transformers or open_clip keep
// it. The error wraps fs.ErrNotExist when the folder holds no model.
func LoadPair(backend compute.Backend, dir string) (m *PairModel, err error) {
	defer guard.Recover(&err)
	if pretrained.HasPictures(dir) {
		return loadCLIP(backend, dir)
	}
	return loadReading(backend, dir, func(c Config) bool { return c.Pair != nil }, "is no model of pictures and texts together",
		NewPair, (*PairModel).read)
}

// read compiles both graphs, which makes their variables, and reads their values from the folder, whose configuration is given. It is an
// error if that has not the encoder's width.
func (m *PairModel) read(dir string, config Config) error {
	path := filepath.Join(dir, configFile)
	if err := m.Images.checkDim(path, config); err != nil {
		return err
	}
	_, err := m.Images.exec.Compile(m.Images.shape(1))
	if err == nil {
		_, err = m.Texts.exec.Compile(m.Texts.shapes()...)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return m.assign(dir)
}

// PicturesConfig is what the model folder of an encoder of pictures alone says of it.
func PicturesConfig(dir string) (Config, error) {
	if pretrained.HasPictures(dir) {
		return Config{}, fmt.Errorf("%s is a whole CLIP, and no model of pictures alone: name it as pretrained", dir)
	}
	path := filepath.Join(dir, configFile)
	config, err := readConfig(path)
	if err == nil && (config.Text != nil || config.Pair != nil) {
		err = fmt.Errorf("%s is no model of pictures alone", path)
	}
	return config, err
}

// AssignEncoder gives the encoder of pictures in store, which is the one of config, the weights of a model folder of pictures alone. It is
// an error if the folder's is another, or saw pictures of other means and deviations.
func AssignEncoder(dir string, store *model.Store, config Config) error {
	path := filepath.Join(dir, configFile)
	read, err := PicturesConfig(dir)
	if err != nil {
		return err
	}
	switch {
	case !sameSettings(read.CLIPImage, config.CLIPImage):
		return fmt.Errorf("%s is of %s with other settings than the run's", path, read.Backbone)
	case read.Backbone != config.Backbone || read.Width != config.Width:
		return fmt.Errorf("%s is of %s of width %g, and the run has %s of width %g", path, read.Backbone, read.Width, config.Backbone, config.Width)
	case read.Views.Mean != config.Views.Mean || read.Views.Std != config.Views.Std:
		return fmt.Errorf("%s saw pictures less a mean of %v by a deviation of %v, and the run has %v and %v: set augment.mean and augment.std to the former",
			path, read.Views.Mean, read.Views.Std, config.Views.Mean, config.Views.Std)
	}
	return (&network{store: store}).assign(dir)
}

// sameSettings says whether an encoder's own settings are the same, if it has any.
func sameSettings(a, b *backbone.CLIPImage) bool { return a == b || a != nil && b != nil && *a == *b }

// loadTower opens the encoder of pictures of a model of pictures and texts.
func loadTower(backend compute.Backend, dir string) (*Model, error) {
	m, err := LoadPair(backend, dir)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	return m.Tower(backend)
}

// OpenPair opens a model's folder, as a run leaves it, on the default device. Close it when done.
func OpenPair(dir string) (*PairModel, error) {
	m, backend, err := onDefaultDevice(dir, LoadPair)
	if err != nil {
		return nil, err
	}
	m.backend = backend
	return m, nil
}
