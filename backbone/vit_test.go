package backbone_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"pgregory.net/rapid"

	"github.com/alike-ml/alike/backbone"
	"github.com/alike-ml/alike/internal/device"
	"github.com/alike-ml/alike/internal/rng"
	"github.com/alike-ml/alike/nn"
)

// random fills a store's variables: matrices as large as keeps a network's values near 1, everything else around its start, so
// that none can be forgotten.
func random(t testing.TB, store *model.Store, seed uint64) {
	t.Helper()
	for v := range store.IterVariables() {
		r := rng.New(seed, 0, v.Shape().Size(), len(v.Path()))
		values := make([]float32, v.Shape().Size())
		for i := range values {
			values[i] = float32(r.NormFloat64())
			switch {
			case strings.HasSuffix(v.Path(), "/weights"):
				values[i] /= float32(math.Sqrt(float64(v.Shape().Size() / v.Shape().Dim(-1))))
			case strings.HasSuffix(v.Path(), "/scale"), strings.HasSuffix(v.Path(), "/running_variance"):
				values[i] = float32(math.Exp(float64(values[i]) / 4))
			}
		}
		if err := v.SetValue(tensors.FromFlatDataAndDimensions(values, v.Shape().Dimensions...)); err != nil {
			t.Fatal(err)
		}
	}
}

