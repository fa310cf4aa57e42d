package engine

import (
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"github.com/alike-ml/alike/engine/plan"
)

// projected records the gradient of attention whose query, key and value are parts of x, as GoMLX writes it: padded with fill, added.
func projected(t *testing.T, g *plan.Graph, starts [3]int, fill byte) plan.Value {
	t.Helper()
	part, heads, full := shapes.Make(dtypes.Float32, 2, 5, 8), shapes.Make(dtypes.Float32, 2, 5, 2, 4), shapes.Make(dtypes.Float32, 2, 5, 24)
	x := g.AddUnique(compute.OpTypeParameter, nil, nil, full)
	dy := g.AddUnique(compute.OpTypeParameter, nil, nil, heads)
	states := g.AddUnique(compute.OpTypeParameter, nil, nil, shapes.Make(dtypes.Float32, 2, 2, 5))
	g.Params = []*plan.Node{x, dy, states}
	var in []plan.Value
	for _, at := range starts {
		cut := g.Add(compute.OpTypeSlice, []plan.Value{x.Value(0)}, sliceAttr{[]int{0, 0, at}, []int{1, 1, 1}}, part)
		in = append(in, g.Add(compute.OpTypeReshape, []plan.Value{cut.Value(0)}, nil, heads).Value(0))
	}
	dims := [4]int(heads.Dimensions)
	attr := attentionAttr{layout: compute.AttentionAxesLayoutBSHD, scale: 1, backward: true, query: dims, key: dims}
	grad := g.Add(compute.OpTypeFusedScaledDotProductAttentionVJP, append(in, dy.Value(0), states.Value(0), dy.Value(0)), attr, heads, heads, heads)
	zero := g.Add(compute.OpTypeConstant, nil, plan.Constant{0, 0, 0, fill}, shapes.Make(dtypes.Float32))
	var sum plan.Value
	for i, at := range starts {
		flat := g.Add(compute.OpTypeReshape, []plan.Value{grad.Value(i)}, nil, part)
		pad := g.Add(compute.OpTypePad, []plan.Value{flat.Value(0), zero.Value(0)}, padAttr{{}, {}, {Start: at, End: 16 - at}}, full)
		if sum.Node == nil {
			sum = pad.Value(0)
			continue
		}
		sum = g.Add(compute.OpTypeAdd, []plan.Value{pad.Value(0), sum}, nil, full).Value(0)
	}
	g.Results = []plan.Value{sum}
	packAttention(g)
	return sum
}

// TestGradientsOfAProjectionAreWrittenSideBySide: of x cut into three no cut is copied, and its gradient is not padded and added.
func TestGradientsOfAProjectionAreWrittenSideBySide(t *testing.T) {
	for _, test := range []struct {
		name   string
		starts [3]int
		fill   byte
		packed bool
	}{
		{"in order", [3]int{0, 8, 16}, 0, true},
		{"in another order", [3]int{8, 16, 0}, 0, true},
		{"overlapping", [3]int{0, 8, 8}, 0, false},
		{"padded with something else", [3]int{0, 8, 16}, 0x3f, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := &plan.Graph{}
			sum := projected(t, g, test.starts, test.fill)
			if packed := sum.Node.Op == compute.OpTypeReshape; packed != test.packed {
				t.Fatalf("packed: %v", packed)
			}
			for _, n := range plan.Fuse(g).Nodes {
				if n.Op == compute.OpTypeSlice || test.packed && n.Op == compute.OpTypePad {
					t.Errorf("the plan has a %s", n.Op)
				}
			}
		})
	}
}
