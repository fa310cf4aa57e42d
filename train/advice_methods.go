package train

import (
	"math"

	"github.com/alike-ml/alike/method"
)

// temperature is of unit vectors, whose similarities are from -1 to 1.
func (a *adviser) temperature(tau float64) {
	const low, high = 0.01, 1
	switch {
	case tau < low:
		a.sayOwn("temperature", "is %g: below %g the softmax sees the nearest negative alone; published ones are from 0.05 to 0.5", tau, low)
	case tau > high:
		a.sayOwn("temperature", "is %g: above %d the softmax sees hardly a difference between near and far; published ones are from 0.05 to 0.5", tau, high)
	}
}

// negatives are those of a method that finds them in the batch.
func (a *adviser) negatives() {
	const few = 64
	if a.Batch < few {
		a.say("batch", "is %d: a view has %d others of the batch to be told from, and SimCLR's results fall with fewer (Chen et al. 2020, figure 9, from 256 up); take %d or more, or a method with a queue such as mocov2",
			a.Batch, 2*a.Batch-2, few)
	}
}

// chunks are a step of the whole batch only where an encoder sees each item by itself.
func (a *adviser) chunks(m method.Method) {
	if clip, ok := m.(method.CLIP); ok && clip.FreezeImage {
		return // whose batch norm has the statistics that it came with
	}
	if !a.tested && a.Chunk > 0 && a.Chunk < a.Batch && !a.OnText() && a.hasBatchNorm() {
		a.say("chunk", "is %d: batch norm in %s has the statistics of so many pictures and not of the batch, so that the step is not the one of the batch in one piece; it is with an encoder that sees each item by itself, as cached gradients suppose (Gao et al. 2021, section 3.2), such as vit_tiny",
			a.Chunk, a.Backbone)
	}
}

// statistics are those over the batch, of a method whose heads and loss rest on them; source is where it is shown for which batches.
func (a *adviser) statistics(source string) {
	const few = 32
	if a.Batch < few {
		a.say("batch", "is %d: %s rests on statistics over the batch, which so few pictures give badly (%s); take %d or more", a.Batch, a.method, source, few)
	}
}

// average compares the share of a target network that a step leaves with the usual one: the same share over the same number of pictures.
func (a *adviser) average(key string, share, usual float64) {
	fits := math.Pow(usual, float64(a.Batch)/float64(a.usual.Batch))
	if !a.tested && 1-share > far*(1-fits) {
		a.sayOwn(key, "is %g: with a batch of %d the slow network follows too fast; the default of %g for a batch of %d comes to %.5g for yours (Busbridge et al. 2023, How to scale your EMA)",
			share, a.Batch, usual, a.usual.Batch, fits)
	}
}

// moco looks at the queue, which works with any number of rows: it shifts, so that it need not be a multiple of the batch.
func (a *adviser) moco(m, usual method.MoCo) {
	a.temperature(m.Temperature)
	a.average("momentum", m.Momentum, usual.Momentum)
	pushed := a.Batch
	if m.Symmetric {
		pushed *= 2
	}
	switch {
	case m.Queue > len(a.labels):
		a.sayOwn("queue", "is %d, and there are %d pictures to learn from: a picture's own keys from earlier epochs are among its negatives; take at most %[2]d", m.Queue, len(a.labels))
	case m.Queue > a.steps*pushed:
		a.sayOwn("queue", "is %d: the run ends before it is full, with %d keys in it", m.Queue, a.steps*pushed)
	case m.Queue < pushed:
		a.sayOwn("queue", "is %d: it keeps that many of the %d keys of a step, and loses the others; simclr has more negatives in such a batch", m.Queue, pushed)
	}
	const few = 8
	if rows := a.Batch / m.Groups; rows < few && a.hasBatchNorm() {
		a.sayOwn("split_batch_norm", "is %d: batch norm has the statistics of %d pictures, and with fewer than %d they are poor (Wu and He 2018, Group normalization, figure 1)", m.Groups, rows, few)
	}
}

// classmates looks at how many items of its class an item meets in a batch.
func (a *adviser) classmates() {
	if met, known := a.met(); known && met < 1 {
		a.say("batch", "is %d: of %s, one meets %.2g others of its class in a batch on average, and with fewer than one there is little for %s to learn from classes; take a larger batch, or more of a class", a.Batch, a.Items(), met, a.method)
	}
}

