package metric

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/optimize"
)

// probe is a fitted multinomial logistic regression.
type probe struct {
	scaler     scaler
	classes    []int     // the labels, rising
	parameters []float64 // [classes, dim] weights, then [classes] biases
	iterations int
	gradient   float64 // largest component of the gradient at the end
}

// probeData is what fits of different regularisation share.
type probeData struct {
	x        Matrix // [n, dim], standardised
	scaler   scaler
	y        []int // [n], numbers of classes
	classes  []int // the labels, rising
	spectrum spectrum
}

// newProbeData prepares rows that all have a label.
func newProbeData(m Matrix, labels []int) *probeData {
	d := &probeData{scaler: newScaler(m), classes: classesOf(labels), y: make([]int, len(labels))}
	d.x = d.scaler.apply(m)
	for i, label := range labels {
		d.y[i], _ = slices.BinarySearch(d.classes, label)
	}
	d.spectrum = newSpectrum(d.x)
	return d
}

// fit minimises the objective for one C, from the parameters of a probe fitted to the same data, or from zero for nil.
func (d *probeData) fit(c float64, start *probe, options ProbeOptions) *probe {
	origin := make([]float64, len(d.classes)*(d.x.Cols+1))
	if start != nil {
		copy(origin, start.parameters)
	}
	objective := newLogistic(d, c, origin)
	settings := &optimize.Settings{
		MajorIterations: options.MaxIterations,
		Converger:       &gradientConverger{objective: objective, tolerance: options.Tolerance},
	}
	// An error means that the line search found no better point, which happens when the tolerance is finer than rounding.
	// The best point so far is returned all the same, and its gradient says how good it is.
	result, _ := optimize.Minimize(optimize.Problem{Func: objective.loss, Grad: objective.gradient}, make([]float64, len(origin)), settings, &optimize.LBFGS{})
	objective.evaluate(result.X)
	return &probe{
		scaler: d.scaler, classes: d.classes, parameters: slices.Clone(objective.parameters),
		iterations: result.MajorIterations, gradient: floats.Norm(objective.slope, math.Inf(1)),
	}
}

// gradientConverger ends a fit by the gradient of the objective in its own parameters, not in the optimiser's.
type gradientConverger struct {
	objective *logistic
	tolerance float64
}

func (g *gradientConverger) Init(int) {}

func (g *gradientConverger) Converged(at *optimize.Location) optimize.Status {
	g.objective.evaluate(at.X)
	if floats.Norm(g.objective.slope, math.Inf(1)) <= g.tolerance {
		return optimize.GradientThreshold
	}
	return optimize.NotTerminated
}

// predict returns the most likely label of every row; of equally likely ones the lowest.
func (p *probe) predict(x Matrix) []int {
	k := len(p.classes)
	weights, biases := p.parameters[:k*x.Cols], p.parameters[k*x.Cols:]
	predicted := make([]int, x.Rows)
	x = p.scaler.apply(x)
	parallel((x.Rows+probeBlock-1)/probeBlock, func(b int) {
		first := b * probeBlock
		block := x.rows(first, min(first+probeBlock, x.Rows))
		logits := make([]float64, block.Rows*k)
		products(logits, widen(make([]float64, len(block.Data)), block.Data), weights, x.Cols)
		for i := range block.Rows {
			row := logits[i*k:][:k]
			floats.Add(row, biases)
			predicted[first+i] = p.classes[floats.MaxIdx(row)]
		}
	})
	return predicted
}

const (
	// probeBlock is the number of rows that are widened to float64 together: few enough to stay in the second-level cache.
	probeBlock = 16
	// probeParts is the number of pieces into which the rows are cut for processors to share. It is fixed, so that the order
	// of the sums does not depend on the machine.
	probeParts = 16
)

