package train

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alike-ml/alike/internal/weights"
)

// A checkpoint is one safetensors file with every variable of the run: weights, batch norm's statistics, what the
// optimizer remembers, and any random state of the graph. Its metadata say how many steps were taken, which is also the
// place in the data and in the schedule, since these follow from the seed and the step. It is written whole or not at all.
const (
	checkpointFormat = "2"
	checkpointsKept  = 2

	metaFormat = "alike_checkpoint"
	metaStep   = "step"
)

// saveIfDue saves when the last checkpoint is old enough. While the run may be on the way to a collapse, it waits: the good
// checkpoints would be pushed out.
func (r *run) saveIfDue() error {
	if r.watch.low > 0 || time.Since(r.saved) < time.Duration(r.config.CheckpointSeconds)*time.Second {
		return nil
	}
	return r.save()
}

// save writes a checkpoint of the present step and removes all but the newest ones.
func (r *run) save() error {
	if err := r.events.flush(); err != nil {
		return err
	}
	path := filepath.Join(r.dir.checkpoints(), checkpointName(r.done))
	meta := map[string]string{metaFormat: checkpointFormat, metaStep: strconv.Itoa(r.done)}
	r.identity.write(meta)
	if err := weights.Write(path, slices.Collect(r.store.IterVariables()), meta); err != nil {
		return fmt.Errorf("cannot save a checkpoint: %w", err)
	}
	r.saved = time.Now()
	return r.prune()
}

func checkpointName(step int) string { return fmt.Sprintf("step-%09d.safetensors", step) }

// checkpointPaths lists the checkpoints, oldest first.
func checkpointPaths(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range entries { // sorted by name, and so by step
		if strings.HasPrefix(e.Name(), "step-") && strings.HasSuffix(e.Name(), ".safetensors") {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, nil
}

// newestUpTo returns the newest checkpoint after at most so many steps, "" if there is none.
func newestUpTo(dir string, step int) (string, error) {
	paths, err := checkpointPaths(dir)
	if err != nil {
		return "", err
	}
	for _, path := range slices.Backward(paths) {
		if step >= 0 && filepath.Base(path) <= checkpointName(step) {
			return path, nil
		}
	}
	return "", nil
}

func (r *run) prune() error {
	paths, err := checkpointPaths(r.dir.checkpoints())
	if err != nil {
		return err
	}
	for _, path := range paths[:max(0, len(paths)-checkpointsKept)] {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cannot remove an old checkpoint: %w", err)
		}
	}
	return nil
}

// restore reads the newest checkpoint, if there is one.
func (r *run) restore() error {
	paths, err := checkpointPaths(r.dir.checkpoints())
	if err != nil || len(paths) == 0 {
		return err
	}
	path := paths[len(paths)-1]
	if err := r.read(path); err != nil {
		advice := "remove it to start again"
		if len(paths) > 1 {
			advice = "remove it to go on from the one before"
		}
		return fmt.Errorf("cannot resume from %s: %w; %s", path, err, advice)
	}
	return nil
}

func (r *run) read(path string) error {
	file, err := weights.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	switch found := file.Metadata[metaFormat]; {
	case found == "":
		return errors.New("it is not a checkpoint of a run")
	case found != checkpointFormat:
		return fmt.Errorf("it was written by another version of Alike (format %s, this is %s)", found, checkpointFormat)
	}
	if err := r.identity.check(file.Metadata); err != nil {
		return err
	}
	step, err := strconv.Atoi(file.Metadata[metaStep])
	if err != nil || step < 0 || step > r.steps {
		return fmt.Errorf("its step %q is not one of the run's %d", file.Metadata[metaStep], r.steps)
	}
	if err := file.Assign(slices.Collect(r.store.IterVariables())); err != nil {
		return err
	}
	r.done = step
	return nil
}