// features runs an encoder with random weights in the given type on images [2, size, size, 3] and returns the weights as well.
func features(t testing.TB, name string, encoder backbone.Encoder, dtype dtypes.DType, images []float32, size int) ([]float32, map[string][]float32) {
	t.Helper()
	b, err := device.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	store := model.NewStore()
	exec, err := model.NewExec(b, store, func(scope *model.Scope, images *graph.Node) *graph.Node {
		h := encoder.Features(scope, graph.ConvertDType(images, dtype))
		if h.DType() != dtype {
			t.Errorf("the representation is %s, want %s", h.DType(), dtype)
		}
		random(t, store, 1)
		return graph.ConvertDType(h, dtypes.Float32)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	h, err := exec.Call1(tensors.FromFlatDataAndDimensions(images, 2, size, size, 3))
	if err != nil {
		t.Fatal(err)
	}
	weights := map[string][]float32{}
	for v := range store.IterVariables() {
		weights[v.Path()] = tensors.MustCopyFlatData[float32](v.MustValue())
	}
	return tensors.MustCopyFlatData[float32](h), weights
}

// pictures are two of noise.
func pictures(seed uint64, size int) []float32 {
	r := rng.New(seed, 0, 0, 0)
	values := make([]float32, 2*size*size*3)
	for i := range values {
		values[i] = float32(r.NormFloat64())
	}
	return values
}

// wantViT is the representation of one picture [size, size, 3] by the papers' equations, in float64. Names of weights apart, it
// is written from the papers and timm.
func wantViT(v backbone.ViT, weights map[string][]float32, picture []float32, size int) []float64 {
	w, grid := v.Width, size/v.Patch
	dense := func(path string, x []float64) []float64 {
		matrix, bias := weights[path+"/weights"], weights[path+"/bias"]
		y := make([]float64, len(bias))
		for o := range y {
			y[o] = float64(bias[o])
			for i, value := range x {
				y[o] += value * float64(matrix[i*len(y)+o])
			}
		}
		return y
	}
	norm := func(path string, x []float64) []float64 {
		var mean, square float64
		for _, value := range x {
			mean += value / float64(w)
		}
		for _, value := range x {
			square += (value - mean) * (value - mean) / float64(w)
		}
		y := make([]float64, w)
		for i, value := range x {
			y[i] = (value-mean)/math.Sqrt(square+1e-6)*float64(weights[path+"/scale"][i]) + float64(weights[path+"/offset"][i])
		}
		return y
	}
	position := func(token, i int) float64 { return float64(weights["/positions"][token*w+i]) }

	class := make([]float64, w)
	for i := range class {
		class[i] = float64(weights["/class"][i]) + position(0, i)
	}
	tokens := [][]float64{class}
	for row := range grid {
		for column := range grid {
			var pixels []float64
			for y := range v.Patch {
				for x := range v.Patch {
					for c := range 3 {
						pixels = append(pixels, float64(picture[((row*v.Patch+y)*size+column*v.Patch+x)*3+c]))
					}
				}
			}
			token := dense("/patches", pixels)
			for i := range token {
				token[i] += bicubicAt(v.Grid, grid, row, column, func(r, c int) float64 { return position(1+r*v.Grid+c, i) })
			}
			tokens = append(tokens, token)
		}
	}
	for block := range v.Depth {
		path := fmt.Sprintf("/block_%d", block)
		var qkv [][]float64
		for _, token := range tokens {
			qkv = append(qkv, dense(path+"/attention/qkv", norm(path+"/norm_1", token)))
		}
		mixed := make([][]float64, len(tokens))
		for i := range tokens {
			mixed[i] = make([]float64, w)
			for head := 0; head < w; head += 64 {
				weight := make([]float64, len(tokens))
				var sum float64
				for j := range tokens {
					var score float64
					for d := head; d < head+64; d++ {
						score += qkv[i][d] * qkv[j][w+d]
					}
					weight[j] = math.Exp(score / 8)
					sum += weight[j]
				}
				for j := range tokens {
					for d := head; d < head+64; d++ {
						mixed[i][d] += weight[j] / sum * qkv[j][2*w+d]
					}
				}
			}
		}
		for i, token := range tokens {
			for d, value := range dense(path+"/attention/out", mixed[i]) {
				token[d] += value
			}
			hidden := dense(path+"/up", norm(path+"/norm_2", token))
			for d, value := range hidden {
				hidden[d] = value * math.Erfc(-value/math.Sqrt2) / 2
			}
			for d, value := range dense(path+"/down", hidden) {
				token[d] += value
			}
		}
	}
	return norm("/norm", tokens[0])
}

// bicubicAt is the value at a place of a grid of to x to that is laid over one of from x from: at other sizes, the sum over its
// 4x4 neighbours, the borders going on for ever.
func bicubicAt(from, to, row, column int, value func(row, column int) float64) float64 {
	if from == to {
		return value(row, column)
	}
	cubic := func(d float64) float64 {
		d = math.Abs(d)
		if d <= 1 {
			return 1.25*math.Pow(d, 3) - 2.25*math.Pow(d, 2) + 1
		}
		return max(0, 2-d) * (-0.75 * (2 - d)) * (d - 1)
	}
	scale := float64(from) / float64(to)
	y, x := (float64(row)+0.5)*scale-0.5, (float64(column)+0.5)*scale-0.5
	within := func(i int) int { return min(max(i, 0), from-1) }
	var sum float64
	for r := int(math.Floor(y)) - 1; r <= int(math.Floor(y))+2; r++ {
		for c := int(math.Floor(x)) - 1; c <= int(math.Floor(x))+2; c++ {
			sum += cubic(y-float64(r)) * cubic(x-float64(c)) * value(within(r), within(c))
		}
	}
	return sum
}

// Pictures of the size that the weights are for and of others, some with pixels that fill no patch.
func TestViTIsItsEquations(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		v := backbone.ViT{Width: 64 * rapid.IntRange(1, 2).Draw(rt, "heads"), Depth: rapid.IntRange(0, 2).Draw(rt, "depth"),
			Patch: rapid.IntRange(1, 3).Draw(rt, "patch"), Grid: rapid.IntRange(1, 3).Draw(rt, "grid")}
		size := v.Patch * v.Grid
		if rapid.Bool().Draw(rt, "another size") {
			size = rapid.IntRange(v.Patch, 4*v.Patch-1).Draw(rt, "size")
		}
		images := pictures(rapid.Uint64().Draw(rt, "seed"), size)
		got, weights := features(t, "cpu", v, dtypes.Float32, images, size)
		second := got[v.Width:]
		for d, want := range wantViT(v, weights, images[size*size*3:], size) {
			if diff := math.Abs(float64(second[d]) - want); !(diff < 1e-3) {
				rt.Fatalf("%+v, %d px: h[%d] is %g, want %g", v, size, d, second[d], want)
			}
		}
	})
}

// With float32 weights, norms and softmax, a representation in bfloat16 points where that in float32 does. GoMLX's own backend
// has neither attention nor norms as single operations, and is slow: one network is enough for it.
func TestEncodersInBFloat16(t *testing.T) {
	for _, name := range backbone.Names() {
		encoder, err := backbone.New(name, 0.25, 32)
		if err != nil {
			t.Fatal(err)
		}
		images := pictures(1, 32)
		want, _ := features(t, "cpu", encoder, dtypes.Float32, images, 32)
		devices := []string{"cpu"}
		if name == "vit_tiny" {
			devices = append(devices, "go")
		}
		for _, on := range devices {
			got, _ := features(t, on, encoder, dtypes.BFloat16, images, 32)
			var product, a, b float64
			for i := range want {
				product += float64(got[i]) * float64(want[i])
				a += float64(got[i]) * float64(got[i])
				b += float64(want[i]) * float64(want[i])
			}
			if cosine := product / math.Sqrt(a*b); !(cosine > 0.99) {
				t.Errorf("%s on %s: the cosine is %g", name, on, cosine)
			}
		}
	}
}

