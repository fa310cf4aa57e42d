package nn_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	_ "github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"pgregory.net/rapid"

	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/nn"
)

func backend(t testing.TB) compute.Backend {
	t.Helper()
	b, err := compute.NewWithConfig("go")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

func run(t testing.TB, b compute.Backend, store *model.Store, f func(*model.Scope, *graph.Node) []*graph.Node, x *tensors.Tensor) [][]float32 {
	t.Helper()
	exec, err := model.NewExec(b, store, f)
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	outputs, err := exec.Call(x)
	if err != nil {
		t.Fatal(err)
	}
	values := make([][]float32, len(outputs))
	for i, o := range outputs {
		values[i] = tensors.MustCopyFlatData[float32](o)
	}
	return values
}

func near(t testing.TB, what string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d values, want %d", what, len(got), len(want))
	}
	for i := range got {
		if d := math.Abs(float64(got[i] - want[i])); !(d <= tolerance) {
			t.Fatalf("%s[%d] = %g, want %g", what, i, got[i], want[i])
		}
	}
}

// The batch norm of the papers' code, in float64: forward, running statistics, and the closed form of the gradient (Ioffe
// and Szegedy 2015, section 3), for the loss Σ w·y.
func TestBatchNormTrainsAsPyTorchs(t *testing.T) {
	b := backend(t)
	rapid.Check(t, func(rt *rapid.T) {
		rows, features := rapid.IntRange(2, 9).Draw(rt, "rows"), rapid.IntRange(1, 5).Draw(rt, "features")
		draw := rapid.Float32Range(-3, 3)
		x := rapid.SliceOfN(draw, rows*features, rows*features).Draw(rt, "x")
		w := rapid.SliceOfN(draw, rows*features, rows*features).Draw(rt, "w")
		store := model.NewStore()
		outputs := run(t, b, store, func(scope *model.Scope, in *graph.Node) []*graph.Node {
			store.SetTraining(in.Graph(), true)
			y := nn.BatchNorm(scope.In("norm"), graph.Reshape(in, rows, 1, features), nn.FullNorm)
			weighted := graph.Mul(graph.Reshape(y, rows, features), graph.Const(in.Graph(), tensors.FromFlatDataAndDimensions(w, rows, features)))
			return []*graph.Node{y, graph.Gradient(graph.ReduceAllSum(weighted), in)[0]}
		}, tensors.FromFlatDataAndDimensions(x, rows, features))

		wantY, wantDX := make([]float32, rows*features), make([]float32, rows*features)
		wantMean, wantVar := make([]float32, features), make([]float32, features)
		for f := range features {
			var mean, variance, sumW, sumWX float64
			n := float64(rows)
			for r := range rows {
				mean += float64(x[r*features+f]) / n
			}
			for r := range rows {
				d := float64(x[r*features+f]) - mean
				variance += d * d / n
			}
			inverse := 1 / math.Sqrt(variance+1e-5)
			for r := range rows {
				normalised := (float64(x[r*features+f]) - mean) * inverse
				wantY[r*features+f] = float32(normalised)
				sumW += float64(w[r*features+f])
				sumWX += float64(w[r*features+f]) * normalised
			}
			for r := range rows {
				wantDX[r*features+f] = float32(inverse * (float64(w[r*features+f]) - sumW/n - float64(wantY[r*features+f])*sumWX/n))
			}
			wantMean[f] = float32(0.1 * mean)
			wantVar[f] = float32(0.9 + 0.1*variance*n/(n-1))
			if variance < 1e-3 {
				rt.Skip("float32 leaves no digits in the gradient of a nearly constant column")
			}
		}
		near(t, "y", outputs[0], wantY, 1e-3)
		near(t, "gradient", outputs[1], wantDX, 2e-2)
		near(t, "running mean", tensors.MustCopyFlatData[float32](store.GetVariable("/norm/running_mean").MustValue()), wantMean, 1e-5)
		near(t, "running variance", tensors.MustCopyFlatData[float32](store.GetVariable("/norm/running_variance").MustValue()), wantVar, 1e-4)
	})
}

