package train

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/token"
)

// sentences is the subject of a method that learns from texts.
type sentences struct {
	textLearner
	config    Config
	network   backbone.TextConfig
	items     Divided[data.Text]
	all       *data.Text
	train     *data.Text // of these, those to learn from
	held      *data.Text // and those kept back to watch with; nil when nothing is
	pairs     *data.Text // with scores, to watch with; nil for none
	tokenizer *token.Tokenizer
	origin    origin       // what the encoder starts from; nil where it is drawn, and for a run that goes on
	begun     bool         // there is a checkpoint, and what the run started from is needed no more
	truncated atomic.Int64 // texts to learn from that are longer than the encoder sees
	maker     *textMaker
	loader    *data.TextLoader
	observed  *embed.TextModel // the encoder being trained
	monitor   *textMonitor
}

func newSentences(c Config, m method.TextMethod) (*sentences, error) {
	precision, err := c.dtype()
	if err != nil {
		return nil, err
	}
	s := &sentences{config: c, textLearner: textLearner{
		how: m, precision: precision, texts: m.Views().Count(c.Text.texts()), lengths: embed.Lengths(c.Text.MaxLength, textLengths),
	}}
	return s, s.encode(c.Text.Vocabulary.Size)
}

// encode takes the encoder for a tokenizer of so many tokens, or for those that a pretrained encoder has.
func (s *sentences) encode(vocabulary int) error {
	if s.config.Text.Pretrained != "" {
		encoder, err := s.config.Text.Encoder()
		if err != nil {
			return fmt.Errorf("text.%w", err)
		}
		vocabulary = encoder.Tokens()
	}
	network, encoder, err := s.config.network(vocabulary)
	if err != nil {
		return err
	}
	s.network, s.vocabulary, s.encoder = network, vocabulary, encoder.Hidden
	return nil
}

// openRows reads the file of text, and divides it into the rows to learn from and those to watch with.
func (s *sentences) openRows(ctx context.Context) (err error) {
	if s.items, err = OpenText(ctx, s.config); err != nil {
		return err
	}
	s.all, s.train, s.held = s.items.All, s.items.Learned, s.items.Watched
	if method.NeedsLabels(s.how) && countClasses(s.all.Labels()) < 2 {
		if s.config.SupConText != nil {
			return fmt.Errorf("%s learns to tell classes apart, and the rows of %s are of fewer than two: name the column of their classes with text.class", s.how.Name(), s.config.Data)
		}
		return fmt.Errorf("%s is to spare rows of one class, and the rows of %s are of fewer than two: set %[1]s.mask_classes=false", s.how.Name(), s.config.Data)
	}
	return nil
}

func (s *sentences) open(ctx context.Context, dir string) (err error) {
	if err := s.openRows(ctx); err != nil {
		return err
	}
	if s.config.Text.STS != "" {
		if s.pairs, err = data.OpenText(ctx, s.config.Text.STS, STSOptions(s.config.Text.STSColumns)); err != nil {
			return err
		}
	}
	if s.tokenizer, err = openTokenizer(dir, s.config.Text.Tokenizer, s.config.Text.Pretrained, s.config.Text.Vocabulary, s.train); err != nil {
		return err
	}
	s.tokenizer, s.pad = embed.Reader(s.network, s.tokenizer), s.tokenizer.Pad()
	if err := s.encode(s.tokenizer.Size()); err != nil {
		return err
	}
	if s.begun = begun(dir); !s.begun {
		if s.origin, err = s.config.openOrigin(s.network, s.tokenizer); err != nil {
			return err
		}
	}
	if s.maker, err = newTextMaker(s.config, s.how.Views(), s.train); err != nil {
		return err
	}
	if err := s.train.Measure(s.tokens); err != nil {
		return err
	}
	s.loader, err = data.TrainTextLoader(s.train, s.config.Seed, data.TextBatchOptions{
		Size: s.config.Batch, Views: s.texts, Window: window, Workers: s.config.Workers,
		NewFill: func() data.TextFill {
			return func(views [][]int32, row data.TextRow, epoch, item int) {
				for k, line := range s.maker.lines(row.Texts, epoch, item) {
					views[k] = s.tokenizer.Encode(line.Text, s.config.Text.MaxLength)
				}
			}
		},
	})
	return err
}

// window is how many batches of rows are sorted by their tokens at a time, so that those of a batch are padded little.
const window = 64

// How far apart the shortest lengths are that texts are padded to. Batches of captions are not of one length, so that it matters less.
const (
	textLengths    = 4
	captionLengths = 8
)

// tokens counts those of the longest text of a row, as far as the encoder sees them, and the texts of which it does not see the end.
func (s *sentences) tokens(row data.TextRow) (most int) {
	for _, text := range row.Texts {
		most = max(most, seenOf(s.tokenizer, text, s.config.Text.MaxLength, &s.truncated))
	}
	return most
}

