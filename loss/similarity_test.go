package loss_test

import (
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/alike-ml/alike/loss"
)

func TestSimilarities(t *testing.T) {
	a, b := matrix{{3, 4}, {0, 2}}, matrix{{4, 3}, {0, -2}}
	for s, want := range map[loss.Similarity]matrix{
		loss.Cosine:            {{24.0 / 25, -4.0 / 5}, {3.0 / 5, -1}},
		loss.InnerProduct:      {{24, -8}, {6, -4}},
		loss.NegativeEuclidean: {{-math.Sqrt2, -math.Sqrt(9 + 36)}, {-math.Sqrt(16 + 1), -4}},
	} {
		args := []any{[][]float64(a), [][]float64(b)}
		pairs := MustExecOnce(backend, func(a, b *Node) *Node { return s.Pairs(a, b) }, args...).Value().([][]float64)
		rows := MustExecOnce(backend, func(a, b *Node) *Node { return s.Rows(a, b) }, args...).Value().([]float64)
		for i := range a {
			for k := range b {
				near(t, string(s)+" of pairs", pairs[i][k], want[i][k], 1e-12)
			}
			near(t, string(s)+" of rows", rows[i], want[i][i], 1e-12)
		}
	}
}

func TestNormalize(t *testing.T) {
	for _, x := range []struct{ in, want float32 }{{4, 1}, {-1e-6, -1}, {0, 0}, {1e-13, 1e-13}} {
		got := MustExecOnce(backend, loss.Normalize, [][]float32{{x.in, 0}}).Value().([][]float32)[0]
		if math.Abs(float64(got[0]-x.want)) > 1e-6*math.Abs(float64(x.want)) || got[1] != 0 {
			t.Errorf("(%g, 0) became %v, want (%g, 0)", x.in, got, x.want)
		}
	}
}

// Identical rows are at the tip of the cone |a-b|: the gradient there is taken as 0.
func TestDistanceGradientAtZero(t *testing.T) {
	e := newEvaluator(func(in []*Node) *Node { return ReduceAllSum(loss.NegativeEuclidean.Pairs(in[0], in[1])) })
	v, grads := e.float64(matrix{{1, 2}}, matrix{{1, 2}})
	if v != 0 || grads[0][0][0] != 0 || grads[1][0][1] != 0 {
		t.Errorf("value %v and gradients %v of identical rows, want zeros", v, grads)
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []loss.Contrast{
		loss.DefaultGuide(), loss.DefaultNTXent(), loss.DefaultInfoNCE(), loss.DefaultSupCon(), loss.DefaultSimCSE().Contrast,
		{Similarity: loss.DefaultTriplet().Similarity, Temperature: 1},
	} {
		if err := c.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for _, c := range []loss.Contrast{
		{}, {Similarity: "l1", Temperature: 1}, {Similarity: loss.Cosine, Temperature: -1}, {Similarity: loss.Cosine, Temperature: math.NaN()},
	} {
		if err := c.Validate(); err == nil {
			t.Errorf("%+v: no error", c)
		}
	}
	if err := loss.DefaultSwAV().Validate(); err != nil {
		t.Error(err)
	}
	if err := loss.DefaultTriplet().Validate(); err != nil {
		t.Error(err)
	}
}
