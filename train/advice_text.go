package train

import (
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/optim"
	"github.com/alike-ml/alike/positive"
)

// simcse looks at what SimCSE's authors found to matter, and at whether the settings fit the rows.
func (a *adviser) simcse(m method.SimCSE) {
	if !a.tested {
		a.simcseTemperature(m.Temperature)
		a.sentenceBatch()
	}
	a.rows()
	a.truncation()
	a.sentenceViews(m)
}

// simcseTemperature is narrower than what any softmax over cosines works with.
func (a *adviser) simcseTemperature(tau float64) {
	const low, high = 0.01, 0.2
	if tau < low || tau > high {
		a.sayOwn("temperature", "is %g: 0.05 is published, which gives 86.2 on the development pairs of STS-B where 0.01 gives 85.4, 0.1 82.0 and 1 64.0 (Gao et al. 2021, table D.1); take one from %g to %g", tau, low, high)
	}
}

// sentenceBatch compares the batch with the published ones and with the rows.
func (a *adviser) sentenceBatch() {
	const few, perEpoch = 32, 10
	switch {
	case a.Batch < few:
		a.say("batch", "is %d: a sentence is told from %d others at a time; 64 to 512 are published (Gao et al. 2021, table A.1), take %d or more", a.Batch, a.Batch-1, few)
	case a.perEpoch < perEpoch && a.Epochs > 1 && a.Batch > max(few, len(a.labels)/perEpoch):
		a.say("batch", "is %d for %d rows to learn from: in an epoch of %d steps a sentence is told from the same others again and again; take at most %d",
			a.Batch, len(a.labels), a.perEpoch, max(few, len(a.labels)/perEpoch))
	}
}

// rows are few for an encoder that knows nothing yet, and for one that is tuned.
func (a *adviser) rows() {
	const drawn, trained = 10_000, 1000
	switch n := len(a.labels); {
	case a.fromScratch() && n < drawn:
		a.say("data", "has %d rows to learn from: an encoder whose weights are drawn learns all its words from them, and SimCSE's authors tune a trained one on 314,000 and more (Gao et al. 2021, section 6.1); start from one with text.pretrained, or from word vectors with text.vectors", n)
	case n < trained:
		a.say("data", "has %d rows to learn from: SimCSE's authors tune on 314,000 and more (Gao et al. 2021, section 6.1); hold the encoder against the one it starts from", n)
	}
}

// fromScratch says whether the weights of an encoder of text are drawn.
func (a *adviser) fromScratch() bool { return a.Text.Pretrained == "" && a.Text.Vectors == "" }

// truncation is what the encoder does not see.
func (a *adviser) truncation() {
	const much = 0.1
	if a.seen.Truncated > much {
		a.say("text.max_length", "is %d: it cuts off the end of %.0f%% of the texts; a longer one costs time on long texts only", a.Text.MaxLength, 100*a.seen.Truncated)
	}
}

// sentenceViews looks at whether a sentence's two embeddings differ, and at what the rules for views and negatives find.
func (a *adviser) sentenceViews(m method.SimCSE) {
	const little = 0.1
	key, dropout := a.dropout()
	if a.Text.texts() == 1 && m.Positive == (positive.TextConfig{}) && dropout == 0 {
		a.say(key, "is 0: without dropout the two embeddings of a sentence are the same, and there is nothing to learn of what may change about it: 71.1 in the place of 82.5 on the development pairs of STS-B (Gao et al. 2021, table 3); take 0.1, or make views with %s.positive", a.method)
	}
	if a.Text.Static != nil && m.Positive.Swap > 0 {
		a.sayOwn("positive.swap", "is %g: the static encoder does not see in what order words are", m.Positive.Swap)
	}
	if m.Negatives.On() && a.seen.Made < little {
		a.sayOwn("negatives", "are made for %.1f%% of the rows: the rules are for English, and find no word to change in the others, which have no hard negative of their own; alike views shows them", 100*a.seen.Made)
	}
}

// dropout is the larger of an encoder's shares that are dropped, and the key of the setting; an encoder without such a setting drops nothing.
func (a *adviser) dropout() (key string, share float64) {
	switch {
	case a.Text.Transformer != nil:
		return "text.transformer.dropout", max(a.Text.Transformer.Dropout, a.Text.Transformer.AttentionDropout)
	case a.Text.Static != nil:
		return "text.static.dropout", a.Text.Static.Dropout
	}
	return "dropout of " + a.Backbone, 0
}

// sentenceRate compares the learning rate with that for an encoder which starts as this one does.
func (a *adviser) sentenceRate() {
	usual := a.usual.Optimizer.Rate(a.Batch)
	rate := a.Optimizer.Rate(a.Batch)
	switch times := rate / usual; {
	case times > far && !a.fromScratch() && a.Text.Transformer != nil:
		a.say("optimizer.learning_rate", "comes to %.3g for a batch of %d: trained encoders are tuned with %.3g (Gao et al. 2021, table A.1: 1e-5 to 5e-5), and with %.3g times that they forget what they knew", rate, a.Batch, usual, times)
	case times > far:
		a.say("optimizer.learning_rate", "comes to %.3g for a batch of %d: that is %.3g times the usual one for such an encoder, %.3g", rate, a.Batch, times, usual)
	case times < 1./far && a.fromScratch():
		a.say("optimizer.learning_rate", "comes to %.3g for a batch of %d: an encoder whose weights are drawn hardly learns with less than the usual %.3g; rates such as 3e-5 are for tuning one that was trained before, see text.pretrained", rate, a.Batch, usual)
	case times < 1./far:
		a.say("optimizer.learning_rate", "comes to %.3g for a batch of %d: the usual one for such an encoder is %.3g times that, %.3g", rate, a.Batch, 1/times, usual)
	}
}

// knowsRate says whether the usual rate is one for the run's own optimizer on text.
func (a *adviser) knowsRate() bool {
	return a.OnText() && a.Optimizer.Name == optim.AdamW && a.usual.Optimizer.Name == optim.AdamW
}
