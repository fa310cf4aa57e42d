package weights_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/google/go-cmp/cmp"

	"github.com/alike-ml/alike/internal/weights"
)

// newVariables makes variables of the given shapes in a new store. Their bytes are of the seed.
func newVariables(t *testing.T, of map[string]shapes.Shape, seed byte) []*model.Variable {
	t.Helper()
	store := model.NewStore()
	for path, shape := range of {
		value := tensors.FromShape(shape)
		if err := value.MutableBytes(func(data []byte) {
			for i := range data {
				if data[i] = seed + byte(i); shape.DType == dtypes.Bool {
					data[i] &= 1
				}
			}
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := store.CreateVariable(path, value); err != nil {
			t.Fatal(err)
		}
	}
	return slices.SortedFunc(store.IterVariables(), func(a, b *model.Variable) int { return strings.Compare(a.Path(), b.Path()) })
}

// bytesOf are the variables' values by path.
func bytesOf(t *testing.T, variables []*model.Variable) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, v := range variables {
		if err := v.MustValue().ConstBytes(func(data []byte) { all[v.Path()] = bytes.Clone(data) }); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func write(t *testing.T, variables []*model.Variable, metadata map[string]string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "w.safetensors")
	if err := weights.Write(path, variables, metadata); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, path string) *weights.File {
	t.Helper()
	file, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

func TestEveryTypeComesBack(t *testing.T) {
	of := map[string]shapes.Shape{"/deep/er/scalar": shapes.Make(dtypes.Float32), "/empty": shapes.Make(dtypes.Float32, 0, 3)}
	for _, dtype := range []dtypes.DType{dtypes.Float32, dtypes.Float64, dtypes.BFloat16, dtypes.Float16,
		dtypes.Int32, dtypes.Int64, dtypes.Uint64, dtypes.Bool} {
		of["/types/"+dtype.String()] = shapes.Make(dtype, 2, 3)
	}
	written := newVariables(t, of, 1)
	metadata := map[string]string{"step": "12", "note": "ünïcode, \"quoted\""}
	file := open(t, write(t, written, metadata))
	if diff := cmp.Diff(metadata, file.Metadata); diff != "" {
		t.Error(diff)
	}
	got := newVariables(t, of, 100)
	slices.Reverse(got) // found by name, not by place
	if err := file.Assign(got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(bytesOf(t, written), bytesOf(t, got)); diff != "" {
		t.Error(diff)
	}
}

// What does not fit is told, and nothing is assigned, not even what fits.
func TestWhatDoesNotFitChangesNothing(t *testing.T) {
	stored := map[string]shapes.Shape{"/a": shapes.Make(dtypes.Float32, 2, 3), "/b": shapes.Make(dtypes.Float32, 4)}
	path := write(t, newVariables(t, stored, 1), nil)
	for _, c := range []struct {
		name string
		of   map[string]shapes.Shape
		want string
	}{
		{"one more", map[string]shapes.Shape{"/a": stored["/a"], "/b": stored["/b"], "/c": shapes.Make(dtypes.Float32, 1)}, "holds 2 variables where the model has 3"},
		{"one less", map[string]shapes.Shape{"/a": stored["/a"]}, "holds 2 variables where the model has 1"},
		{"another name", map[string]shapes.Shape{"/a": stored["/a"], "/c": stored["/b"]}, `"c"`},
		{"another shape", map[string]shapes.Shape{"/a": stored["/a"], "/b": shapes.Make(dtypes.Float32, 2, 2)}, "variable b is F32 [4] in the file"},
		{"transposed", map[string]shapes.Shape{"/a": shapes.Make(dtypes.Float32, 3, 2), "/b": stored["/b"]}, "variable a is F32 [2 3] in the file"},
		{"another type", map[string]shapes.Shape{"/a": stored["/a"], "/b": shapes.Make(dtypes.Int32, 4)}, "variable b is F32 [4] in the file"},
		{"a type that files have not", map[string]shapes.Shape{"/a": stored["/a"], "/b": shapes.Make(dtypes.Complex64, 4)}, "variable b is F32 [4] in the file"},
	} {
		variables := newVariables(t, c.of, 50)
		before := bytesOf(t, variables)
		err := open(t, path).Assign(variables)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one line with %q", c.name, err, c.want)
		}
		if diff := cmp.Diff(before, bytesOf(t, variables)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestDamagedFiles(t *testing.T) {
	whole, err := os.ReadFile(write(t, newVariables(t, map[string]shapes.Shape{"/a": shapes.Make(dtypes.Float32, 2, 3)}, 1), nil))
	if err != nil {
		t.Fatal(err)
	}
	for length := range len(whole) {
		path := filepath.Join(t.TempDir(), "w.safetensors")
		if err := os.WriteFile(path, whole[:length], 0o644); err != nil {
			t.Fatal(err)
		}
		if file, err := weights.Open(path); err == nil {
			_ = file.Close()
			t.Errorf("%d of %d bytes are a file", length, len(whole))
		}
	}
	if _, err := weights.Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// A variable of a type that files have not is refused before anything is written.
func TestTypesThatFilesHaveNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.safetensors")
	err := weights.Write(path, newVariables(t, map[string]shapes.Shape{"/a": shapes.Make(dtypes.Complex64, 2)}, 1), nil)
	if err == nil || !strings.Contains(err.Error(), "/a") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file is there: %v", err)
	}
}
