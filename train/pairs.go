package train

import (
	"context"
	"fmt"
	"image"
	"iter"
	"os"
	"slices"
	"sync/atomic"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/internal/rng"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/positive"
	"github.com/alike-ml/alike/pretrained"
	"github.com/alike-ml/alike/token"
)

// pairs is the subject of a method that learns from pictures with captions.
type pairs struct {
	pairLearner
	config    Config
	network   backbone.TextConfig
	items     Divided[data.Pairs]
	all       *data.Pairs
	train     *data.Pairs // of these, those to learn from
	held      *data.Pairs // those to watch with; nil for none
	own       [][]int32   // the captions of each picture to learn from, by number
	tokenizer *token.Tokenizer
	wordNet   string // the fingerprint of its files; empty where they are not read
	loader    *data.PairLoader
	observed  *embed.PairModel // the encoders being trained
	monitor   *pairMonitor
	origin    *folderOrigin        // of the encoder of captions; nil for one that is drawn
	pictures  *pretrained.Pictures // what the encoder of pictures is before the first step, where it comes from the same folder
	begun     bool                 // there is a checkpoint, and what the run started from is needed no more
	truncated atomic.Int64         // captions to learn from that are longer than their encoder sees
}

func newPairs(c Config, m method.PairMethod) (*pairs, error) {
	encoder, err := c.encoder()
	if err != nil {
		return nil, err
	}
	precision, err := c.dtype()
	if err != nil {
		return nil, err
	}
	p := &pairs{config: c, pairLearner: pairLearner{
		how: m, image: encoder, precision: precision, lengths: embed.Lengths(c.Pairs.MaxLength, captionLengths), captions: 1,
	}}
	return p, p.encode(c.Pairs.Vocabulary.Size)
}

// encode takes the encoder of captions for a vocabulary of so many tokens.
func (p *pairs) encode(vocabulary int) error {
	network, encoder, err := p.config.Pairs.network(vocabulary)
	if err != nil {
		return err
	}
	p.network, p.vocabulary, p.text = network, vocabulary, encoder.Hidden
	return nil
}

func (p *pairs) open(ctx context.Context, dir string) (err error) {
	if p.items, err = OpenPairs(ctx, p.config); err != nil {
		return err
	}
	p.all, p.train, p.held = p.items.All, p.items.Learned, p.items.Watched
	if p.tokenizer, err = openTokenizer(dir, p.config.Pairs.Tokenizer, p.config.Pairs.Pretrained, p.config.Pairs.Vocabulary, p.train.Captions); err != nil {
		return err
	}
	p.tokenizer, p.pad = embed.Reader(p.network, p.tokenizer), p.tokenizer.Pad()
	if err := p.encode(p.tokenizer.Size()); err != nil {
		return err
	}
	if p.begun = begun(dir); p.config.Pairs.Pretrained != "" && !p.begun {
		folder, err := openFolder(p.config.Pairs.Pretrained, "pairs", p.config.Pairs.TextConfig, p.tokenizer)
		if err != nil {
			return err
		}
		if folder.Dense {
			return fmt.Errorf("the encoder in %s has a layer after pooling, in whose place %s has its projection: start from one without", folder.name, p.how.Name())
		}
		p.origin = &folder
		if p.pictures, err = p.config.openPictures(p.how.View()); err != nil {
			return err
		}
	}
	if p.own = ownCaptions(p.train); len(p.own) > 0 {
		p.captions = len(slices.MaxFunc(p.own, func(a, b []int32) int { return len(a) - len(b) }))
	}
	if err := p.train.Captions.Measure(p.tokens); err != nil {
		return err
	}
	p.loader, err = p.newLoader()
	return err
}

// tokens counts those of a caption that its encoder sees, and the captions of which it does not see the end.
func (p *pairs) tokens(row data.TextRow) int {
	return seenOf(p.tokenizer, row.Texts[0], p.config.Pairs.MaxLength, &p.truncated)
}