// seenOf counts the tokens of a text that an encoder sees, which are at most so many, and the text among those that it sees cut off.
func seenOf(tokenizer *token.Tokenizer, text string, most int, truncated *atomic.Int64) int {
	n := len(tokenizer.Encode(text, most+1))
	if n > most {
		truncated.Add(1)
	}
	return min(n, most)
}

// keep writes the tokenizer.
func (s *sentences) keep(dir string) error { return saveTokenizer(s.tokenizer, tokenizerDir(dir)) }

func (s *sentences) sources() sources {
	return sources{items: []string{s.all.Fingerprint()}, wordNet: s.maker.wordNet}
}

func (s *sentences) begin(store *model.Store) error {
	if s.begun {
		return nil
	}
	scope := store.RootScope().At(method.EncoderScope)
	if s.origin != nil {
		if err := s.origin.assign(scope); err != nil {
			return err
		}
	}
	return assignRarity(scope, s.network, s.train, s.tokenizer, s.config.Text.MaxLength)
}

func (s *sentences) stepsPerEpoch() int { return s.loader.StepsPerEpoch() }

func (s *sentences) batches(ctx context.Context, epoch, step, epochs int) iter.Seq2[*batch, error] {
	return prepared(s.loader.Batches(ctx, epoch, step, epochs), func(b *data.TextBatch) *batch {
		return &batch{epoch: b.Epoch, arrays: s.arrays(b.Views, labelsOf(s.train, b.Items)), waited: b.Waited}
	})
}

// sampled is how many rows, at equal distances, are looked at for what there is to say of all.
const sampled = 1000

func (s *sentences) seen() (Seen, error) {
	seen := Seen{Labels: s.train.Labels()}
	n := min(sampled, s.train.Len())
	for i := range n {
		row, err := s.train.Row(i * s.train.Len() / n)
		if err != nil {
			return seen, err
		}
		if lines := s.maker.lines(row.Texts, 0, i*s.train.Len()/n); lines[len(lines)-1].Name != lineNone && s.maker.negatives != nil {
			seen.Made++
		}
	}
	seen.Truncated = float64(s.truncated.Load()) / float64(s.train.Len()*s.config.Text.texts())
	seen.Made /= float64(n)
	return seen, nil
}

func (s *sentences) watch(backend compute.Backend, store *model.Store) error {
	how := s.how.Sentence()
	var err error
	s.observed, err = embed.NewText(backend, store, embed.Config{
		Method: s.how.Name(), Backbone: s.config.Backbone, Width: s.config.Width, Seed: s.config.Seed,
		Text: &embed.TextConfig{TextConfig: s.network, Pooling: how.Pooling, Dense: how.Dense, MaxLength: readLength(s.network, s.config.Text.MaxLength)},
	}, s.tokenizer)
	if err != nil {
		return err
	}
	s.monitor = newTextMonitor(s.observed, s.train, s.held, s.pairs, s.config.Seed)
	return nil
}

// readLength is how many tokens of a text the trained encoder reads, where it learned from so many. A static one learns as much from the
// first tokens of a text as from all, and can read a whole document at once.
func readLength(network backbone.TextConfig, learned int) int {
	if network.Static != nil {
		return embed.MaxStaticLength
	}
	return learned
}

func (s *sentences) look(ctx context.Context, e *Epoch) error { return s.monitor.look(ctx, e) }

func (s *sentences) raw(ctx context.Context, e *Epoch) error { return s.monitor.raw(ctx, e) }

func (s *sentences) save(dir string) error { return s.observed.Save(dir) }

func (s *sentences) describe(backend compute.Backend, start *Start) (err error) {
	start.Train, start.Classes = s.train.Len(), len(s.train.Classes)
	if s.held != nil {
		start.HeldOut = s.held.Len()
	}
	start.Dropped, start.Truncated = s.all.Dropped, int(s.truncated.Load())
	if s.origin != nil {
		start.From = s.origin.String()
	}
	if start.Rows, err = s.maker.rows(s.train, shownRows, shownEpochs); err != nil {
		return err
	}
	start.Encoder, err = backbone.MeasureText(backend, s.network, s.config.Text.MaxLength)
	return err
}

// What a run shows of its text: so many rows, and what so many epochs make of them.
const (
	shownRows   = 6
	shownEpochs = 2
)

// skipped is empty: rows that cannot be used are known, by their reasons, before the run's first step.
func (s *sentences) skipped() []data.Skip { return nil }

func (s *sentences) close() error {
	err := s.items.Close()
	if s.pairs != nil {
		err = errors.Join(err, s.pairs.Close())
	}
	return err
}
