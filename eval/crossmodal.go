package eval

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gomlx/compute"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/internal/nearest"
	"github.com/alike-ml/alike/metric"
)

// CrossModal says how well pictures and captions find each other, in both directions. Hits at k are what papers call recall at k:
// the share of queries with a right answer among the first k. A picture may have several captions, and a caption several pictures:
// each of them is right.
type CrossModal struct {
	TextToImage Retrieval `json:"text_to_image"`
	ImageToText Retrieval `json:"image_to_text"`
	// ModalityGap is the distance between the centres of pictures and captions: see [metric.ModalityGap].
	ModalityGap float64 `json:"modality_gap"`
	// Geometry is that of the pictures' vectors in the shared space; its alignment is between a picture and its first caption.
	Geometry metric.Geometry `json:"geometry"`
}

// ScoreCrossModal scores the vectors of pairs, at the ks, or at those of [metric.DefaultRetrievalKs] without any. Without untrained
// vectors, of the same pairs, there are no baselines.
func ScoreCrossModal(trained embed.PairVectors, untrained *embed.PairVectors, ks ...int) (*CrossModal, error) {
	toImage, toText := SearchVectors{trained.Captions, trained.Images}, SearchVectors{trained.Images, trained.Captions}
	var imageBase, textBase *SearchVectors
	if untrained != nil {
		imageBase = &SearchVectors{untrained.Captions, untrained.Images}
		textBase = &SearchVectors{untrained.Images, untrained.Captions}
	}
	c := &CrossModal{}
	for _, one := range []struct {
		result   *Retrieval
		relevant [][]metric.Relevant
		vectors  SearchVectors
		base     *SearchVectors
	}{{&c.TextToImage, trained.ImagesOf, toImage, imageBase}, {&c.ImageToText, trained.CaptionsOf, toText, textBase}} {
		r, err := ScoreRetrieval(Search{Relevant: one.relevant}, one.vectors, one.base, ks...)
		if err != nil {
			return nil, err
		}
		*one.result = *r
	}
	images, captions := trained.Paired()
	var err error
	if c.ModalityGap, err = metric.ModalityGap(images, captions); err != nil {
		return nil, err
	}
	c.Geometry, err = metric.MeasureGeometry(images, captions, images)
	return c, err
}

// ZeroShot is the accuracy of naming the classes of pictures that no classifier was trained for: the nearest of the classes' vectors,
// which are made of their names (Radford et al. 2021, section 3.1). Pictures without a class are left out.
type ZeroShot struct {
	Accuracy float64 `json:"accuracy"`
	// Top5 is the share of pictures whose class is among the nearest five.
	Top5     float64  `json:"top5"`
	Pictures int      `json:"pictures"`
	Classes  []string `json:"classes"`
	// Split says which pictures of a folder they are; a table's are all scored.
	Split string `json:"split,omitempty"`
	// Templates are the sentences that the names were put into, in the place of {}.
	Templates []string `json:"templates"`
	// Names are the other names that classes had.
	Names     map[string][]string `json:"names,omitempty"`
	Baselines *ZeroShotBaselines  `json:"baselines,omitempty"`
	// ByMeaning is the accuracy by what the names mean; null where nothing says it.
	ByMeaning *MeaningScore `json:"by_meaning,omitempty"`
}

// ZeroShotBaselines are the same accuracy without learning.
type ZeroShotBaselines struct {
	// Chance is one of the classes at random, Majority always that which is the most frequent among the pictures.
	Chance   float64 `json:"chance"`
	Majority float64 `json:"majority"`
	// RandomInit is that of the same encoders with the weights they started from.
	RandomInit float64 `json:"random_init"`
	// ChanceTop5 and RandomInitTop5 are what Top5 stands beside.
	ChanceTop5     float64 `json:"chance_top5"`
	RandomInitTop5 float64 `json:"random_init_top5"`
}

// Prompts say what the encoder of texts reads for a class.
type Prompts struct {
	// Templates are sentences with {} in the place of a class's name.
	Templates []string
	// Names are other names for classes, one or several, by their own: what the encoder knows them by, as CLIP's authors call some
	// classes of ImageNet otherwise than ImageNet does (section 3.1.4).
	Names map[string][]string
	// Meaning tells classes by what their names mean too; nil does not.
	Meaning *Meaning
}

// check returns the error of another name for a class that is not there, or of a template without a place for a name.
func (p Prompts) check(classes []string) error {
	for _, class := range slices.Sorted(maps.Keys(p.Names)) {
		if !slices.Contains(classes, class) {
			return fmt.Errorf("there is another name for class %q%s, which no picture is of", class, nearest.Suggestion(class, classes))
		}
	}
	for _, template := range p.Templates {
		if !strings.Contains(template, "{}") {
			return fmt.Errorf("template %q has no {} for the name of a class", template)
		}
	}
	return nil
}

