package eval

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/alike-ml/alike/internal/atomicfile"
)

// reportFile is where in a run's directory the scores at its end lie.
const reportFile = "evaluation.json"

// WriteReport keeps a report in a run's directory.
func WriteReport(run string, r Report) error { return record(run, r) }

// WritePairReport keeps the report of a run on pictures with captions in its directory.
func WritePairReport(run string, r PairReport) error { return record(run, r) }

func record(run string, r any) error {
	return atomicfile.Write(filepath.Join(run, reportFile), func(w io.Writer) error {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	})
}

// ReadReport reads the report that a run ended with, or returns nil where it was not evaluated.
func ReadReport(run string) (*Report, error) { return recorded[Report](run) }

// ReadPairReport is [ReadReport] for a run on pictures with captions.
func ReadPairReport(run string) (*PairReport, error) { return recorded[PairReport](run) }

func recorded[R any](run string) (*R, error) {
	path := filepath.Join(run, reportFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var r R
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &r, nil
}
