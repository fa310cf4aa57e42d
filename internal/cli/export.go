package cli

import (
	"context"
	"fmt"

	"github.com/alike-ml/alike/internal/device"
)

type exportCommand struct {
	Model string `arg:"" name:"run" help:"A run's directory, or a model folder, of an encoder of text."`
	Out   string `required:"" placeholder:"DIR" help:"Folder to write, which must be empty or not there."`
}

func (e exportCommand) Run(_ context.Context, c console) error {
	if isPair(e.Model) {
		return usageError{fmt.Errorf("the model in %s is one of pictures and texts: sentence-transformers has none like it; those of text alone are exported", e.Model)}
	}
	backend, err := device.Open(device.Default)
	if err != nil {
		return err
	}
	defer backend.Finalize()
	m, err := loadTextModel(backend, e.Model)
	if err != nil {
		return err
	}
	defer m.Close()
	if err := m.Export(e.Out); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%s is a model of sentence-transformers: SentenceTransformer(%q)\n", e.Out, e.Out)
	return nil
}
