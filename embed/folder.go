package embed

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/internal/atomicfile"
	"github.com/alike-ml/alike/internal/guard"
	"github.com/alike-ml/alike/internal/weights"
	"github.com/alike-ml/alike/method"
)

// The files of a model folder.
const (
	configFile  = "config.json"
	weightsFile = "model.safetensors"
)

// maxConfig bounds a configuration file, in bytes: a real one has a few hundred.
const maxConfig = 1 << 20

// Save writes the model's folder: the weights first, the configuration that makes the folder a model last.
func (m *Model) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot make the model's folder: %w", err)
	}
	if err := weights.Write(filepath.Join(dir, weightsFile), m.variables(), map[string]string{"format": "alike"}); err != nil {
		return err
	}
	text, err := json.MarshalIndent(m.Config, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, configFile), func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

// variables are the encoder's, batch norm's statistics among them, in the order they were made.
func (m *Model) variables() []*model.Variable {
	return slices.Collect(m.store.RootScope().At(method.EncoderScope).IterVariables())
}

// Load opens a model folder to compute on backend. The error wraps fs.ErrNotExist when the folder holds no model.
func Load(backend compute.Backend, dir string) (m *Model, err error) {
	defer guard.Recover(&err)
	path := filepath.Join(dir, configFile)
	config, err := readConfig(path)
	if err != nil {
		return nil, err
	}
	if m, err = New(backend, model.NewStore(), config); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if config.Dim != m.Config.Dim {
		return nil, fmt.Errorf("%s: dim is %d: %s of width %g has %d", path, config.Dim, config.Backbone, config.Width, m.Config.Dim)
	}
	if err := m.read(dir); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// read compiles the encoder, which makes its variables, and reads their values from the folder.
func (m *Model) read(dir string) error {
	size := m.Config.Views.Size
	if _, err := m.exec.Compile(shapes.Make(dtypes.Float32, batchSize(size), size, size, 3)); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(dir, configFile), err)
	}
	path := filepath.Join(dir, weightsFile)
	file, err := weights.Open(path)
	if err != nil {
		return fmt.Errorf("cannot read the encoder's weights in %s: %w", path, err)
	}
	defer file.Close()
	if err := file.Assign(m.variables()); err != nil {
		return fmt.Errorf("%s does not fit %s: %w", path, configFile, err)
	}
	for _, v := range m.variables() {
		if values := tensors.MustCopyFlatData[float32](v.MustValue()); !finite(values) {
			return fmt.Errorf("%s: %s is not finite: the run it comes from had lost its way", path, v.Path())
		}
	}
	return nil
}

func finite(values []float32) bool {
	for _, v := range values {
		if v-v != 0 { // NaN, or an infinity less itself
			return false
		}
	}
	return true
}

func readConfig(path string) (Config, error) {
	var config Config
	info, err := os.Stat(path)
	if err != nil {
		return config, err
	}
	if info.Size() > maxConfig {
		return config, fmt.Errorf("%s has %d bytes: it is not a model's configuration", path, info.Size())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return config, err
	}
	if err := json.Unmarshal(text, &config); err != nil {
		return config, fmt.Errorf("%s: %w", path, err)
	}
	if config.Format != format {
		return config, fmt.Errorf("%s has format %d: this version of Alike reads format %d", path, config.Format, format)
	}
	return config, nil
}
