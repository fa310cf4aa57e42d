package cli

import "github.com/alike-ml/alike/train"

// stepFlags are the settings that what a step takes depends on most, for commands that take steps without a run.
type stepFlags struct {
	ImageSize *int     `placeholder:"${image_size_default}" help:"${image_size}"`
	Backbone  *string  `placeholder:"${backbone_default}" help:"${backbone}"`
	Width     *float64 `placeholder:"${width_default}" help:"${width}"`
	Batch     *int     `placeholder:"${batch_default}" help:"${batch}"`
	Chunk     *int     `placeholder:"${chunk_default}" help:"${chunk}"`
	Device    *string  `placeholder:"${device_default}" help:"${device}"`
	Precision *string  `placeholder:"${precision_default}" help:"${precision}"`
}

// flags are the same as a run has them.
func (f stepFlags) flags() configFlags {
	return configFlags{ImageSize: f.ImageSize, Backbone: f.Backbone, Width: f.Width, Batch: f.Batch, Chunk: f.Chunk, Device: f.Device, Precision: f.Precision}
}

// random are the settings, put together in the same way as those of a run, of the method on data that are drawn.
func (f stepFlags) random(method string, set []string) (train.Config, error) {
	flags, anywhere := f.flags(), "random"
	flags.Data = &anywhere
	return trainCommand{Method: method, Set: set, configFlags: flags}.config()
}
