package embed

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/internal/guard"
)

// The files of a model folder.
const (
	configFile  = "config.json"
	weightsFile = "model.safetensors"
)

// maxConfig bounds a configuration file, in bytes: a real one has a few hundred.
const maxConfig = 1 << 20

// Load opens a model folder to compute on backend. The error wraps fs.ErrNotExist when the folder holds no model.
func Load(backend compute.Backend, dir string) (m *Model, err error) {
	defer guard.Recover(&err)
	path := filepath.Join(dir, configFile)
	config, err := readConfig(path)
	if err != nil {
		return nil, err
	}
	if config.Text != nil {
		return nil, fmt.Errorf("%s is the model of text: it has no vectors of pictures", path)
	}
	if m, err = New(backend, model.NewStore(), config); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if config.Dim != m.Config.Dim {
		return nil, fmt.Errorf("%s: dim is %d: %s of width %g has %d", path, config.Dim, config.Backbone, config.Width, m.Config.Dim)
	}
	size := config.Views.Size
	if err := m.read(dir, shapes.Make(dtypes.Float32, batchSize(size), size, size, 3)); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// IsText says whether a folder holds a model of text.
func IsText(dir string) bool {
	config, err := readConfig(filepath.Join(dir, configFile))
	return err == nil && config.Text != nil
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
