package train

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"

	"github.com/alike-ml/alike/metric"
)

// Step is what one optimizer step gave.
type Step struct {
	// Step counts optimizer steps from 1; Epoch counts passes over the data from 1.
	Step  int `json:"step"`
	Epoch int `json:"epoch"`
	// Loss is the batch's loss.
	Loss Number `json:"loss"`
	// LearningRate is the rate this step was taken with.
	LearningRate Number `json:"lr"`
	// GradientNorm is the Euclidean norm of the whole gradient.
	GradientNorm Number `json:"gradient_norm"`
	// EmbeddingStd is the spread of the batch's normalised embeddings: 1 when they fill the sphere, 0 when they are all the
	// same. See [metric.Std].
	EmbeddingStd Number `json:"embedding_std"`
	// ViewsPerSecond is this step's throughput, waiting for data included.
	ViewsPerSecond Number `json:"views_per_second"`
	// DataWait is the share of the step's time spent waiting for data.
	DataWait Number `json:"data_wait"`
}

// Epoch is what one pass over the data gave.
type Epoch struct {
	// Step is the number of steps taken so far; Epoch counts from 1. Epoch 0 is the state before the first step.
	Step  int `json:"step"`
	Epoch int `json:"epoch"`
	// Loss is the mean over the epoch's steps.
	Loss Number `json:"loss"`
	// LearningRate is that of the epoch's last step.
	LearningRate Number `json:"lr"`
	// KNN is the accuracy of nearest neighbours on the held-out part of the training data, for data with labels, in epochs
	// after which the encoder was looked at.
	KNN *Number `json:"knn,omitempty"`
	// RawKNN is the same score of raw pixels, or of sentences' words, in epoch 0.
	RawKNN *Number `json:"raw_knn,omitempty"`
	// STS is Spearman's correlation of the cosines of the run's scored pairs of sentences with their scores, in epochs after which
	// the encoder was looked at. RawSTS is that of their words' overlap, in epoch 0.
	STS    *Number `json:"sts,omitempty"`
	RawSTS *Number `json:"raw_sts,omitempty"`
	// Recall is the share of held-out captions whose picture is the nearest of the held-out ones, with ties shared, and HeldOutLoss the
	// method's loss on held-out pairs, of runs on pictures with captions in epochs after which the encoder was looked at. Chance is the
	// recall of pictures in random order, in epoch 0. ModalityGap is the distance between the centres of pictures and captions.
	Recall      *Number `json:"recall_at_1,omitempty"`
	Chance      *Number `json:"chance,omitempty"`
	HeldOutLoss *Number `json:"held_out_loss,omitempty"`
	ModalityGap *Number `json:"modality_gap,omitempty"`
	// Geometry describes the held-out representations, in epochs after which the encoder was looked at.
	Geometry *metric.Geometry `json:"geometry,omitempty"`
	// Seconds is the wall time of the epoch's training, ViewsPerSecond its throughput.
	Seconds        Number `json:"seconds"`
	ViewsPerSecond Number `json:"views_per_second"`
	// PeakMemory is the most memory, in bytes, that the process had held by then; 0 where the system does not tell.
	PeakMemory int64 `json:"peak_memory,omitempty"`
}

// Number is a float that JSON can hold whatever its value: NaN and infinities become null.
type Number float64

// MarshalJSON writes a finite number, or null.
func (n Number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON reads a number; null becomes NaN.
func (n *Number) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	return json.Unmarshal(text, (*float64)(n))
}

// event is a line of metrics.jsonl: one of its fields is set.
type event struct {
	Step  *Step  `json:"step,omitempty"`
	Epoch *Epoch `json:"epoch,omitempty"`
}

// step is the number of steps taken when the event was written.
func (e event) step() int {
	if e.Step != nil {
		return e.Step.Step
	}
	return e.Epoch.Step
}

// metricsFile appends events to metrics.jsonl.
type metricsFile struct {
	file   *os.File
	buffer *bufio.Writer
}

// openMetrics opens the file for appending after the given step. Events past it, from a run that got further than its last
// checkpoint before it was killed, are dropped: they will happen again. So is everything when there was no checkpoint.
func openMetrics(path string, step int) (*metricsFile, error) {
	if err := truncateMetrics(path, step); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	return &metricsFile{file, bufio.NewWriter(file)}, nil
}

func (m *metricsFile) write(e event) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	m.buffer.Write(line)
	return m.buffer.WriteByte('\n')
}

func (m *metricsFile) flush() error { return m.buffer.Flush() }

func (m *metricsFile) close() error { return errors.Join(m.buffer.Flush(), m.file.Close()) }

func truncateMetrics(path string, step int) error {
	kept := int64(0)
	err := scanMetrics(path, func(line []byte) error {
		// A line that does not parse is the torn end of a killed run.
		if e, err := parseEvent(line); err != nil || e.step() > step || step == 0 {
			return errEnough
		}
		kept += int64(len(line))
		return nil
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, errEnough):
		return os.Truncate(path, kept)
	}
	return err
}

// errEnough ends a scan.
var errEnough = errors.New("enough")

// scanMetrics hands the lines of the file, with their ends, to visit until that returns an error: a long run's record is
// never in memory as a whole. The last line may be torn.
func scanMetrics(path string, visit func(line []byte) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for reader := bufio.NewReader(file); ; {
		line, err := reader.ReadBytes('\n')
		if len(line) > 0 {
			if err := visit(line); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func parseEvent(line []byte) (event, error) {
	var e event
	if !bytes.HasSuffix(line, []byte("\n")) {
		return e, io.ErrUnexpectedEOF
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return e, err
	}
	if (e.Step == nil) == (e.Epoch == nil) {
		return e, errors.New("an event is either a step or an epoch")
	}
	return e, nil
}

// ReadMetrics reads a run's metrics.jsonl. A torn last line, as a killed run leaves, is ignored; any other line that is not
// an event is an error.
func ReadMetrics(path string) (steps []Step, epochs []Epoch, err error) {
	err = readEvents(path, func(e event) {
		if e.Step != nil {
			steps = append(steps, *e.Step)
		} else {
			epochs = append(epochs, *e.Epoch)
		}
	})
	return steps, epochs, err
}

// ReadEpochs is [ReadMetrics] without the steps, of which a long run has many.
func ReadEpochs(path string) (epochs []Epoch, err error) {
	err = readEvents(path, func(e event) {
		if e.Epoch != nil {
			epochs = append(epochs, *e.Epoch)
		}
	})
	return epochs, err
}

func readEvents(path string, visit func(event)) error {
	number := 0
	return scanMetrics(path, func(line []byte) error {
		number++
		e, err := parseEvent(line)
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF):
		case err != nil:
			return fmt.Errorf("%s, line %d: %v", path, number, err)
		default:
			visit(e)
		}
		return nil
	})
}
