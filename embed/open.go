package embed

import "github.com/alike-ml/alike/internal/device"

// Open opens a model folder, as a run leaves it, on the default device. Close it when done. The error wraps fs.ErrNotExist
// when the folder holds no model. [Load] opens one on a backend of the caller's.
func Open(dir string) (*Model, error) {
	backend, err := device.Open(device.Default)
	if err != nil {
		return nil, err
	}
	m, err := Load(backend, dir)
	if err != nil {
		backend.Finalize()
		return nil, err
	}
	m.backend = backend
	return m, nil
}