func (p *pairs) newLoader() (*data.PairLoader, error) {
	pipeline, err := positive.NewPipeline(p.how.View())
	if err != nil {
		return nil, err
	}
	words, wordNet, err := p.config.Pairs.captionsOf(p.how)
	if err != nil {
		return nil, err
	}
	p.wordNet = wordNet
	return data.TrainPairLoader(p.train, p.config.Seed, data.PairBatchOptions{
		Size: p.config.Batch, Floats: []int{pipeline.Len()}, Workers: p.config.Workers,
		NewFill: func() data.PairFill {
			return func(dst [][]float32, _ []int32, img *image.RGBA, caption data.TextRow, epoch, item int) []int32 {
				pipeline.View(dst[0], img, rng.New(p.config.Seed, epoch, item, 0))
				text := words.View(caption.Texts[0], caption.Texts[1:], rng.New(p.config.Seed, epoch, item, 1))
				return p.tokenizer.Encode(text, p.config.Pairs.MaxLength)
			}
		},
	})
}

// ownCaptions are the numbers of the captions of each picture. Pictures that are the same byte by byte have each other's.
func ownCaptions(pairs *data.Pairs) [][]int32 {
	byContent := map[int][]int32{}
	for i := range pairs.Len() {
		content := pairs.ContentID(i)
		first, end := pairs.CaptionRows(i)
		for k := first; k < end; k++ {
			if id := int32(pairs.CaptionID(k)); !slices.Contains(byContent[content], id) {
				byContent[content] = append(byContent[content], id)
			}
		}
	}
	own := make([][]int32, pairs.Len())
	for i := range own {
		own[i] = byContent[pairs.ContentID(i)]
	}
	return own
}

func (p *pairs) begin(store *model.Store) error {
	if p.begun {
		return nil
	}
	scope := store.RootScope().At(method.TextScope).At(method.EncoderScope)
	if p.origin != nil {
		if err := p.origin.assign(scope); err != nil {
			return err
		}
		if p.projected() {
			if err := p.origin.AssignProjection(store.RootScope().At(method.TextProjectionScope)); err != nil {
				return err
			}
		}
	}
	if p.pictures != nil {
		if err := p.assignPictures(store.RootScope()); err != nil {
			return err
		}
	}
	if err := assignRarity(scope, p.network, p.train.Captions, p.tokenizer, p.config.Pairs.MaxLength); err != nil {
		return err
	}
	path := p.config.Pairs.ImageModel
	if path == "" {
		return nil
	}
	if err := embed.AssignEncoder(imageModelDir(path), store, p.embedConfig()); err != nil {
		return fmt.Errorf("cannot start from the encoder of pictures: %w", err)
	}
	return nil
}

// assignPictures gives the encoder of pictures its values, and its projection if that is as wide as the folder's.
func (p *pairs) assignPictures(scope *model.Scope) error {
	if err := p.pictures.Assign(scope.At(method.EncoderScope)); err != nil || !p.projected() {
		return err
	}
	return p.pictures.AssignProjection(scope.At(method.ImageProjectionScope))
}

