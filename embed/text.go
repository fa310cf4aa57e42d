package embed

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/internal/guard"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/metric"
	"github.com/alike-ml/alike/nn"
	"github.com/alike-ml/alike/pretrained"
	"github.com/alike-ml/alike/token"
)

// TextConfig says how an encoder of text is built and what it is given.
type TextConfig struct {
	// The network.
	backbone.TextConfig
	// Pooling and Dense are those of [method.Sentence].
	Pooling backbone.Pooling `json:"pooling"`
	Dense   bool             `json:"dense"`
	// Projection is the width that vectors are projected to, without bias, by an encoder that was made to stand beside one of pictures and
	// does not; 0 for none.
	Projection int `json:"projection,omitempty"`
	// Normalize divides vectors by their length.
	Normalize bool `json:"normalize,omitempty"`
	// MaxLength is the most tokens of a text, special ones included, that the encoder sees.
	MaxLength int `json:"max_length"`
}

// network returns the network, or an error that says what is wrong with it.
func (c TextConfig) network() (backbone.Text, error) {
	n, err := c.Encoder()
	if err != nil {
		return nil, err
	}
	if most := n.MaxLength(); c.MaxLength < 1 || most > 0 && c.MaxLength > most {
		return nil, fmt.Errorf("max_length is %d: the encoder has %d positions", c.MaxLength, most)
	}
	if c.Projection < 0 {
		return nil, fmt.Errorf("projection is %d: it must be 0 or more", c.Projection)
	}
	return n, c.Pooling.Validate()
}

func (c TextConfig) sentence() method.Sentence {
	return method.Sentence{Pooling: c.Pooling, Dense: c.Dense}
}

// Reader returns the tokenizer as an encoder reads through it. A static encoder, which would add what special tokens have to every
// text, reads without them, as StaticEmbedding of sentence-transformers does.
func Reader(network backbone.TextConfig, tokenizer *token.Tokenizer) *token.Tokenizer {
	if network.Static != nil {
		return tokenizer.Bare()
	}
	return tokenizer
}

// tokenizerDir is where in a model's folder the tokenizer lies.
const tokenizerDir = "tokenizer"

// TextModel is a text encoder with weights and its tokenizer, ready to embed.
type TextModel struct {
	network
	represent func(scope *model.Scope, tokens backbone.Tokens) *graph.Node
	tokenizer *token.Tokenizer
	batching  batching
	computer  compute.Backend
	noisy     *model.Exec // with the dropout of training
}

// NewText returns a text model that computes on backend with the encoder weights that store holds, or will have drawn by the time of
// the first embedding.
func NewText(backend compute.Backend, store *model.Store, config Config, tokenizer *token.Tokenizer) (*TextModel, error) {
	encoder, err := config.Text.network()
	if err != nil {
		return nil, err
	}
	space := method.Space{Sentence: config.Text.sentence(), Out: config.Text.Projection}
	if space.Out == 0 {
		config.Dim = encoder.Dim()
		return newText(backend, store, config, encoder, tokenizer, func(scope *model.Scope, tokens backbone.Tokens) *graph.Node {
			return space.Represent(scope, encoder.Hidden, tokens)
		})
	}
	config.Dim = space.Out
	m, err := newText(backend, store, config, encoder, tokenizer, func(scope *model.Scope, tokens backbone.Tokens) *graph.Node {
		return space.ProjectText(scope, space.Represent(scope, encoder.Hidden, tokens))
	})
	if err == nil {
		m.scopes = []string{method.EncoderScope, method.TextProjectionScope}
	}
	return m, err
}

