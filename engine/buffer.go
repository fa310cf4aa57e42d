package engine

import (
	"reflect"
	"sync/atomic"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"
)

// Buffer is a tensor in memory.
type Buffer struct {
	backend *Backend
	shape   shapes.Shape
	data    atomic.Pointer[[]byte] // nil once finalized
}

var _ compute.Buffer = (*Buffer)(nil)

func (b *Backend) newBuffer(shape shapes.Shape, data []byte) *Buffer {
	buffer := &Buffer{backend: b, shape: shape}
	buffer.data.Store(&data)
	return buffer
}

func (b *Backend) allocate(device compute.DeviceNum, shape shapes.Shape) (*Buffer, error) {
	if b.IsFinalized() {
		return nil, errors.Errorf("backend %q: already finalized", Name)
	}
	if device != 0 {
		return nil, errors.Errorf("backend %q: no device %d, there is only device 0", Name, device)
	}
	if !capabilities.DTypes[shape.DType] || shape.IsDynamic() {
		return nil, errors.Errorf("backend %q: shape %s is not supported", Name, shape)
	}
	return b.newBuffer(shape.Clone(), b.heap.get(int(shape.ByteSize()))), nil
}

// BufferFromFlatData copies flat, a slice of the Go type of shape's dtype, to a new buffer.
func (b *Backend) BufferFromFlatData(device compute.DeviceNum, flat any, shape shapes.Shape) (compute.Buffer, error) {
	source, err := flatBytes(flat, shape)
	if err != nil {
		return nil, err
	}
	buffer, err := b.allocate(device, shape)
	if err != nil {
		return nil, err
	}
	copy(*buffer.data.Load(), source)
	return buffer, nil
}

// HasSharedBuffers returns true: buffers are Go memory.
func (b *Backend) HasSharedBuffers() bool { return true }

// NewSharedBuffer returns a buffer and the slice of its elements, all zero.
func (b *Backend) NewSharedBuffer(device compute.DeviceNum, shape shapes.Shape) (compute.Buffer, any, error) {
	buffer, err := b.allocate(device, shape)
	if err != nil {
		return nil, nil, err
	}
	clear(*buffer.data.Load())
	flat, err := buffer.Data()
	return buffer, flat, err
}

// Backend returns the backend that made the buffer.
func (b *Buffer) Backend() compute.Backend { return b.backend }

// Finalize gives the memory back. Finalizing twice, or after the buffer was donated, has no effect.
func (b *Buffer) Finalize() error {
	if data := b.take(); data != nil && !b.backend.IsFinalized() {
		b.backend.heap.put(data)
	}
	return nil
}

// take removes the memory from the buffer, which counts as finalized from then on.
func (b *Buffer) take() []byte {
	if data := b.data.Swap(nil); data != nil {
		return *data
	}
	return nil
}

// bytes returns the memory, or an error if the buffer has been finalized or donated.
func (b *Buffer) bytes() ([]byte, error) {
	data := b.data.Load()
	if data == nil {
		return nil, errors.Errorf("backend %q: buffer %s was used after it was finalized or donated", Name, b.shape)
	}
	return *data, nil
}

// Shape returns the shape.
func (b *Buffer) Shape() (shapes.Shape, error) { return b.shape, nil }

// DeviceNum returns 0.
func (b *Buffer) DeviceNum() (compute.DeviceNum, error) { return 0, nil }

// ToFlatData copies the elements to flat, a slice of their Go type and number.
func (b *Buffer) ToFlatData(flat any) error {
	data, err := b.bytes()
	if err != nil {
		return err
	}
	target, err := flatBytes(flat, b.shape)
	if err != nil {
		return err
	}
	copy(target, data)
	return nil
}

// Data returns the slice of the elements themselves. It is valid until the buffer is finalized or donated.
func (b *Buffer) Data() (any, error) {
	data, err := b.bytes()
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return dtypes.MakeAnySlice(b.shape.DType, 0), nil
	}
	return dtypes.UnsafeAnySliceFromBytes(unsafe.Pointer(unsafe.SliceData(data)), b.shape.DType, b.shape.Size()), nil
}

// CopyToDevice fails: there is one device.
func (b *Buffer) CopyToDevice(device compute.DeviceNum) (compute.Buffer, error) {
	return nil, errors.Errorf("backend %q: cannot copy a buffer to device %d, there is only device 0", Name, device)
}

// flatBytes returns the bytes of a flat slice after checking that it suits the shape.
func flatBytes(flat any, shape shapes.Shape) ([]byte, error) {
	v := reflect.ValueOf(flat)
	if v.Kind() != reflect.Slice {
		return nil, errors.Errorf("backend %q: want a slice for shape %s, got %T", Name, shape, flat)
	}
	if dtypes.FromGoType(v.Type().Elem()) != shape.DType || v.Len() != shape.Size() {
		return nil, errors.Errorf("backend %q: %d elements of type %s do not suit shape %s", Name, v.Len(),
			v.Type().Elem(), shape)
	}
	return unsafe.Slice((*byte)(v.UnsafePointer()), v.Len()*int(v.Type().Elem().Size())), nil
}