func TestBatchNormInfersFromRunningStatistics(t *testing.T) {
	store := model.NewStore()
	store.RootScope().At("norm").VariableWithValue("running_mean", []float32{1, -2}).SetTrainable(false)
	store.RootScope().At("norm").VariableWithValue("running_variance", []float32{4, 0.25}).SetTrainable(false)
	outputs := run(t, backend(t), store, func(scope *model.Scope, x *graph.Node) []*graph.Node {
		return []*graph.Node{nn.BatchNorm(scope.In("norm"), x, nn.FullNorm)}
	}, tensors.FromFlatDataAndDimensions([]float32{3, -2, 1, -1}, 2, 2))
	near(t, "y", outputs[0], []float32{1, 0, 0, 2}, 1e-4)
	near(t, "running mean", tensors.MustCopyFlatData[float32](store.GetVariable("/norm/running_mean").MustValue()), []float32{1, -2}, 0)
}

func TestBatchNormKeepsBFloat16AndItsStatisticsDoNot(t *testing.T) {
	store := model.NewStore()
	exec, err := model.NewExec(backend(t), store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		store.SetTraining(x.Graph(), true)
		return nn.BatchNorm(scope.In("norm"), graph.ConvertDType(x, dtypes.BFloat16), nn.FullNorm)
	})
	if err != nil {
		t.Fatal(err)
	}
	y, err := exec.Call1(tensors.FromFlatDataAndDimensions([]float32{1, 2, 3, 5}, 4, 1))
	if err != nil {
		t.Fatal(err)
	}
	if y.DType() != dtypes.BFloat16 {
		t.Errorf("y is %s", y.DType())
	}
	got := tensors.MustCopyFlatData[bfloat16.BFloat16](y)
	for i, want := range []float64{-1.18322, -0.507, 0.169, 1.521} {
		if d := math.Abs(float64(got[i].Float32()) - want); d > 0.01 {
			t.Errorf("y[%d] = %v, want %g", i, got[i], want)
		}
	}
	if v := store.GetVariable("/norm/running_mean"); v.DType() != dtypes.Float32 {
		t.Errorf("the running mean is %s", v.DType())
	}
}

// A convolution against its definition, for odd sizes, both kernels and both strides in use.
func TestConvIsItsDefinition(t *testing.T) {
	b := backend(t)
	rapid.Check(t, func(rt *rapid.T) {
		h, w := rapid.IntRange(1, 6).Draw(rt, "height"), rapid.IntRange(1, 6).Draw(rt, "width")
		in, out := rapid.IntRange(1, 3).Draw(rt, "in"), rapid.IntRange(1, 3).Draw(rt, "out")
		kernel, stride := rapid.SampledFrom([]int{1, 3, 7}).Draw(rt, "kernel"), rapid.IntRange(1, 2).Draw(rt, "stride")
		x := rapid.SliceOfN(rapid.Float32Range(-1, 1), h*w*in, h*w*in).Draw(rt, "x")
		store := model.NewStore()
		nn.SetSeed(store, 3)
		got := run(t, b, store, func(scope *model.Scope, x *graph.Node) []*graph.Node {
			return []*graph.Node{nn.Conv(scope.In("conv"), x, out, kernel, stride)}
		}, tensors.FromFlatDataAndDimensions(x, 1, h, w, in))[0]
		weights := tensors.MustCopyFlatData[float32](store.GetVariable("/conv/weights").MustValue())
		var want []float32
		for i := 0; i < h; i += stride {
			for j := 0; j < w; j += stride {
				for o := range out {
					var sum float64
					for a := range kernel {
						for c := range kernel {
							y, z := i+a-kernel/2, j+c-kernel/2
							if y < 0 || y >= h || z < 0 || z >= w {
								continue
							}
							for k := range in {
								sum += float64(x[(y*w+z)*in+k]) * float64(weights[((a*kernel+c)*in+k)*out+o])
							}
						}
					}
					want = append(want, float32(sum))
				}
			}
		}
		near(t, "convolution", got, want, 1e-5)
	})
}

func TestParametersDependOnSeedAndPathOnly(t *testing.T) {
	draw := func(seed uint64, before bool, path string) string {
		store := model.NewStore()
		nn.SetSeed(store, seed)
		if before {
			nn.Parameter(store.RootScope().At("another"), "weights", nn.Normal(1), 5)
		}
		v := nn.Parameter(store.RootScope().At("%s", path), "weights", nn.Normal(1), 3)
		return fmt.Sprint(tensors.MustCopyFlatData[float32](v.MustValue()))
	}
	first := draw(1, false, "layer")
	if draw(1, true, "layer") != first {
		t.Error("a parameter depends on what was drawn before it")
	}
	if draw(2, false, "layer") == first {
		t.Error("the seed does not matter")
	}
	if draw(1, false, "layer_2") == first {
		t.Error("the path does not matter")
	}
}