// newText returns a text model of an encoder, that of config.Text, with a graph from tokens [batch, length] to vectors [batch, config.Dim].
func newText(backend compute.Backend, store *model.Store, config Config, encoder backbone.Text, tokenizer *token.Tokenizer,
	represent func(*model.Scope, backbone.Tokens) *graph.Node) (*TextModel, error) {
	if err := pretrained.SameTokens(encoder.Tokens(), tokenizer.Size()); err != nil {
		return nil, err
	}
	config.Format = format
	m := &TextModel{
		network: network{Config: config, store: store}, represent: represent, computer: backend,
		tokenizer: Reader(config.Text.TextConfig, tokenizer), batching: batchingOf(*config.Text),
	}
	if err := m.computeIn(dtypes.Float32); err != nil {
		return nil, err
	}
	return m, nil
}

// computeIn makes the graphs anew, for an encoder that computes in a type.
func (m *TextModel) computeIn(dtype dtypes.DType) (err error) {
	if m.exec, err = m.graph(dtype, false); err == nil {
		m.noisy, err = m.graph(dtype, true)
	}
	return err
}

// SetPrecision has the encoder compute in float32, "f32", which it does otherwise, or in bfloat16, "bf16", with its weights in float32
// as they are. It must not be called while the model embeds.
func (m *TextModel) SetPrecision(name string) error {
	dtype, err := Precision(name)
	if err != nil {
		return err
	}
	m.exec.Finalize()
	m.noisy.Finalize()
	return m.computeIn(dtype)
}

// graph makes representations of tokens, with dropout if it is as in training.
func (m *TextModel) graph(dtype dtypes.DType, training bool) (*model.Exec, error) {
	exec, err := model.NewExec(m.computer, m.store, func(scope *model.Scope, ids, mask *graph.Node) *graph.Node {
		scope.Store().SetTraining(ids.Graph(), training)
		h := graph.ConvertDType(m.represent(scope, backbone.Tokens{IDs: ids, Mask: mask, DType: dtype}), dtypes.Float32)
		if m.Config.Text.Normalize {
			h = graph.L2Normalize(h, -1)
		}
		return h
	})
	if err == nil {
		exec.SetMaxCache(-1) // a graph for each of the lengths and numbers of rows
	}
	return exec, err
}

// Close frees what the model computes with, and the device if it was opened with the model. The model cannot embed any more.
func (m *TextModel) Close() {
	m.noisy.Finalize()
	m.network.Close()
}

// Embed returns the representations of texts, one row [Dim] each, in their order.
func (m *TextModel) Embed(texts []string) (vectors metric.Matrix, err error) {
	defer guard.Recover(&err)
	vectors = metric.Matrix{Rows: len(texts), Cols: m.Config.Dim, Data: make([]float32, len(texts)*m.Config.Dim)}
	rows := make([]int, len(texts))
	for i := range rows {
		rows[i] = i
	}
	if err := m.embed(m.exec, m.tokenizer.EncodeAll(texts, m.Config.Text.MaxLength), rows, vectors, nil); err != nil {
		return metric.Matrix{}, err
	}
	return vectors, nil
}

// EmbedText is [TextModel.Embed] for the texts of a file in one of its columns, which are counted from 0. Progress may be nil.
func (m *TextModel) EmbedText(ctx context.Context, text *data.Text, column int, progress Progress) (metric.Matrix, error) {
	return m.embedText(ctx, m.exec, text, column, progress)
}

// EmbedNoisy is [TextModel.EmbedText] with the dropout of training: what alignment is measured on where a text is its own positive.
// It returns two draws, and leaves the random state as it was, so that looking at an encoder does not change its training.
func (m *TextModel) EmbedNoisy(ctx context.Context, text *data.Text, column int) (first, second metric.Matrix, err error) {
	state := m.store.GetVariable(model.JoinPath(model.ScopeSeparator, model.RNGStateVariableName))
	if state != nil && state.HasValue() {
		was := tensors.MustCopyFlatData[uint64](state.MustValue())
		defer func() {
			err = errors.Join(err, state.SetValue(tensors.FromFlatDataAndDimensions(was, state.Shape().Dimensions...)))
		}()
	}
	if first, err = m.embedText(ctx, m.noisy, text, column, nil); err != nil {
		return first, second, err
	}
	second, err = m.embedText(ctx, m.noisy, text, column, nil)
	return first, second, err
}