// ClassVectors are what an encoder makes of classes by their names, [classes, dim]: the mean of the normalised vectors of each of its
// names in every template (section 3.1.4, prompt ensembling). It is an error if a template has no place for a name, or if there is another name
// for a class that is not there.
func ClassVectors(texts *embed.TextModel, classes []string, p Prompts) (metric.Matrix, error) {
	if err := p.check(classes); err != nil {
		return metric.Matrix{}, err
	}
	var prompts []string
	var owner []int // the class of each prompt
	for _, template := range p.Templates {
		for i, class := range classes {
			names, ok := p.Names[class]
			if !ok {
				names = []string{class}
			}
			for _, name := range names {
				prompts, owner = append(prompts, strings.ReplaceAll(template, "{}", name)), append(owner, i)
			}
		}
	}
	count := make([]float32, len(classes)) // the prompts of each class
	for _, i := range owner {
		count[i]++
	}
	all, err := texts.Embed(prompts)
	if err != nil {
		return metric.Matrix{}, err
	}
	all = all.Normalized()
	means := metric.NewMatrix(len(classes), all.Cols)
	for i := range all.Rows {
		mean := means.Row(owner[i])
		for d, x := range all.Row(i) {
			mean[d] += x / count[owner[i]]
		}
	}
	return means, nil
}

// ScoreZeroShot names the classes of pictures, [pictures, dim], by the nearest of the classes' vectors, [classes, dim]. Labels are
// indices of classes, -1 for none; equally near classes share the place.
func ScoreZeroShot(images metric.Matrix, labels []int, classes metric.Matrix) (accuracy, top5 float64, pictures int, err error) {
	relevant := make([][]metric.Relevant, images.Rows)
	for i, label := range labels {
		if label >= 0 {
			relevant[i] = []metric.Relevant{{Index: label, Gain: 1}}
			pictures++
		}
	}
	found, err := metric.Retrieval(classes, images, relevant, 1, 5)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("zero-shot: %w", err)
	}
	return found.At[0].Hits, found.At[1].Hits, pictures, nil
}

// PairReport is what an evaluation on pictures with captions found. It is what `alike eval --json` prints of one.
type PairReport struct {
	Retrieval *CrossModal `json:"retrieval"`
	// ZeroShot is null for pairs of fewer than two classes.
	ZeroShot *ZeroShot `json:"zero_shot"`
	// Encoder has the scores of the encoder of pictures, before its projection, as [Run] has those of any: of the pictures, whose
	// classes are learned from four fifths of them. It is null where there is no zero-shot classification, or
	// there are fewer than ten pictures.
	Encoder  *Report      `json:"image_encoder"`
	Pictures int          `json:"pictures"`
	Captions int          `json:"captions"`
	Skipped  int          `json:"skipped"`
	Model    embed.Config `json:"model"`
}

// RunPairs scores a model of pictures and texts on pairs; prompts are those of zero-shot classification. Without baselines the
// untrained model is left out.
func RunPairs(ctx context.Context, backend compute.Backend, m *embed.PairModel, pairs *data.Pairs, prompts Prompts, baselines bool, say Say) (*PairReport, error) {
	if say == nil {
		say = func(string, int, int) {}
	}
	var named *naming
	if len(pairs.Images.Classes) > 1 {
		var err error
		if named, err = newNaming(pairs.Images, prompts); err != nil {
			return nil, err
		}
	}
	embedded := func(whose string, m *embed.PairModel) (embed.PairVectors, error) {
		return m.EmbedPairs(ctx, pairs, func(done, total int) { say(whose+": vectors", done, total) })
	}
	trained, err := embedded("this model", m)
	if err != nil {
		return nil, err
	}
	var untrained *embed.PairModel
	var random *embed.PairVectors
	if baselines {
		if untrained, err = m.Untrained(backend); err != nil {
			return nil, err
		}
		defer untrained.Close()
		vectors, err := embedded("untrained model", untrained)
		if err != nil {
			return nil, err
		}
		random = &vectors
	}
	r := &PairReport{Pictures: trained.Images.Rows, Captions: trained.Captions.Rows, Model: m.Config}
	if r.Retrieval, err = ScoreCrossModal(trained, random); err != nil {
		return nil, err
	}
	if named != nil {
		named.items, named.trained = trained.Items, trained.Images
		if random != nil {
			named.random = &random.Images
		}
		if r.ZeroShot, err = named.score(m, untrained); err != nil {
			return nil, err
		}
		if pairs.Len() >= fewestToFit {
			if r.Encoder, err = scoreTower(ctx, backend, m, pairs, baselines, say); err != nil {
				return nil, err
			}
		}
	}
	r.Skipped = pairs.Images.Skipped.Len()
	return r, nil
}

// fewestToFit is the least number of pictures that a classifier is fitted on most of, and tested on the rest.
const fewestToFit = 10

// scoreTower scores the encoder of pictures by itself.
func scoreTower(ctx context.Context, backend compute.Backend, m *embed.PairModel, pairs *data.Pairs, baselines bool, say Say) (*Report, error) {
	tower, err := m.Tower(backend)
	if err != nil {
		return nil, err
	}
	defer tower.Close()
	result, err := Run(ctx, backend, tower, &data.ImageFolder{Train: pairs.Images, Skipped: pairs.Images.Skipped}, Options{NoBaselines: !baselines}, say)
	if err != nil {
		return nil, err
	}
	return &result.Report, nil
}
