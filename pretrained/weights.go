package pretrained

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/internal/safetensors"
)

// weightsFile is a file of tensors and where each variable finds its own in it.
type weightsFile struct {
	path     string
	prefixes []string
	sources  []source
	others   []string
}

// loneFile is a file of which one source is of interest, and the rest is not its to judge.
func loneFile(path string, s source) weightsFile {
	return weightsFile{path: path, prefixes: []string{""}, sources: []source{s}, others: []string{""}}
}

// open opens the file and hands it to use, with the prefix that its names have.
func (w weightsFile) open(use func(file *safetensors.File, prefix string) error) error {
	file, err := os.Open(w.path)
	if errors.Is(err, fs.ErrNotExist) {
		return w.explain(err)
	}
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	opened, err := safetensors.Open(file, info.Size())
	if err != nil {
		return fmt.Errorf("%s: %w", w.path, err)
	}
	first := w.sources[0]
	prefix := w.prefixes[0]
	for _, p := range w.prefixes {
		if first.find(opened, p, first.tensors[0]) != nil {
			prefix = p
		}
	}
	if err := use(opened, prefix); err != nil {
		return fmt.Errorf("%s: %w", w.path, err)
	}
	return nil
}

// explain says that there is no file of tensors where there is a model, and what there may be in its place.
func (w weightsFile) explain(err error) error {
	dir := filepath.Dir(w.path)
	for _, other := range []struct{ name, advice string }{
		{tensorsFile + ".index.json", "its weights are cut into several files: load it with transformers and save it with save_pretrained(max_shard_size=\"100GB\")"},
		{"open_clip_pytorch_model.bin", "it is pickled, which can run code: load it with torch and save it with safetensors.torch.save_file"},
		{"pytorch_model.bin", "it is pickled, which can run code: load it with transformers and save it with save_pretrained"},
	} {
		if _, found := os.Stat(filepath.Join(dir, other.name)); found == nil {
			return fmt.Errorf("%s has %s rather than %s: %s", dir, other.name, filepath.Base(w.path), other.advice)
		}
	}
	return fmt.Errorf("there is no %s in %s: %w", filepath.Base(w.path), dir, err)
}

// check compares the file's header with what the variables need.
func (w weightsFile) check() error {
	return w.open(func(file *safetensors.File, prefix string) error {
		var missing, shapes, unexpected []string
		used := map[string]bool{}
		for _, s := range w.sources {
			want := s.tensorShape()
			for _, name := range s.tensors {
				info := s.find(file, prefix, name)
				switch {
				case info == nil:
					missing = append(missing, prefix+name)
					continue
				case !slices.Equal(info.Shape, want):
					shapes = append(shapes, fmt.Sprintf("%s is %v, not %v", info.Name, info.Shape, want))
				case !info.DType.IsFloat():
					shapes = append(shapes, fmt.Sprintf("%s holds %s", info.Name, info.DType))
				}
				used[info.Name] = true
			}
		}
		for _, info := range file.Tensors {
			if !used[info.Name] && !w.isOther(info.Name) {
				unexpected = append(unexpected, info.Name)
			}
		}
		var wrong []string
		for _, problem := range []struct {
			what  string
			names []string
		}{{"missing", missing}, {"of another shape or type", shapes}, {"unexpected", unexpected}} {
			if len(problem.names) > 0 {
				wrong = append(wrong, problem.what+": "+strings.Join(problem.names, ", "))
			}
		}
		if len(missing) > 0 && filepath.Base(w.path) == tensorsFile && slices.ContainsFunc(file.Tensors, func(t safetensors.Info) bool { return strings.HasPrefix(t.Name, "visual.") }) {
			return fmt.Errorf("there is no tensor %s, but there are visual.* and others, as OpenAI and open_clip call them: a folder with these has them in %s, and their settings in %s", missing[0], openCLIPTensors, openCLIPFile)
		}
		if len(wrong) > 0 {
			return fmt.Errorf("the tensors do not fit the settings; %s", strings.Join(wrong, "; "))
		}
		return nil
	})
}

// isOther reports whether a tensor is of what is not read.
func (w weightsFile) isOther(name string) bool {
	for _, prefix := range w.prefixes {
		rest, found := strings.CutPrefix(name, prefix)
		if found && slices.ContainsFunc(w.others, func(other string) bool { return strings.HasPrefix(rest, other) }) {
			return true
		}
	}
	return false
}

// Assign gives the encoder's variables in scope the folder's values, making those that are not there yet; weights of 16 bits become
// float32. When it fails, some may have their value and others not.
func (f *Folder) Assign(scope *model.Scope) error {
	for _, file := range f.files {
		if err := file.assign(scope); err != nil {
			return err
		}
	}
	return nil
}

// AssignProjection does the same for the weights of the projection, in a scope of its own. There must be one.
func (f *Folder) AssignProjection(scope *model.Scope) error { return f.projection.assign(scope) }

func (w weightsFile) assign(scope *model.Scope) error {
	return w.open(func(tensors *safetensors.File, prefix string) error {
		for _, s := range w.sources {
			values, err := s.read(tensors, prefix)
			if err != nil {
				return err
			}
			if err := set(scope, s.variable, values, s.shape); err != nil {
				return err
			}
		}
		return nil
	})
}

// set gives the variable of that path in scope a value.
func set(scope *model.Scope, path string, values []float32, shape []int) error {
	path = model.JoinPath(scope.Scope(), path)
	value := tensors.FromFlatDataAndDimensions(values, shape...)
	v := scope.Store().GetVariable(path)
	if v == nil {
		_, err := scope.Store().CreateVariable(path, value)
		return err
	}
	if !v.Shape().Equal(value.Shape()) {
		return fmt.Errorf("variable %s is %s, not %s", path, v.Shape(), value.Shape())
	}
	return v.SetValue(value)
}