func (m *TextModel) embedText(ctx context.Context, exec *model.Exec, text *data.Text, column int, progress Progress) (vectors metric.Matrix, err error) {
	defer guard.Recover(&err)
	vectors = metric.Matrix{Rows: text.Len(), Cols: m.Config.Dim, Data: make([]float32, text.Len()*m.Config.Dim)}
	options := data.TextBatchOptions{Size: textsAtOnce, Views: 1, NewFill: func() data.TextFill {
		return func(views [][]int32, row data.TextRow, _, _ int) {
			views[0] = m.tokenizer.Encode(row.Texts[column], m.Config.Text.MaxLength)
		}
	}}
	done := 0
	count := func(texts int) {
		if done += texts; progress != nil {
			progress(done, text.Len())
		}
	}
	for batch, err := range data.EvalTextBatches(ctx, text, options) {
		if err != nil {
			return metric.Matrix{}, err
		}
		if err := m.embed(exec, batch.Views[0], batch.Items, vectors, count); err != nil {
			return metric.Matrix{}, err
		}
	}
	return vectors, nil
}

// Save writes the model's folder: the tokenizer, the weights, and the configuration that makes the folder a model last.
func (m *TextModel) Save(dir string) error {
	return m.network.saveReading(dir, m.tokenizer)
}

// LoadText opens a text model's folder to compute on backend, or one of transformers or sentence-transformers. The error wraps
// fs.ErrNotExist when the folder holds no model.
func LoadText(backend compute.Backend, dir string) (m *TextModel, err error) {
	defer guard.Recover(&err)
	if pretrained.Is(dir) {
		return loadPretrained(backend, dir)
	}
	return loadReading(backend, dir, func(c Config) bool { return c.Text != nil }, "is no model of text alone",
		NewText, (*TextModel).read)
}

// read compiles the graph, which makes its variables, and reads their values from the folder, whose configuration is given. It is an error
// if that has not the encoder's width.
func (m *TextModel) read(dir string, config Config) error {
	if config.Dim != m.Config.Dim {
		return fmt.Errorf("%s: dim is %d: the encoder has %d", filepath.Join(dir, configFile), config.Dim, m.Config.Dim)
	}
	return m.network.read(dir, m.shapes()...)
}

// shapes are those of the identifiers and the mask of one short text.
func (m *TextModel) shapes() []shapes.Shape {
	length := m.batching.lengths[0]
	return []shapes.Shape{shapes.Make(dtypes.Int32, 1, length), shapes.Make(dtypes.Bool, 1, length)}
}

// OpenText opens a text model's folder, as a run leaves it, on the default device. Close it when done.
func OpenText(dir string) (*TextModel, error) {
	m, backend, err := onDefaultDevice(dir, LoadText)
	if err != nil {
		return nil, err
	}
	m.backend = backend
	return m, nil
}

// Untrained returns the encoder as it was before the first step of training, with the same tokenizer, and the same weights of tokens by
// rarity: see [Untrained].
func (m *TextModel) Untrained(backend compute.Backend) (*TextModel, error) {
	store := model.NewStore()
	nn.SetSeed(store, m.Config.Seed)
	encoder := func(s *model.Store) *model.Scope { return s.RootScope().At(method.EncoderScope) }
	if err := copyRarity(m.Config.Text.TextConfig, encoder(store), encoder(m.store)); err != nil {
		return nil, err
	}
	return NewText(backend, store, m.Config, m.tokenizer)
}

// copyRarity gives an encoder of texts in a scope the weights by rarity of the one in another.
func copyRarity(network backbone.TextConfig, scope, from *model.Scope) error {
	if network.Static == nil {
		return nil
	}
	return network.Static.CopyRarity(scope, from)
}
