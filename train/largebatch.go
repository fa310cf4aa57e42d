package train

import (
	"math"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/method"
)

// LargeBatch holds a step that takes its batch in chunks against the same step in one piece. It is what
// `alike verify large-batch --json` prints.
type LargeBatch struct {
	Method    string `json:"method"`
	Backbone  string `json:"backbone"`
	Batch     int    `json:"batch"`
	Chunk     int    `json:"chunk"`
	Precision string `json:"precision"`
	Device    string `json:"device"`
	// BatchNorm says that an encoder has statistics of what goes through it together: of chunks, not of the batch.
	BatchNorm bool `json:"batch_norm"`
	// Comparisons are one with the method's loss as it stands, without dropout, and, of an encoder with dropout, one with the loss of
	// all chunks in one graph, where what is dropped is drawn once.
	Comparisons []Comparison `json:"comparisons"`
	// OnePieceMemory and ChunkedMemory are the bytes that a step is planned to need, 0 where the device does not tell.
	OnePieceMemory int64 `json:"one_piece_memory"`
	ChunkedMemory  int64 `json:"chunked_memory"`
}

// Comparison is of one computation of a loss and its gradients with another.
type Comparison struct {
	// Dropout says whether it was on.
	Dropout bool `json:"dropout"`
	// Loss is that in one piece, Chunked that in chunks, and Bound how far apart they may be.
	Loss    Number  `json:"loss"`
	Chunked Number  `json:"chunked"`
	Bound   float64 `json:"bound"`
	// Parts are those of the network.
	Parts []PartDifference `json:"parts"`
}

// PartDifference is how far apart two gradients of a part of a network are.
type PartDifference struct {
	Part string `json:"part"`
	// Largest is the largest gradient of a weight, in one piece, Difference the largest difference, and Bound the most that it may be.
	Largest    Number `json:"largest"`
	Difference Number `json:"difference"`
	Bound      Number `json:"bound"`
}

// tolerance is how far apart sums of the same numbers in another order may be: a loss by a share of itself, or of 1, a gradient by
// one of the largest of its part of the network.
type tolerance struct{ loss, gradient float64 }

var (
	float32Tolerance = tolerance{1e-4, 1e-4}
	// The gradients of chunks are rounded to three digits before they are added up, those of the batch after it.
	bfloat16Tolerance = tolerance{1e-3, 0.05}
)

// leastShare is the share of the largest gradient of all, and of the loss or of 1, that a part is held to at least: one whose gradients
// cancel out has their rounding left, and so have all of an encoder that tells nothing apart.
const leastShare = 1e-3

// Equal says whether all differences are within their bounds.
func (l LargeBatch) Equal() bool {
	for _, c := range l.Comparisons {
		if !(math.Abs(float64(c.Loss-c.Chunked)) <= c.Bound) {
			return false
		}
		for _, p := range c.Parts {
			if !(p.Difference <= p.Bound) { // so that NaN fails
				return false
			}
		}
	}
	return true
}

// partOf is the part of the network that a variable belongs to.
func partOf(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, model.ScopeSeparator), model.ScopeSeparator)
	if parts[0] == method.TextScope {
		return strings.Join(parts[:2], model.ScopeSeparator)
	}
	return parts[0]
}

// differences holds gradients against those that they should be, by path. They are those of a loss of about scale.
func differences(want, got map[string][]float32, allowed, scale float64) (list []PartDifference) {
	parts := map[string]*PartDifference{}
	all := scale
	for path, values := range want {
		part := partOf(path)
		if parts[part] == nil {
			parts[part] = &PartDifference{Part: part}
		}
		p, others := parts[part], got[path]
		if len(others) != len(values) {
			p.Difference = Number(math.Inf(1))
			continue
		}
		largest, difference := float64(p.Largest), float64(p.Difference)
		for i, v := range values {
			largest = math.Max(largest, math.Abs(float64(v))) // math.Max keeps NaN
			difference = math.Max(difference, math.Abs(float64(v)-float64(others[i])))
		}
		p.Largest, p.Difference = Number(largest), Number(difference)
		all = math.Max(all, largest)
	}
	for _, p := range parts {
		p.Bound = Number(allowed * math.Max(float64(p.Largest), leastShare*all))
		list = append(list, *p)
	}
	slices.SortFunc(list, func(a, b PartDifference) int { return strings.Compare(a.Part, b.Part) })
	return list
}