// tunesCLIP says whether both encoders of a whole CLIP are trained on, with the optimizer that the usual rate is for.
func (a *adviser) tunesCLIP() bool {
	return a.CLIP != nil && a.Pairs.CLIPImage != nil && a.Pairs.Pretrained != "" && !a.CLIP.FreezeImage && !a.CLIP.FreezeText &&
		a.Optimizer.Name == a.usual.Optimizer.Name
}

// tuningRate compares the learning rate with that for encoders which were trained before.
func (a *adviser) tuningRate() {
	rate, usual := a.Optimizer.Rate(a.Batch), a.usual.Optimizer.Rate(a.Batch)
	if times := rate / usual; times > far {
		a.say("optimizer.learning_rate", "comes to %.3g for a batch of %d: a trained CLIP is tuned with %.3g (Goyal et al. 2023, Finetune like you pretrain), and with %.3g times that it forgets what it knew", rate, a.Batch, usual, times)
	}
}

// pairs looks at what a picture's caption is told from.
func (a *adviser) pairs(m method.CLIP) {
	const few = 64
	if a.Batch < few {
		a.say("batch", "is %d: a picture's caption is told from %d others of the batch; CLIP has 32,767 of them (Radford et al. 2021, table 18), and on small data too more are better; take %d or more", a.Batch, a.Batch-1, few)
	}
	if m.FreezeImage && a.Pairs.ImageModel == "" && (a.Pairs.CLIPImage == nil || a.Pairs.Pretrained == "") {
		a.sayOwn("freeze_image", "is true, and the encoder of pictures is drawn at random: name a trained one with pairs.image_model, or a whole CLIP with pairs.pretrained (Zhai et al. 2022, LiT, section 3)")
	}
	if m.FreezeText && a.Pairs.Pretrained == "" {
		a.sayOwn("freeze_text", "is true, and the encoder of texts is drawn at random: name a trained one with pairs.pretrained")
	}
	const some = 0.01
	if flip := m.Augment.Flip; flip > 0 && a.seen.Sides >= some {
		a.sayOwn("augment.flip", "is %g, and %.0f%% of the captions name a side or a direction, which a flipped picture does not show; CLIP's own is 0", flip, 100*a.seen.Sides)
	}
	met, known := a.met()
	switch {
	case !known:
	case !m.MultiPositive && met >= 0.1:
		a.sayOwn("multi_positive", "is false: a picture meets %.2g others with its own first caption in a batch on average, and that caption is a negative of it there; set it to true", met)
	case met > float64(a.Batch)/4:
		a.say("pairs.captions", "are much the same: a picture meets %.3g others with its own first caption in a batch of %d, and is told from the rest alone; captions that say more of each picture teach more", met, a.Batch)
	}
}

// met is how many others of its class a picture meets in a batch, on average over those that have a class. It is not known where
// there is at most one picture.
func (a *adviser) met() (mates float64, known bool) {
	sizes := map[int]int{}
	labelled := 0
	for _, label := range a.labels {
		if label >= 0 {
			sizes[label]++
			labelled++
		}
	}
	others := 0 // of its class, over all pictures: a sum of whole numbers, the same in any order
	for _, n := range sizes {
		others += n * (n - 1)
	}
	if labelled == 0 || len(a.labels) < 2 {
		return 0, false
	}
	return float64(others) / float64(labelled) * float64(a.Batch-1) / float64(len(a.labels)-1), true
}

// perCode is the most prototypes that the codes were published with, to a row that they are made from: lightly's for CIFAR-10
// has 512 to a batch of 128 (cifar10_benchmark.py).
const perCode = 4

// swav looks at what Sinkhorn balances, at a queue that never joins and at prototypes that are hardly trained.
func (a *adviser) swav(m method.SwAV) {
	if rows := a.Batch + m.Queue; m.Prototypes > perCode*rows {
		a.sayOwn("prototypes", "is %d, and codes are made from %d pictures at a time: Sinkhorn gives every prototype its share of them, which here is a small part of one picture; take fewer prototypes or a queue (Caron et al. 2020, section 4.3)",
			m.Prototypes, rows)
	}
	if joins := (a.steps - m.QueueEpochs*a.perEpoch) * a.Batch; m.Queue > 0 && joins < m.Queue {
		a.sayOwn("queue", "is %d: the run ends before there are so many embeddings in it, and until then it takes no part; shorten it or queue_epochs", m.Queue)
	}
	if a.steps > 0 && m.FreezeSteps > a.steps/2 {
		a.sayOwn("freeze_steps", "is %d of %d steps: the prototypes stay where they were drawn for more than half of the run; the published number is one epoch of ImageNet", m.FreezeSteps, a.steps)
	}
}