func TestInitialVariances(t *testing.T) {
	store := model.NewStore()
	variance := func(name string, init nn.Init) float64 {
		v := tensors.MustCopyFlatData[float32](nn.Parameter(store.RootScope(), name, init, 20000).MustValue())
		var sum float64
		for _, x := range v {
			sum += float64(x) * float64(x)
		}
		return sum / float64(len(v))
	}
	// Five standard errors of a variance from 20,000 draws: 5·√(2/20000) = 5%.
	for _, c := range []struct {
		name string
		init nn.Init
		want float64
	}{{"he", nn.HeNormal(50), 0.04}, {"lecun", nn.LecunNormal(50), 0.02}} {
		if got := variance(c.name, c.init); math.Abs(got/c.want-1) > 0.05 {
			t.Errorf("%s: variance %g, want %g", c.name, got, c.want)
		}
	}
}

// Heads: which layers have biases, norms and offsets is what the papers differ in.
func TestMLPHasThePartsItNames(t *testing.T) {
	for _, c := range []struct {
		name string
		mlp  nn.MLP
		want []string
	}{
		{"plain", nn.MLP{Layers: 2, Hidden: 4, Out: 3, OutBias: true},
			[]string{"/layer_0/bias", "/layer_0/weights", "/layer_1/bias", "/layer_1/weights"}},
		{"normed, last without offset", nn.MLP{Layers: 2, Hidden: 4, Out: 3, HiddenNorm: true, OutNorm: true},
			[]string{"/layer_0/norm/offset", "/layer_0/norm/running_mean", "/layer_0/norm/running_variance", "/layer_0/norm/scale", "/layer_0/weights",
				"/layer_1/norm/running_mean", "/layer_1/norm/running_variance", "/layer_1/norm/scale", "/layer_1/weights"}},
		{"linear", nn.MLP{Layers: 1, Out: 3}, []string{"/layer_0/weights"}},
	} {
		store := model.NewStore()
		run(t, backend(t), store, func(scope *model.Scope, x *graph.Node) []*graph.Node {
			return []*graph.Node{c.mlp.Apply(scope, x)}
		}, tensors.FromFlatDataAndDimensions(make([]float32, 10), 2, 5))
		got := map[string]bool{}
		for v := range store.IterVariables() {
			got[v.Path()] = true
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: variables %v, want %v", c.name, got, c.want)
		}
		for _, path := range c.want {
			if !got[path] {
				t.Errorf("%s: no variable %s", c.name, path)
			}
		}
	}
}

// A sum of 320 ones in bfloat16, which has eight binary digits: 320 when it is summed in float32, 256 when not. So are the sums
// of its gradients.
func TestDenseSumsBFloat16InFloat32(t *testing.T) {
	const n = 320
	ones := make([]bfloat16.BFloat16, n*n)
	for i := range ones {
		ones[i] = bfloat16.FromFloat32(1)
	}
	for _, name := range []string{"go", "cpu"} {
		b, err := device.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Finalize()
		store := model.NewStore()
		outputs := run(t, b, store, func(scope *model.Scope, x *graph.Node) []*graph.Node {
			y := nn.DenseFrom(scope, x, n, false, nn.Ones)
			if y.DType() != dtypes.BFloat16 {
				t.Errorf("y is %s", y.DType())
			}
			gradients := graph.Gradient(graph.ReduceAllSum(graph.ConvertDType(y, dtypes.Float32)), x, store.GetVariable("/weights").NodeValue(x))
			return []*graph.Node{graph.ConvertDType(y, dtypes.Float32), graph.ConvertDType(gradients[0], dtypes.Float32), gradients[1]}
		}, tensors.FromFlatDataAndDimensions(ones, n, n))
		for i, values := range outputs {
			for _, v := range values {
				if v != n {
					t.Fatalf("%s: output %d has a sum of %g, want %d", name, i, v, n)
				}
			}
		}
	}
}
