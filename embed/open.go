package embed

import (
	"github.com/gomlx/compute"

	"github.com/alike-ml/alike/internal/device"
)

// Open opens a model folder, as a run leaves it, on the default device. Close it when done. The error wraps fs.ErrNotExist
// when the folder holds no model. [Load] opens one on a backend of the caller's.
func Open(dir string) (*Model, error) {
	m, backend, err := onDefaultDevice(dir, Load)
	if err != nil {
		return nil, err
	}
	m.backend = backend
	return m, nil
}

// onDefaultDevice loads a model's folder on the default device, which it returns for the model to end.
func onDefaultDevice[M any](dir string, load func(compute.Backend, string) (M, error)) (m M, backend compute.Backend, err error) {
	if backend, err = device.Open(device.Default); err != nil {
		return m, nil, err
	}
	if m, err = load(backend, dir); err != nil {
		backend.Finalize()
	}
	return m, backend, err
}
