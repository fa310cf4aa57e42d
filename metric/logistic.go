package metric

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/optimize"
)

// features are rows as a probe sees them: prepared as the rows that it is fitted to need it. Weights W of k classes stand in the
// order that suits the kind of rows; each kind reads its own.
type features interface {
	shape() (rows, cols int)
	// problem is that of telling the rows' classes apart: y has their numbers, all below k.
	problem(y []int, k int) problem
	// logits calls f with W x, [k], of every row x, on several processors at once. They are f's to change until it returns.
	logits(weights []float64, k int, f func(row int, logits []float64))
}

// problem is what fits of different regularisation share.
type problem interface {
	// sum returns  Σ -log softmax(W x + b)[y]  over the rows for parameters, W and then b, and sets slope to its gradient.
	sum(parameters, slope []float64) float64
	// preconditioner returns one for  sum / rows + decay/2 |W|^2.
	preconditioner(decay float64) preconditioner
}

// preconditioner is a linear map T from the optimiser's variables to parameters: roughly the inverse square root of the
// Hessian, so that the optimiser sees nearly the same curvature in every direction.
type preconditioner interface {
	// apply sets out to T in, both laid out as the parameters of a probe.
	apply(out, in []float64)
}

// probe is a fitted multinomial logistic regression.
type probe struct {
	classes    []int     // the labels, rising
	parameters []float64 // weights, then [classes] biases
	iterations int
	gradient   float64 // largest component of the gradient at the end
}

// probeData is what a probe is fitted to.
type probeData struct {
	problem
	rows, cols int
	classes    []int // the labels, rising
}

// newProbeData takes rows that all have a label.
func newProbeData(x features, labels []int) *probeData {
	d := &probeData{classes: classesOf(labels)}
	d.rows, d.cols = x.shape()
	y := make([]int, len(labels))
	for i, label := range labels {
		y[i], _ = slices.BinarySearch(d.classes, label)
	}
	d.problem = x.problem(y, len(d.classes))
	return d
}

// fit minimises the objective for one C, from the parameters of a probe fitted to the same data, or from zero for nil. So many fits are done
// before; the error is that of options.Progress.
func (d *probeData) fit(c float64, start *probe, done int, options ProbeOptions) (*probe, error) {
	if err := options.Progress(done, len(options.Cs)+1); err != nil {
		return nil, err
	}
	origin := make([]float64, len(d.classes)*(d.cols+1))
	if start != nil {
		copy(origin, start.parameters)
	}
	objective := newLogistic(d, c, origin)
	converger := &gradientConverger{objective: objective, tolerance: options.Tolerance}
	converger.ask = func() error { return options.Progress(done, len(options.Cs)+1) }
	settings := &optimize.Settings{MajorIterations: options.MaxIterations, Converger: converger}
	// An error means that the line search found no better point, which happens when the tolerance is finer than rounding.
	// The best point so far is returned all the same, and its gradient says how good it is.
	result, _ := optimize.Minimize(optimize.Problem{Func: objective.loss, Grad: objective.gradient}, make([]float64, len(origin)), settings, &optimize.LBFGS{})
	if converger.stopped != nil {
		return nil, converger.stopped
	}
	objective.evaluate(result.X)
	return &probe{
		classes: d.classes, parameters: slices.Clone(objective.parameters),
		iterations: result.MajorIterations, gradient: floats.Norm(objective.slope, math.Inf(1)),
	}, nil
}

// gradientConverger ends a fit by the gradient of the objective in its own parameters, not in the optimiser's.
type gradientConverger struct {
	objective *logistic
	tolerance float64
	ask       func() error // whether to go on, at every iteration
	stopped   error        // what it said, if it said no
}

func (g *gradientConverger) Init(int) {}

func (g *gradientConverger) Converged(at *optimize.Location) optimize.Status {
	if g.stopped = g.ask(); g.stopped != nil {
		return optimize.MethodConverge
	}
	g.objective.evaluate(at.X)
	if floats.Norm(g.objective.slope, math.Inf(1)) <= g.tolerance {
		return optimize.GradientThreshold
	}
	return optimize.NotTerminated
}

// predict returns the most likely label of every row; of equally likely ones the lowest.
func (p *probe) predict(x features) []int {
	rows, _ := x.shape()
	k := len(p.classes)
	cut := len(p.parameters) - k
	predicted := make([]int, rows)
	x.logits(p.parameters[:cut], k, func(row int, logits []float64) {
		floats.Add(logits, p.parameters[cut:])
		predicted[row] = p.classes[floats.MaxIdx(logits)]
	})
	return predicted
}

// logistic is the objective of [LinearProbe] and its gradient, as functions of preconditioned parameters v: the
// parameters proper are  origin + T v.
type logistic struct {
	data       *probeData
	decay      float64 // 1/(C n)
	origin     []float64
	transform  preconditioner // T
	at         []float64      // v of the last evaluation; nil before the first
	value      float64
	parameters []float64 // at v
	slope      []float64 // gradient in the parameters proper
}

func newLogistic(data *probeData, c float64, origin []float64) *logistic {
	decay := 1 / (c * float64(data.rows))
	return &logistic{
		data: data, decay: decay, origin: origin, transform: data.preconditioner(decay),
		parameters: make([]float64, len(origin)), slope: make([]float64, len(origin)),
	}
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

	n := float64(l.data.rows)
	weights := l.parameters[:len(l.parameters)-len(l.data.classes)]
	l.value = l.data.sum(l.parameters, l.slope)/n + l.decay/2*floats.Dot(weights, weights)
	floats.Scale(1/n, l.slope)
	floats.AddScaled(l.slope[:len(weights)], l.decay, weights)
}

// residual turns W x into  softmax(W x + b) - onehot(y), and returns the cross-entropy.
func residual(logits, biases []float64, y int) float64 {
	floats.Add(logits, biases)
	logSum := floats.LogSumExp(logits)
	loss := logSum - logits[y]
	for c, z := range logits {
		logits[c] = math.Exp(z - logSum)
	}
	logits[y]--
	return loss
}

// curvature is p(1-p) averaged over the shares p of the classes: the Hessian of the mean cross-entropy in the weights of a class
// is about this times  x^T x / n,  and just so where the probabilities equal the shares.
func curvature(y []int, k int) float64 {
	shares := make([]float64, k)
	for _, class := range y {
		shares[class] += 1 / float64(len(y))
	}
	a := 1e-3 // for a single class, whose curvature is zero
	for _, p := range shares {
		a += p * (1 - p) / float64(k)
	}
	return a
}
