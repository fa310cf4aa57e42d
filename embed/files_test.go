package embed_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/alike-ml/alike/embed"
	"github.com/alike-ml/alike/internal/npy"
	"github.com/alike-ml/alike/metric"
)

var (
	exampleVectors = metric.Matrix{Rows: 2, Cols: 3, Data: []float32{1, 2, 3, -0.5, 0, 1e-7}}
	exampleItems   = []embed.Item{{Path: "a/one.jpg", Class: "a"}, {Path: "two.jpg"}}
)

func TestNPYHasItsItemsBeside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v.npy")
	if err := embed.WriteFile(path, exampleVectors, exampleItems); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	shape, values, err := npy.ReadFloat32(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{2, 3}, shape) + cmp.Diff(exampleVectors.Data, values); diff != "" {
		t.Error(diff)
	}
	text, err := os.ReadFile(embed.ItemsFile(path))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"path":"a/one.jpg","class":"a"}` + "\n" + `{"path":"two.jpg"}` + "\n"; string(text) != want {
		t.Errorf("items are %q", text)
	}
}

type row struct {
	Path   string    `json:"path" parquet:"path"`
	Class  string    `json:"class" parquet:"class,optional"`
	Vector []float32 `json:"vector" parquet:"vector"`
}

var exampleRows = []row{{"a/one.jpg", "a", []float32{1, 2, 3}}, {"two.jpg", "", []float32{-0.5, 0, 1e-7}}}

func TestJSONLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v.jsonl")
	if err := embed.WriteFile(path, exampleVectors, exampleItems); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var got []row
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var r row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		got = append(got, r)
	}
	if diff := cmp.Diff(exampleRows, got); diff != "" {
		t.Error(diff)
	}
}

func TestParquet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v.parquet")
	if err := embed.WriteFile(path, exampleVectors, exampleItems); err != nil {
		t.Fatal(err)
	}
	got, err := parquet.ReadFile[row](path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(exampleRows, got); diff != "" {
		t.Error(diff)
	}
}

func TestFilesThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name, path string
		items      []embed.Item
		want       string
	}{
		{"unknown ending", filepath.Join(dir, "v.txt"), exampleItems, ".npy, .jsonl or .parquet"},
		{"no such folder", filepath.Join(dir, "none", "v.npy"), exampleItems, "none"},
		{"items that do not fit", filepath.Join(dir, "v.jsonl"), exampleItems[:1], "2 vectors but 1 items"},
		{"numbers that JSON has not", filepath.Join(dir, "nan.jsonl"), exampleItems, "unsupported value"},
	} {
		vectors := exampleVectors
		if strings.HasPrefix(filepath.Base(c.path), "nan") {
			vectors = metric.Matrix{Rows: 2, Cols: 1, Data: []float32{1, float32(nan())}}
		}
		err := embed.WriteFile(c.path, vectors, c.items)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
		if _, err := os.Stat(c.path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: left a file behind", c.name)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func nan() float64 { var zero float64; return zero / zero }
