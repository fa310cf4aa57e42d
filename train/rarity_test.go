package train_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/token"
	"github.com/alike-ml/alike/train"
)

// The vectors that a run begins with are those of a run without weights, each times the weight of its token by its rarity: counted here, of
// all tokens but the special ones.
func TestTokensAreWeighedByTheirRarity(t *testing.T) {
	c := train.DefaultSimCSE("static", 1, false)
	c.Data, c.Epochs, c.Batch, c.HoldOut = writeSentences(t, 60), 1, 8, 0
	c.Text.Vocabulary.Size = 200
	c.Optimizer.LearningRate, c.Optimizer.WeightDecay = still, 0

	words := []string{"bread", "house", "the", "times", "eats"} // tokens, and one at least rare, one frequent
	vectors := map[backbone.Rarity][]float32{}
	var run string
	for _, rarity := range []backbone.Rarity{backbone.RarityNone, backbone.RaritySIF, backbone.RarityIDF} {
		c.Text.Static.Rarity = rarity
		run, _ = mustRun(t, c, train.Options{})
		vectors[rarity] = embedded(t, run, words)
		if untrained := untrainedTwin(t, run, words); !near(untrained, vectors[rarity]) {
			t.Errorf("%s: the encoder that the scores call untrained is not the one that the run began with", rarity)
		}
	}

	tokenizer, err := token.Load(filepath.Join(run, "tokenizer"))
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(c.Data)
	if err != nil {
		t.Fatal(err)
	}
	times, in, all, texts := map[int32]float64{}, map[int32]float64{}, 0.0, 0.0
	for line := range strings.Lines(string(content)) {
		texts++
		ids := tokenizer.Encode(line, 100)
		seen := map[int32]bool{}
		for _, id := range ids[1 : len(ids)-1] {
			all++
			times[id]++
			seen[id] = true
		}
		for id := range seen {
			in[id]++
		}
	}
	for rarity, weight := range map[backbone.Rarity]func(id int32) float64{
		backbone.RaritySIF: func(id int32) float64 { return 1e-3 / (1e-3 + times[id]/all) },
		backbone.RarityIDF: func(id int32) float64 { return math.Sqrt(math.Log((1+texts)/(1+in[id])) + 1) },
	} {
		squares := 0.0
		for id, n := range times {
			squares += n / all * weight(id) * weight(id)
		}
		width := c.Text.Static.Width
		for i, word := range words {
			id, known := tokenizer.Word(word)
			if !known {
				t.Fatalf("%s is no token", word)
			}
			want := weight(id) / math.Sqrt(squares)
			for k := i * width; k < (i+1)*width; k++ {
				if got := float64(vectors[rarity][k]); math.Abs(got-want*float64(vectors[backbone.RarityNone][k])) > 1e-6 {
					t.Fatalf("%s: the vector of %s has %g in the place of %g times %g", rarity, word, got, want, vectors[backbone.RarityNone][k])
				}
			}
		}
	}
}

// untrainedTwin is what the twin that a run's encoder is held against makes of texts.
func untrainedTwin(t *testing.T, run string, texts []string) []float32 {
	t.Helper()
	backend, err := device.Open(device.Default)
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	m, err := embed.LoadText(backend, train.ModelDir(run))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	twin, err := m.Untrained(backend)
	if err != nil {
		t.Fatal(err)
	}
	defer twin.Close()
	vectors, err := twin.Embed(texts)
	if err != nil {
		t.Fatal(err)
	}
	return vectors.Data
}
