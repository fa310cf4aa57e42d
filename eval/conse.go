package eval

import (
	"fmt"
	"math"
	"slices"

	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/metric"
	"github.com/alike-ml/alike/pretrained"
)

// Meaning tells classes by what their names mean, also where a model of pictures and texts has never read a word of them: a picture
// means what the captions nearest to it mean, and is of the class whose name means most nearly the same. It is Norouzi et al. 2014,
// "Zero-shot learning by convex combination of semantic embeddings" (ConSE), section 3.2, with captions in the place of the classes that
// a classifier was trained for:
//
//	f(x) = Σ p(y_t | x) s(y_t) over the T captions y_t nearest to x, Σ p = 1; the class is argmax over names of cos(f(x), s(name))
//
// s is the unit vector of the mean of a text's word vectors. The mean s of all captions is taken off, as by Mu and Viswanath 2018,
// "All-but-the-top: Simple and effective postprocessing for word representations", section 2: what captions have in common tells no
// class. p falls with the cosine of picture and caption as kNN's votes do ([metric.KNNOptions]).
type Meaning struct {
	// Captions are those to read pictures through, that the model has learned from. One that is there twice counts once.
	Captions []string
	// Vectors is the path of a file of word vectors, GloVe's or word2vec's.
	Vectors string
	// Nearest is T, Temperature what cosines are divided by. 0 are [metric.DefaultK], the paper's 10, and [metric.DefaultTemperature].
	Nearest     int
	Temperature float64
}

// MeaningScore is the accuracy of naming classes by [Meaning], and by what it was come to.
type MeaningScore struct {
	Accuracy float64 `json:"accuracy"`
	// Top5 is the share of pictures whose class is among the nearest five.
	Top5 float64 `json:"top5"`
	// RandomInit is the accuracy with the untrained encoders, which read pictures through any captions; null without baselines.
	RandomInit *float64 `json:"random_init"`
	// RandomInitTop5 is the same of Top5.
	RandomInitTop5 *float64 `json:"random_init_top5"`
	// Captions is how many there were, Nearest how many a picture was read through.
	Captions    int     `json:"captions"`
	Nearest     int     `json:"nearest"`
	Temperature float64 `json:"temperature"`
	Vectors     string  `json:"vectors"`
}

// meanings are what captions [captions, width] and classes [classes, width] mean.
type meanings struct {
	Meaning
	texts             []string
	captions, classes metric.Matrix
}

// read looks up what captions and classes mean, the latter by their other names where they have some: the mean over the names. Captions
// none of whose words is in the file are left out; of a class it is an error.
func (m Meaning) read(classes []string, others map[string][]string) (*meanings, error) {
	if m.Nearest == 0 {
		m.Nearest = metric.DefaultK
	}
	if m.Temperature == 0 {
		m.Temperature = metric.DefaultTemperature
	}
	var names []string
	var owner []int // the class of each name
	for i, class := range classes {
		own, ok := others[class]
		if !ok {
			own = []string{class}
		}
		for _, name := range own {
			names, owner = append(names, name), append(owner, i)
		}
	}
	words, err := pretrained.ReadMeanings(m.Vectors, slices.Concat(m.Captions, names))
	if err != nil {
		return nil, fmt.Errorf("meaning of names: %w", err)
	}
	k := &meanings{Meaning: m, classes: metric.NewMatrix(len(classes), words.Width)}
	seen, known := map[string]bool{}, metric.Matrix{Cols: words.Width}
	for _, caption := range m.Captions {
		if v := words.Of(caption); v != nil && !seen[caption] {
			seen[caption], k.texts, known.Data = true, append(k.texts, caption), append(known.Data, v...)
		}
	}
	if known.Rows = len(k.texts); known.Rows == 0 {
		return nil, fmt.Errorf("meaning of names: none of the %d words in %s is in a caption: they are of another language, or written in another way", words.Words, m.Vectors)
	}
	named := metric.Matrix{Rows: len(names), Cols: words.Width}
	for i, name := range names {
		v := words.Of(name)
		if v == nil {
			return nil, fmt.Errorf("meaning of names: no word of %q is in %s: give class %q another name", name, m.Vectors, classes[owner[i]])
		}
		named.Data = append(named.Data, v...)
	}
	middle := metric.Centre(known.Normalized())
	k.captions = apart(known, middle)
	for i, named := 0, apart(named, middle); i < named.Rows; i++ {
		class := k.classes.Row(owner[i])
		for d, x := range named.Row(i) {
			class[d] += x
		}
	}
	return k, nil
}

// apart are the rows' unit vectors without their middle, as unit vectors again.
func apart(m metric.Matrix, middle []float64) metric.Matrix {
	return m.Normalized().Less(middle).Normalized()
}

// ReadThrough returns what pictures [n, dim] mean, [n, width]: f(x) of [Meaning], for captions whose vectors in the space of the pictures
// [captions, dim] and meanings [captions, width] are given. Nearest and temperature are above 0; of fewer captions all are read through.
func ReadThrough(pictures, captions, meanings metric.Matrix, nearest int, temperature float64) (metric.Matrix, error) {
	lists, err := metric.Neighbours(captions, pictures, nearest)
	if err != nil {
		return metric.Matrix{}, fmt.Errorf("meaning of pictures: %w", err)
	}
	means := metric.NewMatrix(pictures.Rows, meanings.Cols)
	for i, list := range lists {
		sum, z := make([]float64, means.Cols), 0.
		for _, n := range list {
			p := math.Exp(float64(n.Similarity-list[0].Similarity) / temperature)
			z += p
			for d, x := range meanings.Row(n.Index) {
				sum[d] += p * float64(x)
			}
		}
		for d, x := range sum {
			means.Row(i)[d] = float32(x / z)
		}
	}
	return means, nil
}

// score names the classes of pictures [n, dim] with the encoder of texts that belongs to theirs. Labels are as in [ScoreZeroShot].
func (k *meanings) score(texts *embed.TextModel, pictures metric.Matrix, labels []int) (accuracy, top5 float64, err error) {
	vectors, err := texts.Embed(k.texts)
	if err != nil {
		return 0, 0, err
	}
	means, err := ReadThrough(pictures, vectors, k.captions, k.Nearest, k.Temperature)
	if err != nil {
		return 0, 0, err
	}
	accuracy, top5, _, err = ScoreZeroShot(means, labels, k.classes)
	return accuracy, top5, err
}
