package train

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"github.com/alike-ml/alike/internal/atomicfile"
	"github.com/alike-ml/alike/internal/fields"
)

// runDir is a run's directory, held by one process at a time.
type runDir struct {
	path string
	lock *flock.Flock
	file *os.File // train.log
	log  *slog.Logger
}

func (d *runDir) config() string      { return filepath.Join(d.path, configFile) }
func (d *runDir) metrics() string     { return MetricsFile(d.path) }
func (d *runDir) tensorboard() string { return filepath.Join(d.path, "tensorboard") }
func (d *runDir) checkpoints() string { return filepath.Join(d.path, "checkpoints") }
func (d *runDir) model() string       { return ModelDir(d.path) }

const configFile = "config.yaml"

// ModelDir is where in a run's directory its trained encoder lies.
func ModelDir(run string) string { return filepath.Join(run, "model") }

// mayUse reports why a run cannot be started, or resumed, in a directory. A directory with a run in it must be resumed, with
// the configuration it was started with; any other directory must be empty or missing.
func mayUse(path string, config Config, resume bool) error {
	if info, err := os.Stat(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot start a run there: %w", err)
	} else if err == nil && !info.IsDir() {
		return fmt.Errorf("cannot use %s for a run: it is a file", path)
	}
	was, err := ReadConfig(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return mayStartIn(path)
	case !resume:
		return fmt.Errorf("there is a run in %s: go on with --resume, or choose another directory", path)
	case err != nil:
		return err
	}
	if differences := fields.Different(was.fixed(), config.fixed()); len(differences) > 0 {
		return fmt.Errorf("the run in %s was started with other settings (%s): resume it with its own, or start a new run in another directory",
			path, strings.Join(differences, "; "))
	}
	return nil
}

// openDir makes or reopens a run's directory, for this process alone, and writes its configuration.
func openDir(path string, config Config, resume bool) (*runDir, error) {
	d := &runDir{path: path, lock: flock.New(filepath.Join(path, ".lock"))}
	if err := os.MkdirAll(d.checkpoints(), 0o755); err != nil {
		return nil, fmt.Errorf("cannot make the run's directory: %w", err)
	}
	held, err := d.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("cannot lock the run's directory: %w", err)
	}
	if !held {
		return nil, fmt.Errorf("another process is training in %s: wait for it, or choose another directory", path)
	}
	// Once more, now that nobody else can start here.
	if err = mayUse(path, config, resume); err == nil {
		err = errors.Join(d.clean(), d.writeConfig(config))
	}
	if err != nil {
		return nil, errors.Join(err, d.lock.Unlock())
	}
	if d.file, err = os.OpenFile(filepath.Join(path, "train.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644); err != nil {
		return nil, errors.Join(err, d.lock.Unlock())
	}
	d.log = slog.New(slog.NewTextHandler(d.file, nil))
	return d, nil
}

// mayStartIn reports why a new run cannot be started in a directory: what is there is not a run's. A run that was killed
// before it had written its configuration leaves an empty checkpoints folder and a lock, and may be started again.
func mayStartIn(path string) error {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot use %s for a run: %w", path, err)
	}
	for _, e := range entries {
		if name := e.Name(); name != "checkpoints" && !strings.HasPrefix(name, ".") {
			return fmt.Errorf("%s is not empty and holds no run (there is %s): choose another directory", path, name)
		}
	}
	return nil
}

func (d *runDir) writeConfig(config Config) error {
	text, err := fields.Marshal(config)
	if err != nil {
		return err
	}
	return atomicfile.Write(d.config(), func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// clean removes what a killed process had begun to write.
func (d *runDir) clean() error {
	return errors.Join(atomicfile.Clean(d.path), atomicfile.Clean(d.checkpoints()), atomicfile.Clean(d.model()))
}

// close gives the directory free.
func (d *runDir) close() error { return errors.Join(d.file.Close(), d.lock.Unlock()) }

// ReadConfig reads the configuration of the run in a directory. The error wraps [fs.ErrNotExist] when there is no run.
func ReadConfig(run string) (Config, error) {
	path := filepath.Join(run, configFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, fmt.Errorf("there is no run in %s: %w", run, fs.ErrNotExist)
	}
	if err != nil {
		return Config{}, err
	}
	var config Config
	if err := fields.Unmarshal(text, &config); err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return config, nil
}

// MetricsFile is where in a run's directory its events lie: see [ReadMetrics].
func MetricsFile(run string) string { return filepath.Join(run, "metrics.jsonl") }
