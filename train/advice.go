package train

import (
	"fmt"
	"math"
	"strings"

	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/optim"
)

// Advice is about a setting that is far from what is known to work. The run works with it.
type Advice struct {
	// Key is the setting's, as in config.yaml; Text goes on from there with its value, what is wrong with it and who says so.
	Key, Text string
}

func (a Advice) String() string { return a.Key + " " + a.Text }

// Seen is what there is to know of the items to learn from before a run's first step.
type Seen struct {
	// Labels are the classes of the items, -1 for one without; of pictures with captions, their first captions by number.
	Labels []int
	// Truncated is the share of texts that are longer than the encoder sees, Made that of rows of text for which the run's rules make a
	// hard negative, of a sample of the rows.
	Truncated, Made float64
	// Sides is the share of captions that name a side or a direction, of a sample of them.
	Sides float64
}

// Advise looks at a run before its first step. Of the published settings, on as many items as they are for, there is nothing to say.
//
// Settings that were tested are those of runs that were measured: of them, only what the items at hand do not fit is advised
// on, not how far they are from the published ones.
//
// Settings that a run cannot work with are not its concern: [Config.Validate] and [Run] refuse them.
func Advise(config Config, seen Seen, tested bool) ([]Advice, error) {
	m, err := config.Method()
	if err != nil {
		return nil, err
	}
	usual, err := config.Usual()
	if err != nil {
		return nil, err
	}
	perEpoch := len(seen.Labels) / config.Batch
	a := &adviser{
		Config: config, usual: usual.WithEpochs(config.Epochs), method: m.Name(),
		labels: seen.Labels, seen: seen, tested: tested, perEpoch: perEpoch, steps: config.Epochs * perEpoch,
	}
	a.length()
	a.warmup()
	switch {
	case tested:
	case a.knowsRate():
		a.sentenceRate()
	case a.tunesCLIP():
		a.tuningRate()
	default:
		a.rate()
	}
	a.chunks(m)
	a.adviseMethod(m)
	return a.list, nil
}

// adviser gathers the advice on a run.
type adviser struct {
	Config
	usual  Config // the method's defaults for the same pictures and epochs
	method string
	labels []int
	seen   Seen
	tested bool
	// perEpoch and steps count the steps of an epoch and of the run.
	perEpoch, steps int
	list            []Advice
}

func (a *adviser) say(key, format string, values ...any) {
	a.list = append(a.list, Advice{key, fmt.Sprintf(format, values...)})
}

// sayOwn is say of a setting of the method's own.
func (a *adviser) sayOwn(key, format string, values ...any) {
	a.say(a.method+"."+key, format, values...)
}

// far is how many times as large or as small as the usual a setting is that there is something to say of.
const far = 8

// fewSteps is the length of a run, in steps, that no schedule was made for.
const fewSteps = 100

func (a *adviser) length() {
	if a.steps < fewSteps {
		a.say("epochs", "is %d: that is %d steps of %d %s in all, and with fewer than %d an encoder has hardly begun to learn; take more epochs or a smaller batch",
			a.Epochs, a.steps, a.Batch, a.Items(), fewSteps)
	}
}

func (a *adviser) warmup() {
	if w := a.Schedule.WarmupEpochs; w > float64(a.Epochs)/2 {
		a.say("schedule.warmup_epochs", "is %g of %d epochs: the rate rises for more than half of the run; a tenth of it is usual", w, a.Epochs)
	}
}

// rate compares the learning rate with the published ones for this optimizer and this batch: the method's own and the
// optimizer's.
func (a *adviser) rate() {
	published, err := optim.Default(a.Optimizer.Name)
	if err != nil {
		return // refused by Validate
	}
	rates := []float64{scaled(published, a.Batch)}
	if a.usual.Optimizer.Name == a.Optimizer.Name {
		rates = append(rates, scaled(a.usual.Optimizer, a.Batch))
	}
	rate, nearest := a.Optimizer.Rate(a.Batch), 0.0
	for _, r := range rates {
		if nearest == 0 || math.Abs(math.Log(rate/r)) < math.Abs(math.Log(rate/nearest)) {
			nearest = r
		}
	}
	switch times := rate / nearest; {
	case times > far:
		a.say("optimizer.learning_rate", "comes to %.3g for a batch of %d: that is %.3g times the nearest published one for %s, %.3g", rate, a.Batch, times, a.Optimizer.Name, nearest)
	case times < 1./far:
		a.say("optimizer.learning_rate", "comes to %.3g for a batch of %d: the nearest published one for %s is %.3g times that, %.3g", rate, a.Batch, a.Optimizer.Name, 1/times, nearest)
	}
	if o := a.Optimizer; o.Name == optim.LARS && o.Scaling == optim.LinearScaling && a.Batch < smallForLARS {
		a.say("optimizer.scaling", "is linear, which gives lars a rate of %.3g for a batch of %d: lars is for large batches; for small ones SimCLR takes 0.075 and sqrt (Chen et al. 2020, appendix B.1)", rate, a.Batch)
	}
}

// smallForLARS is a batch far below all that LARS was published with.
const smallForLARS = 64

// scaled is a published rate for a batch. One that follows no rule is for 256; that of adamw hardly depends on the batch.
func scaled(c optim.Config, batch int) float64 {
	if c.Scaling == optim.NoScaling && c.Name != optim.AdamW {
		c.Scaling = optim.LinearScaling
	}
	return c.Rate(batch)
}

// adviseMethod looks at the settings that a method has of its own.
func (a *adviser) adviseMethod(m method.Method) {
	switch m := m.(type) {
	case method.MoCo:
		a.moco(m, *a.usual.MoCo)
	case method.MoCoV2:
		a.moco(m.MoCo, a.usual.MoCoV2.MoCo)
	case method.SimCLR:
		if m.Similarity == a.usual.SimCLR.Similarity {
			a.temperature(m.Temperature)
		}
		a.negatives()
	case method.SupCon:
		a.temperature(m.Temperature)
		a.negatives()
		a.classmates()
	case method.SupConText:
		a.temperature(m.Temperature)
		a.classmates()
		a.truncation()
	case method.BYOL:
		a.average("tau", m.Tau, a.usual.BYOL.Tau)
		a.statistics("Grill et al. 2020, figure 3a")
	case method.SwAV:
		a.temperature(m.Temperature)
		a.swav(m)
	case method.SimCSE:
		a.simcse(m)
	case method.CLIP:
		a.pairs(m)
	case method.SimSiam:
		a.statistics("Chen and He 2021, table 2")
	case method.BarlowTwins:
		a.statistics("Zbontar et al. 2021, figure 2")
	}
}

// hasBatchNorm says whether the encoder normalises over the batch.
func (a *adviser) hasBatchNorm() bool { return !strings.Contains(a.Backbone, "vit") }
