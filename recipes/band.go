package recipes

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/alike-ml/alike/train"
)

// Band is what a recipe's own runs came to, epoch by epoch: runs that differ in their seed alone.
type Band struct {
	// Data names what they were trained on, Seeds counts them.
	Data  string `json:"data"`
	Seeds int    `json:"seeds"`
	// Epochs are those in which all runs were looked at, in order.
	Epochs []BandEpoch `json:"epochs"`
}

// BandEpoch has the range of each of an epoch's numbers. A range is nil where a run has no such number.
type BandEpoch struct {
	Epoch         int    `json:"epoch"`
	Loss          *Range `json:"loss,omitempty"`
	KNN           *Range `json:"knn,omitempty"`
	STS           *Range `json:"sts,omitempty"`
	Recall        *Range `json:"recall,omitempty"`
	Alignment     *Range `json:"alignment,omitempty"`
	Uniformity    *Range `json:"uniformity,omitempty"`
	EffectiveRank *Range `json:"effective_rank,omitempty"`
	Std           *Range `json:"std,omitempty"`
}

// Range is the least, the middle and the largest of some runs' values. Files have four digits of them.
type Range struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

// MarshalJSON writes four digits of each number, which is more than two runs have in common.
func (r Range) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `{"min":%.4g,"median":%.4g,"max":%.4g}`, r.Min, r.Median, r.Max), nil
}

// measure is one of the numbers that a band is about.
type measure struct {
	name  string
	of    func(train.Epoch) float64 // NaN where it was not measured
	place func(*BandEpoch) **Range
	slack float64 // of the range, as a share of the median
}

// measures are the numbers of a band. Their slack is how much a run of another seed may lie outside the range of a few,
// beyond once more the range's width.
func measures() []measure {
	geometry := func(pick func(train.Epoch) float64) func(train.Epoch) float64 {
		return func(e train.Epoch) float64 {
			if e.Geometry == nil {
				return math.NaN()
			}
			return pick(e)
		}
	}
	score := func(pick func(train.Epoch) *train.Number) func(train.Epoch) float64 {
		return func(e train.Epoch) float64 {
			if v := pick(e); v != nil {
				return float64(*v)
			}
			return math.NaN()
		}
	}
	return []measure{
		{"loss", func(e train.Epoch) float64 { return float64(e.Loss) }, func(b *BandEpoch) **Range { return &b.Loss }, 0.03},
		{"held-out kNN", score(func(e train.Epoch) *train.Number { return e.KNN }), func(b *BandEpoch) **Range { return &b.KNN }, 0.05},
		{"STS", score(func(e train.Epoch) *train.Number { return e.STS }), func(b *BandEpoch) **Range { return &b.STS }, 0.05},
		{"held-out recall", score(func(e train.Epoch) *train.Number { return e.Recall }), func(b *BandEpoch) **Range { return &b.Recall }, 0.05},
		{"alignment", geometry(func(e train.Epoch) float64 { return e.Geometry.Alignment }), func(b *BandEpoch) **Range { return &b.Alignment }, 0.1},
		{"uniformity", geometry(func(e train.Epoch) float64 { return e.Geometry.Uniformity }), func(b *BandEpoch) **Range { return &b.Uniformity }, 0.1},
		{"effective rank", geometry(func(e train.Epoch) float64 { return e.Geometry.EffectiveRank }), func(b *BandEpoch) **Range { return &b.EffectiveRank }, 0.1},
		{"spread", geometry(func(e train.Epoch) float64 { return e.Geometry.Std }), func(b *BandEpoch) **Range { return &b.Std }, 0.1},
	}
}