// Every weight of every encoder has a part in what is learned.
func TestGradientsReachEveryParameter(t *testing.T) {
	b, err := device.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	for _, name := range backbone.Names() {
		encoder, err := backbone.New(name, 0.25, 32)
		if err != nil {
			t.Fatal(err)
		}
		store := model.NewStore()
		var parameters []*model.Variable
		exec, err := model.NewExec(b, store, func(scope *model.Scope, images *graph.Node) []*graph.Node {
			store.SetTraining(images.Graph(), true)
			h := encoder.Features(scope, images)
			var nodes []*graph.Node
			for v := range store.IterVariables() {
				if v.Trainable {
					parameters = append(parameters, v)
					nodes = append(nodes, v.NodeValue(h))
				}
			}
			// A weight for each place: batch norm keeps the sum over a batch, and layer norm that over a row.
			weighted := graph.Mul(h, graph.Sin(graph.ConvertDType(graph.Iota(h.Graph(), h.Shape(), 1), h.DType())))
			return graph.Gradient(graph.ReduceAllSum(graph.Mul(weighted, h)), nodes...)
		})
		if err != nil {
			t.Fatal(err)
		}
		gradients, err := exec.Call(tensors.FromFlatDataAndDimensions(pictures(2, 32), 2, 32, 32, 3))
		if err != nil {
			t.Fatal(err)
		}
		for i, g := range gradients {
			var norm float64
			for _, v := range tensors.MustCopyFlatData[float32](g) {
				norm += float64(v) * float64(v)
			}
			if !(norm > 0) || math.IsInf(norm, 0) {
				t.Errorf("%s: the gradient of %s has the norm %g", name, parameters[i].Path(), norm)
			}
		}
		exec.Finalize()
	}
}

// 64 tokens up to 64 pixels, patches of 16 pixels above; heads of 64 channels at every width.
func TestViTHasPatchesAndHeadsAsPublished(t *testing.T) {
	for _, c := range []struct {
		name  string
		width float64
		size  int
		want  backbone.ViT
	}{
		{"vit_tiny", 1, 224, backbone.ViT{Width: 192, Depth: 12, Patch: 16, Grid: 14}},
		{"vit_small", 1, 224, backbone.ViT{Width: 384, Depth: 12, Patch: 16, Grid: 14}},
		{"vit_tiny", 1, 32, backbone.ViT{Width: 192, Depth: 12, Patch: 4, Grid: 8}},
		{"vit_tiny", 1, 64, backbone.ViT{Width: 192, Depth: 12, Patch: 8, Grid: 8}},
		{"vit_tiny", 1, 28, backbone.ViT{Width: 192, Depth: 12, Patch: 4, Grid: 7}},
		{"vit_tiny", 1, 96, backbone.ViT{Width: 192, Depth: 12, Patch: 16, Grid: 6}},
		{"vit_tiny", 0.5, 32, backbone.ViT{Width: 128, Depth: 12, Patch: 4, Grid: 8}},
		{"vit_tiny", 0.1, 32, backbone.ViT{Width: 64, Depth: 12, Patch: 4, Grid: 8}},
	} {
		if got, err := backbone.New(c.name, c.width, c.size); err != nil || got != c.want {
			t.Errorf("%s of width %g for %d px is %+v, %v; want %+v", c.name, c.width, c.size, got, err, c.want)
		}
	}
}

// timm's no_weight_decay names the class token and the positions; the former has one axis.
func TestViTSparesItsPositionsDecay(t *testing.T) {
	encoder, err := backbone.New("vit_tiny", 0.1, 32)
	if err != nil {
		t.Fatal(err)
	}
	b, err := device.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	store := model.NewStore()
	exec, err := model.NewExec(b, store, encoder.Features)
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	if _, err := exec.Compile(shapes.Make(dtypes.Float32, 1, 32, 32, 3)); err != nil {
		t.Fatal(err)
	}
	var spared []string
	for v := range store.IterVariables() {
		if nn.IsSparedDecay(store, v) {
			spared = append(spared, v.Path())
		}
	}
	if !slices.Equal(spared, []string{"/positions"}) {
		t.Errorf("spared are %q", spared)
	}
}
