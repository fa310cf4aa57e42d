package loss_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/alike-ml/alike/loss"
)

// goldenArray is one array of testdata/golden.json, of numbers (data) or of labels (ints).
type goldenArray struct {
	Shape []int     `json:"shape"`
	Data  []float64 `json:"data"`
	Ints  []int32   `json:"ints"`
}

func (a goldenArray) tensor() *tensors.Tensor {
	if a.Ints != nil {
		return tensors.FromFlatDataAndDimensions(a.Ints, a.Shape...)
	}
	flat := make([]float32, len(a.Data))
	for i, v := range a.Data {
		flat[i] = float32(v)
	}
	return tensors.FromFlatDataAndDimensions(flat, a.Shape...)
}

// goldenCase is a loss that a published implementation computed in float64.
type goldenCase struct {
	Loss   string                 `json:"loss"`
	Params map[string]any         `json:"params"`
	Inputs map[string]goldenArray `json:"inputs"`
	Value  float64                `json:"value"`
	Grads  map[string]goldenArray `json:"grads"`
}

// TestGolden checks the value and every gradient of every case in testdata/golden.json in float32: within 1e-5 of the
// value (relative, or absolute where it is below 1) and within 1e-4 of the largest entry of each gradient.
func TestGolden(t *testing.T) {
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []goldenCase `json:"cases"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatalf("testdata/golden.json: %v", err)
	}
	if len(file.Cases) == 0 {
		t.Fatal("testdata/golden.json: no cases")
	}
	count := map[string]int{}
	for _, c := range file.Cases {
		count[c.Loss]++
		t.Run(fmt.Sprintf("%s/%d", c.Loss, count[c.Loss]), func(t *testing.T) { checkGolden(t, c) })
	}
}

func checkGolden(t *testing.T, c goldenCase) {
	build, err := goldenLoss(c)
	if err != nil {
		t.Fatal(err)
	}
	names := slices.Sorted(maps.Keys(c.Inputs))
	differentiated := slices.Sorted(maps.Keys(c.Grads))
	for _, name := range differentiated {
		if _, ok := c.Inputs[name]; !ok {
			t.Fatalf("gradient of %q, which is no input", name)
		}
	}
	args := make([]any, len(names))
	for i, name := range names {
		args[i] = c.Inputs[name].tensor()
	}
	results := MustExecOnceN(backend, func(nodes []*Node) []*Node {
		in := inputs{}
		for i, name := range names {
			in[name] = nodes[i]
		}
		value := build(in)
		wrt := make([]*Node, len(differentiated))
		for i, name := range differentiated {
			wrt[i] = in[name]
		}
		return append([]*Node{value}, Gradient(value, wrt...)...)
	}, args...)

	value := float64(tensors.ToScalar[float32](results[0]))
	if !(math.Abs(value-c.Value) <= 1e-5*max(1, math.Abs(c.Value))) {
		t.Errorf("value %.8g, want %.8g", value, c.Value)
	}
	for i, name := range differentiated {
		want := c.Grads[name].Data
		got := tensors.MustCopyFlatData[float32](results[1+i])
		if len(got) != len(want) {
			t.Fatalf("gradient of %s has %d entries, want %d", name, len(got), len(want))
		}
		largest := 0.0
		for _, w := range want {
			largest = max(largest, math.Abs(w))
		}
		for k, w := range want {
			if !(math.Abs(float64(got[k])-w) <= 1e-4*largest) {
				t.Errorf("gradient of %s at %d: %.8g, want %.8g (largest entry %.8g)", name, k, got[k], w, largest)
			}
		}
	}
}

// inputs are a case's nodes by name. A missing one is nil, as the losses expect of what is optional.
type inputs map[string]*Node

// numbered returns the inputs prefix1, prefix2, ... in order.
func (in inputs) numbered(prefix string) []*Node {
	var nodes []*Node
	for i := 1; in[fmt.Sprint(prefix, i)] != nil; i++ {
		nodes = append(nodes, in[fmt.Sprint(prefix, i)])
	}
	return nodes
}

// goldenLoss returns the function that builds a case's loss. Parameters that the case does not give keep their defaults;
// a loss, parameter or input that this test does not know is an error, as is one that is needed and missing.
func goldenLoss(c goldenCase) (func(inputs) *Node, error) {
	p := params{values: c.Params, used: map[string]bool{}}
	contrast := func(d loss.Contrast) loss.Contrast {
		return loss.Contrast{Similarity: p.similarity("similarity", d.Similarity), Temperature: p.number("temperature", d.Temperature)}
	}
	var build func(in inputs) *Node
	var needed, optional []string
	switch c.Loss {
	case "guide":
		o := contrast(loss.DefaultGuide())
		needed = []string{"z1", "z2"}
		build = func(in inputs) *Node { return loss.Guide(in["z1"], in["z2"], o) }
	case "nt_xent":
		o := contrast(loss.DefaultNTXent())
		needed = []string{"z1", "z2"}
		build = func(in inputs) *Node { return loss.NTXent(in["z1"], in["z2"], o) }
	case "moco":
		o := contrast(loss.DefaultInfoNCE())
		needed = []string{"query", "key", "queue"}
		build = func(in inputs) *Node { return loss.InfoNCE(in["query"], in["key"], in["queue"], nil, o) }
	case "swav":
		d := loss.DefaultSwAV()
		o := loss.SwAVOptions{
			Temperature: p.number("temperature", d.Temperature),
			Epsilon:     p.number("epsilon", d.Epsilon),
			Iterations:  int(p.number("iterations", float64(d.Iterations))),
		}
		needed = []string{"high1", "high2"}
		optional = []string{"high", "low", "queue"}
		build = func(in inputs) *Node {
			return loss.SwAV(in.numbered("high"), in.numbered("low"), in.numbered("queue"), o)
		}
	case "clip":
		s := p.similarity("similarity", loss.Cosine)
		needed = []string{"image", "text", "log_scale"}
		build = func(in inputs) *Node { return loss.CLIP(in["image"], in["text"], in["log_scale"], nil, s) }
	case "siglip":
		s := p.similarity("similarity", loss.Cosine)
		needed = []string{"image", "text", "log_scale", "bias"}
		build = func(in inputs) *Node {
			return loss.SigLIP(in["image"], in["text"], in["log_scale"], in["bias"], nil, s)
		}
	case "simcse":
		d := loss.DefaultSimCSE()
		o := loss.SimCSEOptions{
			Contrast:           contrast(d.Contrast),
			HardNegativeWeight: p.number("hard_negative_weight", d.HardNegativeWeight),
		}
		needed, optional = []string{"z1", "z2"}, []string{"hard"}
		build = func(in inputs) *Node { return loss.SimCSE(in["z1"], in["z2"], in["hard"], nil, o) }
	case "supcon":
		o := contrast(loss.DefaultSupCon())
		needed = []string{"z1", "z2", "labels"}
		build = func(in inputs) *Node { return loss.SupCon(in["z1"], in["z2"], in["labels"], o) }
	case "byol":
		needed = []string{"p1", "p2", "t1", "t2"}
		build = func(in inputs) *Node { return loss.BYOL(in["p1"], in["p2"], in["t1"], in["t2"]) }
	case "barlow_twins":
		lambda := p.number("lambda", loss.DefaultBarlowTwinsLambda)
		needed = []string{"z1", "z2"}
		build = func(in inputs) *Node { return loss.BarlowTwins(in["z1"], in["z2"], lambda) }
	case "vicreg":
		d := loss.DefaultVICReg()
		o := loss.VICRegOptions{Lambda: p.number("lambda", d.Lambda), Mu: p.number("mu", d.Mu), Nu: p.number("nu", d.Nu)}
		needed = []string{"z1", "z2"}
		build = func(in inputs) *Node { return loss.VICReg(in["z1"], in["z2"], o) }
	case "triplet":
		d := loss.DefaultTriplet()
		o := loss.TripletOptions{Margin: p.number("margin", d.Margin), Similarity: p.similarity("distance", d.Similarity)}
		needed = []string{"anchor", "positive", "negative"}
		build = func(in inputs) *Node { return loss.Triplet(in["anchor"], in["positive"], in["negative"], o) }
	default:
		return nil, fmt.Errorf("testdata/golden.json: unknown loss %q", c.Loss)
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return build, checkInputs(c.Inputs, needed, optional)
}

// checkInputs reports a needed input that is missing, and one that is neither needed nor optional: every input has to
// take part. An optional "low" stands for low1, low2 and so on.
func checkInputs(given map[string]goldenArray, needed, optional []string) error {
	for _, name := range needed {
		if _, ok := given[name]; !ok {
			return fmt.Errorf("input %q is missing", name)
		}
	}
	for name := range given {
		if !slices.Contains(needed, name) && !slices.Contains(optional, strings.TrimRight(name, "0123456789")) {
			return fmt.Errorf("unknown input %q", name)
		}
	}
	return nil
}

// params reads a case's parameters and remembers which were asked for.
type params struct {
	values map[string]any
	used   map[string]bool
	err    error
}

func (p *params) number(name string, otherwise float64) float64 {
	p.used[name] = true
	switch v := p.values[name].(type) {
	case nil:
		return otherwise
	case float64:
		return v
	default:
		p.err = fmt.Errorf("parameter %q is no number: %v", name, v)
		return otherwise
	}
}

func (p *params) similarity(name string, otherwise loss.Similarity) loss.Similarity {
	p.used[name] = true
	switch v := p.values[name].(type) {
	case nil:
		return otherwise
	case string:
		return loss.Similarity(v)
	default:
		p.err = fmt.Errorf("parameter %q is no text: %v", name, v)
		return otherwise
	}
}

func (p *params) check() error {
	for name := range p.values {
		if !p.used[name] {
			return fmt.Errorf("unknown parameter %q", name)
		}
	}
	return p.err
}

func TestGoldenUnknown(t *testing.T) {
	for _, c := range []goldenCase{
		{Loss: "nt_xemt", Inputs: map[string]goldenArray{"z1": {}, "z2": {}}},
		{Loss: "nt_xent", Inputs: map[string]goldenArray{"z1": {}}},
		{Loss: "nt_xent", Inputs: map[string]goldenArray{"z1": {}, "z2": {}, "z3": {}}},
		{Loss: "nt_xent", Params: map[string]any{"tau": 0.1}, Inputs: map[string]goldenArray{"z1": {}, "z2": {}}},
		{Loss: "nt_xent", Params: map[string]any{"temperature": "hot"}, Inputs: map[string]goldenArray{"z1": {}, "z2": {}}},
	} {
		if _, err := goldenLoss(c); err == nil {
			t.Errorf("%s with %v and inputs %v: no error", c.Loss, c.Params, slices.Sorted(maps.Keys(c.Inputs)))
		}
	}
}