// NewBand makes the band of some runs' epochs. They must have been looked at in at least one common epoch.
func NewBand(data string, runs [][]train.Epoch) (Band, error) {
	band := Band{Data: data, Seeds: len(runs)}
	if len(runs) < 2 {
		return band, errors.New("a band is made of two runs or more")
	}
	for _, first := range runs[0] {
		together := []train.Epoch{first}
		for _, run := range runs[1:] {
			if i := slices.IndexFunc(run, func(e train.Epoch) bool { return e.Epoch == first.Epoch }); i >= 0 {
				together = append(together, run[i])
			}
		}
		if len(together) == len(runs) {
			band.Epochs = append(band.Epochs, rangesOf(together))
		}
	}
	if len(band.Epochs) == 0 {
		return band, errors.New("the runs have no epoch in common")
	}
	return band, nil
}

func rangesOf(runs []train.Epoch) BandEpoch {
	b := BandEpoch{Epoch: runs[0].Epoch}
	for _, m := range measures() {
		var values []float64
		for _, e := range runs {
			values = append(values, m.of(e))
		}
		if slices.ContainsFunc(values, math.IsNaN) {
			continue
		}
		slices.Sort(values)
		n := len(values)
		*m.place(&b) = &Range{Min: values[0], Median: (values[(n-1)/2] + values[n/2]) / 2, Max: values[n-1]}
	}
	return b
}

// A Departure is a number of a run that lies outside the band.
type Departure struct {
	Epoch int
	// What is the number's name, Value the run's and Range that of the recipe's runs.
	What  string
	Value float64
	Range Range
}

func (d Departure) String() string {
	side := "above"
	if d.Value < d.Range.Min {
		side = "below"
	}
	return fmt.Sprintf("epoch %d: %s is %.3g, %s the %.3g to %.3g of the recipe's runs", d.Epoch, d.What, d.Value, side, d.Range.Min, d.Range.Max)
}

// Check lists what in a run's epoch lies outside the band: further from its range than the range is wide, and some more. An
// epoch that the band has nothing of has no departures.
func (b Band) Check(e train.Epoch) []Departure {
	i, found := b.index(e.Epoch)
	if !found {
		return nil
	}
	var list []Departure
	for _, m := range measures() {
		r, v := *m.place(&b.Epochs[i]), m.of(e)
		if r == nil || math.IsNaN(v) {
			continue
		}
		allowed := r.Max - r.Min + m.slack*math.Abs(r.Median)
		if v < r.Min-allowed || v > r.Max+allowed {
			list = append(list, Departure{e.Epoch, m.name, v, *r})
		}
	}
	return list
}

// Write writes the band as a recipe keeps it: a line of JSON for each epoch.
func (b Band) Write(w io.Writer) error {
	head, err := json.Marshal(b.Data)
	if err != nil {
		return err
	}
	text := fmt.Appendf(nil, "{\"data\": %s, \"seeds\": %d, \"epochs\": [", head, b.Seeds)
	for i, e := range b.Epochs {
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(text, '\n'), line...)
	}
	_, err = w.Write(append(text, "\n]}\n"...))
	return err
}

// Has says whether the band has numbers of an epoch.
func (b Band) Has(epoch int) bool {
	_, found := b.index(epoch)
	return found
}

func (b Band) index(epoch int) (i int, found bool) {
	return slices.BinarySearchFunc(b.Epochs, epoch, func(b BandEpoch, epoch int) int { return b.Epoch - epoch })
}

// Band returns what the recipe's own runs came to, or nil where none are on record.
func (r Recipe) Band() (*Band, error) {
	text, err := files.ReadFile(r.Name + bandFile)
	if err != nil {
		return nil, nil // there is none
	}
	var band Band
	if err := json.Unmarshal(text, &band); err != nil {
		return nil, fmt.Errorf("recipe %s: its band: %w", r.Name, err)
	}
	return &band, nil
}

const bandFile = ".band.json"

// BandFor returns the band that a run with the given settings is to be held against: that of the recipe whose settings they
// are, as [Of] finds it. Otherwise it returns nil.
func BandFor(config train.Config) (*Band, error) {
	r, found := Of(config)
	if !found {
		return nil, nil
	}
	return r.Band()
}
