package alike_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/alike-ml/alike/"

// rooms lists, for every room, the rooms of ours that it may import. A room that is not listed is a mistake, as is an
// import that is not. docs/architecture.md says why.
var rooms = map[string][]string{
	"cmd/alike": {"internal/cli"},

	"bench/compare": {"bench/timing", "internal/peakmemory"},
	"bench/emoji":   {"internal/atomicfile"},
	"bench/results": {"eval", "method", "recipes", "internal/atomicfile", "internal/runreport"},
	"bench/sentences": {"backbone", "bench/timing", "embed", "method", "metric", "pretrained", "token", "train",
		"internal/device", "internal/guard"},
	"bench/timing": {},
	"bench/workload": {"backbone", "bench/timing", "loss", "nn", "optim",
		"internal/device", "internal/guard", "internal/rng"},

	"engine":          {"engine/kernel", "engine/parallel", "engine/plan"},
	"engine/kernel":   {"engine/parallel"},
	"engine/parallel": {},
	"engine/plan":     {},

	"internal/atomicfile":  {},
	"internal/fields":      {"internal/nearest"},
	"internal/guard":       {},
	"internal/jpeg":        {},
	"internal/nearest":     {},
	"internal/peakmemory":  {},
	"internal/npy":         {},
	"internal/rng":         {},
	"internal/safetensors": {},
	"internal/tensorboard": {},
	"internal/wordform":    {},
	"internal/weights":     {"internal/atomicfile", "internal/safetensors"},
	"internal/device":      {"engine", "internal/nearest"},

	"nn":         {"internal/rng"},
	"loss":       {},
	"optim":      {"nn"},
	"negative":   {"internal/wordform"},
	"positive":   {"internal/wordform"},
	"wordnet":    {},
	"data":       {"internal/jpeg", "internal/nearest", "internal/rng"},
	"metric":     {},
	"token":      {"internal/atomicfile", "internal/nearest"},
	"backbone":   {"nn", "internal/nearest"},
	"pretrained": {"backbone", "internal/atomicfile", "internal/safetensors"},
	"method":     {"backbone", "loss", "negative", "nn", "positive", "internal/nearest", "internal/rng"},
	"embed": {"backbone", "data", "method", "metric", "nn", "positive", "pretrained", "token",
		"internal/atomicfile", "internal/device", "internal/guard", "internal/npy", "internal/rng", "internal/weights"},
	"train": {"backbone", "data", "embed", "loss", "method", "metric", "negative", "nn", "optim", "positive", "pretrained", "token", "wordnet",
		"internal/atomicfile", "internal/device", "internal/fields", "internal/guard", "internal/peakmemory", "internal/rng", "internal/tensorboard", "internal/weights"},
	"recipes": {"train", "internal/fields", "internal/nearest"},
	"eval":    {"data", "embed", "metric", "pretrained", "internal/atomicfile", "internal/nearest"},
	"report":  {"metric"},

	"internal/picturetest": {"internal/rng"},
	"internal/runreport":   {"data", "embed", "eval", "method", "metric", "positive", "recipes", "report", "train", "internal/atomicfile", "internal/fields", "internal/rng"},
	"internal/demo":        {"positive", "train"},
	"internal/cli": {"data", "embed", "eval", "backbone", "loss", "method", "metric", "optim", "positive", "pretrained", "recipes", "report", "train",
		"internal/atomicfile", "internal/demo", "internal/device", "internal/fields", "internal/guard", "internal/nearest", "internal/rng", "internal/runreport"},
}

func TestImportsRunOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		room := strings.TrimPrefix(p.ImportPath, module)
		if room == strings.TrimSuffix(module, "/") { // this test's own
			continue
		}
		allowed, known := rooms[room]
		if !known {
			t.Errorf("the room %s is not on the map: add it here and to docs/architecture.md", room)
			continue
		}
		for _, path := range p.Imports {
			if imported, ours := strings.CutPrefix(path, module); ours && !slices.Contains(allowed, imported) {
				t.Errorf("%s imports %s, which its place on the map does not allow", room, imported)
			}
		}
	}
}

// What is not pure Go, or would fetch something at run time, may not come in through a dependency.
func TestNothingNeedsCgo(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if .CgoFiles}}{{.ImportPath}}{{end}}", "./cmd/alike").Output()
	if err != nil {
		t.Fatal(err)
	}
	standard := []string{"net", "os/user", "runtime/cgo"} // have pure Go twins
	for _, p := range strings.Fields(string(out)) {
		if !slices.Contains(standard, p) {
			t.Errorf("%s uses cgo", p)
		}
	}
}