// logistic is the objective of [LinearProbe] and its gradient, as functions of preconditioned parameters v: the
// parameters proper are  origin + T v.
type logistic struct {
	data       *probeData
	decay      float64 // 1/(C n)
	origin     []float64
	transform  preconditioner // T
	parts      [probeParts]logisticPart
	at         []float64 // v of the last evaluation; nil before the first
	value      float64
	parameters []float64 // at v
	slope      []float64 // gradient in the parameters proper
}

// logisticPart is the share of one piece of the rows in the objective.
type logisticPart struct {
	loss   float64
	slope  []float64 // as the parameters
	x      []float64 // [probeBlock, dim]
	logits []float64 // [probeBlock, classes]
}

func newLogistic(data *probeData, c float64, origin []float64) *logistic {
	decay := 1 / (c * float64(data.x.Rows))
	l := &logistic{
		data: data, decay: decay, origin: origin, transform: newPreconditioner(data, decay),
		parameters: make([]float64, len(origin)), slope: make([]float64, len(origin)),
	}
	for i := range l.parts {
		l.parts[i] = logisticPart{
			slope:  make([]float64, len(origin)),
			x:      make([]float64, probeBlock*data.x.Cols),
			logits: make([]float64, probeBlock*len(data.classes)),
		}
	}
	return l
}

// loss and gradient are what the optimiser asks for, one after the other at the same point.
func (l *logistic) loss(v []float64) float64 {
	l.evaluate(v)
	return l.value
}

func (l *logistic) gradient(gradient, v []float64) {
	l.evaluate(v)
	l.transform.apply(gradient, l.slope)
}

// evaluate sets value to  mean -log softmax(W x + b)[y] + decay/2 |W|^2  and slope to its gradient.
func (l *logistic) evaluate(v []float64) {
	if l.at != nil && floats.Equal(l.at, v) {
		return
	}
	l.at = append(l.at[:0], v...)
	l.transform.apply(l.parameters, v)
	floats.Add(l.parameters, l.origin)

	x, k := l.data.x, len(l.data.classes)
	cut := k * x.Cols
	parallel(probeParts, func(i int) {
		from, to := i*x.Rows/probeParts, (i+1)*x.Rows/probeParts
		l.parts[i].run(x.rows(from, to), l.data.y[from:to], l.parameters[:cut], l.parameters[cut:])
	})
	copy(l.slope, l.parameters)
	floats.Scale(l.decay, l.slope[:cut])
	clear(l.slope[cut:])
	l.value = l.decay / 2 * floats.Dot(l.parameters[:cut], l.parameters[:cut])
	for i := range l.parts {
		l.value += l.parts[i].loss / float64(x.Rows)
		floats.AddScaled(l.slope, 1/float64(x.Rows), l.parts[i].slope)
	}
}

// run sums loss and gradient over rows x of classes y, for weights [classes, dim].
func (part *logisticPart) run(x Matrix, y []int, weights, biases []float64) {
	k := len(biases)
	part.loss = 0
	clear(part.slope)
	for first := 0; first < x.Rows; first += probeBlock {
		block := x.rows(first, min(first+probeBlock, x.Rows))
		wide, logits := widen(part.x, block.Data), part.logits[:block.Rows*k]
		products(logits, wide, weights, x.Cols)
		for i := range block.Rows {
			part.loss += part.residual(logits[i*k:][:k], y[first+i], biases)
		}
		addOuter(part.slope, logits, wide, k, x.Cols)
	}
}

// residual turns a row of W x into  softmax(W x + b) - onehot(y), adds it to the gradient of the biases, and returns the
// cross-entropy.
func (part *logisticPart) residual(logits []float64, y int, biases []float64) float64 {
	floats.Add(logits, biases)
	logSum := floats.LogSumExp(logits)
	loss := logSum - logits[y]
	for c, z := range logits {
		logits[c] = math.Exp(z - logSum)
	}
	logits[y]--
	floats.Add(part.slope[len(part.slope)-len(biases):], logits)
	return loss
}
