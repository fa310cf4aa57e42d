package embed

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/alike-ml/alike/internal/atomicfile"
	"github.com/alike-ml/alike/internal/weights"
	"github.com/alike-ml/alike/method"
	"github.com/alike-ml/alike/token"
)

// network is what an encoder of pictures and one of text have in common: a graph with weights, and the folder that they are
// kept in.
type network struct {
	// Config says which encoder it is.
	Config Config

	store   *model.Store
	exec    *model.Exec
	backend compute.Backend // of a model that opened its own, nil otherwise
	scopes  []string        // of what is saved, in the store's root scope; nil is the encoder's
}

// Save writes the model's folder: the weights first, the configuration that makes the folder a model last.
func (n *network) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot make the model's folder: %w", err)
	}
	if err := weights.Write(filepath.Join(dir, weightsFile), n.variables(), map[string]string{"format": "alike"}); err != nil {
		return err
	}
	text, err := json.MarshalIndent(n.Config, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, configFile), func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

// saveReading writes the folder of a model that reads through a tokenizer, which is written first.
func (n *network) saveReading(dir string, tokenizer *token.Tokenizer) error {
	folder := filepath.Join(dir, tokenizerDir)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("cannot make the tokenizer's folder: %w", err)
	}
	if err := tokenizer.Save(folder); err != nil {
		return err
	}
	return n.Save(dir)
}

// Close frees what the model computes with, and the device if it was opened with the model. The model cannot embed any more.
func (n *network) Close() {
	n.exec.Finalize()
	if n.backend != nil {
		n.backend.Finalize()
	}
}

// variables are what is saved, batch norm's statistics among them, in the order they were made.
func (n *network) variables() (list []*model.Variable) {
	scopes := n.scopes
	if scopes == nil {
		scopes = []string{method.EncoderScope}
	}
	for _, scope := range scopes {
		list = slices.AppendSeq(list, n.store.RootScope().At("%s", scope).IterVariables())
	}
	return list
}

// read compiles the encoder for inputs of these shapes, which makes its variables, and reads their values from the folder.
func (n *network) read(dir string, inputs ...shapes.Shape) error {
	if _, err := n.exec.Compile(inputs...); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(dir, configFile), err)
	}
	return n.assign(dir)
}

// assign reads the values of the variables, which are there, from the folder.
func (n *network) assign(dir string) error {
	path := filepath.Join(dir, weightsFile)
	file, err := weights.Open(path)
	if err != nil {
		return fmt.Errorf("cannot read the encoder's weights in %s: %w", path, err)
	}
	defer file.Close()
	if err := file.Assign(n.variables()); err != nil {
		return fmt.Errorf("%s does not fit %s: %w", path, configFile, err)
	}
	for _, v := range n.variables() {
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
