package train_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alike-ml/alike/data"
	"github.com/alike-ml/alike/optim"
	"github.com/alike-ml/alike/train"
)

// rowsOf are the labels of rows of text without a class.
func rowsOf(n int) []int { return slices.Repeat([]int{-1}, n) }

// textAdvice is what is said of a run on so many rows, by key.
func textAdvice(t *testing.T, c train.Config, seen train.Seen) map[string]string {
	t.Helper()
	c.Data = "text.txt"
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	list, err := train.Advise(c, seen, false)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, advice := range list {
		said[advice.Key] += advice.String()
	}
	return said
}

// Each rule with a run that it speaks of, and one, a little different, that it does not.
func TestAdviceOnText(t *testing.T) {
	scratch := func() train.Config { return train.DefaultSimCSE("transformer", 1, false) }
	static := func() train.Config { return train.DefaultSimCSE("static", 1, false) }
	pairs := func() train.Config {
		c := train.DefaultSimCSE("transformer", 2, false)
		c.Text.Texts = []string{"a", "b"}
		return c
	}
	folder := transformerFolder(t)
	pretrained := func() train.Config {
		c, err := train.SimCSEFrom(folder, data.DefaultTextOptions())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	plenty := train.Seen{Labels: rowsOf(20_000), Made: 1}
	few := func(n int) train.Seen { return train.Seen{Labels: rowsOf(n), Made: 1} }
	for _, c := range []struct {
		start     func() train.Config
		bad, good func(*train.Config, *train.Seen)
		key, says string
	}{
		{scratch, func(c *train.Config, _ *train.Seen) { c.SimCSE.Temperature = 0.21 }, func(c *train.Config, _ *train.Seen) { c.SimCSE.Temperature = 0.2 },
			"simcse.temperature", "is 0.21: 0.05 is published"},
		{scratch, func(c *train.Config, _ *train.Seen) { c.SimCSE.Temperature = 0.009 }, func(c *train.Config, _ *train.Seen) { c.SimCSE.Temperature = 0.01 },
			"simcse.temperature", "table D.1"},
		{scratch, func(c *train.Config, _ *train.Seen) { c.Batch = 31 }, func(c *train.Config, _ *train.Seen) { c.Batch = 32 },
			"batch", "is 31: a sentence is told from 30 others"},
		{scratch, func(c *train.Config, _ *train.Seen) { c.Batch = 2001 }, func(c *train.Config, _ *train.Seen) { c.Batch = 2000 },
			"batch", "for 20000 rows to learn from: in an epoch of 9 steps"},
		{scratch, func(_ *train.Config, s *train.Seen) { *s = few(9999) }, func(_ *train.Config, s *train.Seen) { *s = few(10_000) },
			"data", "has 9999 rows to learn from: an encoder whose weights are drawn"},
		{pretrained, func(_ *train.Config, s *train.Seen) { *s = few(999) }, func(_ *train.Config, s *train.Seen) { *s = few(1000) },
			"data", "has 999 rows to learn from: SimCSE's authors tune on"},
		{scratch, func(_ *train.Config, s *train.Seen) { s.Truncated = 0.11 }, func(_ *train.Config, s *train.Seen) { s.Truncated = 0.1 },
			"text.max_length", "is 32: it cuts off the end of 11% of the texts"},
		{scratch, func(c *train.Config, _ *train.Seen) {
			c.Text.Transformer.Dropout, c.Text.Transformer.AttentionDropout = 0, 0
		},
			func(c *train.Config, _ *train.Seen) { c.Text.Transformer.Dropout = 0 },
			"text.transformer.dropout", "is 0: without dropout the two embeddings of a sentence are the same"},
		{static, func(c *train.Config, _ *train.Seen) { c.Text.Static.Dropout = 0 },
			func(c *train.Config, _ *train.Seen) { c.Text.Static.Dropout, c.SimCSE.Positive.Delete = 0, 0.1 },
			"text.static.dropout", "table 3"},
		{static, func(c *train.Config, _ *train.Seen) { c.Text.Static.Dropout = 0 },
			func(c *train.Config, _ *train.Seen) {
				*c = pairs()
				c.Text.Transformer.Dropout, c.Text.Transformer.AttentionDropout = 0, 0
			},
			"text.static.dropout", "simcse.positive"},
		{static, func(c *train.Config, _ *train.Seen) { c.SimCSE.Positive.Swap = 0.1 }, func(c *train.Config, _ *train.Seen) { c.SimCSE.Positive.Crop = 0.1 },
			"simcse.positive.swap", "does not see in what order"},
		{scratch, func(c *train.Config, s *train.Seen) { c.SimCSE.Negatives.Number, s.Made = true, 0.09 }, func(c *train.Config, s *train.Seen) { c.SimCSE.Negatives.Number, s.Made = true, 0.1 },
			"simcse.negatives", "are made for 9.0% of the rows"},
		{scratch, func(c *train.Config, _ *train.Seen) { c.Optimizer.LearningRate = 3e-5 }, func(c *train.Config, _ *train.Seen) { c.Optimizer.LearningRate = 7e-5 },
			"optimizer.learning_rate", "comes to 3e-05 for a batch of 128: an encoder whose weights are drawn hardly learns with less than the usual 0.0005"},
		{scratch, func(c *train.Config, _ *train.Seen) { c.Optimizer.LearningRate = 5e-3 }, func(c *train.Config, _ *train.Seen) { c.Optimizer.LearningRate = 3e-3 },
			"optimizer.learning_rate", "10 times the usual one for such an encoder, 0.0005"},
		{pretrained, func(c *train.Config, _ *train.Seen) { c.Optimizer.LearningRate = 5e-4 }, func(c *train.Config, _ *train.Seen) { c.Optimizer.LearningRate = 2e-4 },
			"optimizer.learning_rate", "trained encoders are tuned with 3e-05 (Gao et al. 2021, table A.1: 1e-5 to 5e-5), and with 16.7 times that they forget"},
		{pretrained, func(c *train.Config, _ *train.Seen) { c.Optimizer.LearningRate = 3e-6 }, func(c *train.Config, _ *train.Seen) { c.Optimizer.LearningRate = 1e-5 },
			"optimizer.learning_rate", "the usual one for such an encoder is 10 times that, 3e-05"},
		{scratch, func(c *train.Config, _ *train.Seen) { c.Optimizer = optim.DefaultSGD(); c.Optimizer.LearningRate = 1 }, func(c *train.Config, _ *train.Seen) { c.Optimizer = optim.DefaultSGD() },
			"optimizer.learning_rate", "the nearest published one for sgd"},
	} {
		of := func(change func(*train.Config, *train.Seen)) string {
			config, seen := c.start(), plenty
			change(&config, &seen)
			return textAdvice(t, config, seen)[c.key]
		}
		if found := of(c.bad); !strings.HasPrefix(found, c.key+" ") || !strings.Contains(found, c.says) || strings.Count(found, c.key+" ") != 1 {
			t.Errorf("on %s it says %q, want %q", c.key, found, c.says)
		}
		if found := of(c.good); found != "" {
			t.Errorf("there is nothing to say of %s, but it says %q", c.key, found)
		}
	}
	for name, start := range map[string]func() train.Config{"from scratch": scratch, "static": static, "pretrained": pretrained, "pairs": pairs} {
		if said := textAdvice(t, start(), train.Seen{Labels: rowsOf(314_000)}); len(said) > 0 {
			t.Errorf("of the defaults %s on as many rows as are published it says %v", name, said)
		}
	}
}

// What a run sees of its rows before its first step: the share of texts that are cut, and of rows that negatives are made for.
func TestAdviceKnowsTheTexts(t *testing.T) {
	c := smallText(writeSentences(t, 100), "")
	c.Text.MaxLength, c.MonitorEvery, c.Epochs = 6, 0, 1
	c.SimCSE.Negatives.Entity = true
	var said []string
	if _, err := train.Run(t.Context(), c, filepath.Join(t.TempDir(), "run"), train.Options{OnStart: func(s train.Start) {
		for _, advice := range s.Advice {
			said = append(said, advice.String())
		}
	}}); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(said, "\n")
	for _, want := range []string{"text.max_length is 6: it cuts off the end of 100% of the texts", "simcse.negatives are made for 0.0% of the rows", "data has 90 rows"} {
		if !strings.Contains(all, want) {
			t.Errorf("it does not say %q:\n%s", want, all)
		}
	}
}