// projected reports whether projections start from those of the folder: they are as wide.
func (p *pairs) projected() bool {
	return p.origin.Projection > 0 && p.origin.Projection == p.how.Space().Out
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// keep writes the tokenizer.
func (p *pairs) keep(dir string) error { return saveTokenizer(p.tokenizer, tokenizerDir(dir)) }

func (p *pairs) sources() sources {
	return sources{items: []string{p.all.Fingerprint()}, wordNet: p.wordNet}
}

func (p *pairs) stepsPerEpoch() int { return p.loader.StepsPerEpoch() }

func (p *pairs) batches(ctx context.Context, epoch, step, epochs int) iter.Seq2[*batch, error] {
	return prepared(p.loader.Batches(ctx, epoch, step, epochs), func(b *data.PairBatch) *batch {
		given, own := make([]int32, len(b.Items)), make([][]int32, len(b.Items))
		for i, item := range b.Items {
			given[i], own[i] = int32(p.train.CaptionID(b.Rows[i])), p.own[item]
		}
		return &batch{epoch: b.Epoch, arrays: p.arrays(b.Data[0], b.Tokens, given, own), waited: b.Waited}
	})
}

// seen has the first captions by number of the pictures of an epoch, where of those that take turns there is the first one: pictures of
// one caption meet in batches as those of one class do. Whether captions name sides is told from those of as many pictures as texts are
// sampled.
func (p *pairs) seen() (Seen, error) {
	var list []int
	for _, group := range p.train.Turns() {
		first, _ := p.train.CaptionRows(group[0])
		list = append(list, p.train.CaptionID(first))
	}
	seen, n, captions := Seen{Labels: list}, min(sampled, p.train.Len()), 0
	for i := range n {
		row, err := p.train.Row(i * p.train.Len() / n)
		if err != nil {
			return seen, err
		}
		for _, caption := range row.Captions {
			captions++
			if positive.NamesSides(caption) {
				seen.Sides++
			}
		}
	}
	seen.Sides /= float64(captions)
	return seen, nil
}

func (p *pairs) watch(backend compute.Backend, store *model.Store) (err error) {
	if p.observed, err = embed.NewPair(backend, store, p.embedConfig(), p.tokenizer); err == nil {
		p.monitor, err = newPairMonitor(backend, store, p)
	}
	return err
}

// embedConfig says what the trained encoders are.
func (p *pairs) embedConfig() embed.Config {
	return embed.Config{
		Method: p.how.Name(), Backbone: p.config.Backbone, Width: p.config.Width, Seed: p.config.Seed, Views: p.how.View(),
		CLIPImage: p.config.Pairs.CLIPImage,
		Pair: &embed.PairConfig{
			Text: embed.TextConfig{TextConfig: p.network, Pooling: p.how.Space().Pooling, MaxLength: readLength(p.network, p.config.Pairs.MaxLength)},
			Out:  p.how.Space().Out,
		},
	}
}

func (p *pairs) look(ctx context.Context, e *Epoch) error { return p.monitor.look(ctx, e) }

func (p *pairs) raw(_ context.Context, e *Epoch) error { return p.monitor.chance(e) }

func (p *pairs) save(dir string) error { return p.observed.Save(dir) }

func (p *pairs) describe(backend compute.Backend, s *Start) (err error) {
	s.Train, s.Classes = p.train.Len(), len(p.train.Images.Classes)
	if p.held != nil {
		s.HeldOut = p.held.Len()
	}
	s.Captions, s.Dropped, s.Truncated = p.train.Captions.Len(), p.all.Dropped, int(p.truncated.Load())
	s.RepeatedPictures, s.RepeatedCaptions = p.train.Duplicates()
	s.Outside, s.Turns = p.all.Outside, len(p.train.Turns())
	s.From = p.from()
	if s.Encoder, err = backbone.Measure(backend, p.image, p.config.ImageSize); err != nil {
		return err
	}
	s.TextEncoder, err = backbone.MeasureText(backend, p.network, p.config.Pairs.MaxLength)
	return err
}

// from says in words what the encoders of a folder are that the run starts from, "" without one.
func (p *pairs) from() string {
	if p.origin == nil {
		return ""
	}
	what, projection := p.origin.String(), "its projection"
	if p.pictures != nil {
		what, projection = "both encoders in "+p.origin.name, "their projections"
	}
	switch {
	case p.projected():
		return what + ", and " + projection
	case p.origin.Projection > 0:
		return fmt.Sprintf("%s, without %s, whose width of %d is not the run's", what, projection, p.origin.Projection)
	}
	return what
}

func (p *pairs) skipped() []data.Skip { return p.all.Images.Skipped.List() }

func (p *pairs) close() error {
	if p.monitor != nil {
		p.monitor.close()
	}
	return p.items.Close()
}
