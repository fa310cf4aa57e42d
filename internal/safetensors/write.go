package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// metadataKey is the name in the header that is not a tensor's.
const metadataKey = "__metadata__"

// entry is what the header says about a tensor.
type entry struct {
	DType   DType    `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"` // begin and end, from the end of the header
}

// Write writes tensors and metadata to w. The bytes depend on what is written, not on its order: tensors of larger values
// come first, then it goes by name, so that without a gap every tensor is aligned to its
// values. Names must differ.
func Write(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	tensors = slices.SortedFunc(slices.Values(tensors), func(a, b Tensor) int {
		return cmp.Or(b.DType.Size()-a.DType.Size(), cmp.Compare(a.Name, b.Name))
	})
	header, err := makeHeader(tensors, metadata)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, t := range tensors {
		if _, err := w.Write(t.Data); err != nil {
			return err
		}
	}
	return nil
}

// makeHeader returns all that stands before the tensors, padded with spaces to a multiple of 8 bytes.
func makeHeader(tensors []Tensor, metadata map[string]string) ([]byte, error) {
	var header bytes.Buffer
	header.WriteString("\x00\x00\x00\x00\x00\x00\x00\x00{") // room for the length
	if len(metadata) > 0 {
		if err := writePair(&header, metadataKey, metadata); err != nil {
			return nil, err
		}
	}
	seen := map[string]bool{metadataKey: true}
	var end int64
	for _, t := range tensors {
		if seen[t.Name] {
			return nil, fmt.Errorf("tensor name %q is taken", t.Name)
		}
		seen[t.Name] = true
		n, err := byteLen(t.DType, t.Shape)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		if n != int64(len(t.Data)) {
			return nil, fmt.Errorf("tensor %q: %d bytes for %s values of shape %v", t.Name, len(t.Data), t.DType, t.Shape)
		}
		shape := append([]int{}, t.Shape...) // a scalar's is [], not null
		if err := writePair(&header, t.Name, entry{t.DType, shape, [2]int64{end, end + n}}); err != nil {
			return nil, err
		}
		end += n
	}
	header.WriteByte('}')
	for header.Len()%8 != 0 {
		header.WriteByte(' ')
	}
	b := header.Bytes()
	binary.LittleEndian.PutUint64(b, uint64(len(b)-8))
	return b, nil
}

// writePair writes one name and value of the JSON object that header ends in.
func writePair(header *bytes.Buffer, name string, value any) error {
	if b := header.Bytes(); b[len(b)-1] != '{' {
		header.WriteByte(',')
	}
	key, err := json.Marshal(name)
	if err != nil {
		return err
	}
	val, err := json.Marshal(value)
	if err != nil {
		return err
	}
	header.Write(key)
	header.WriteByte(':')
	header.Write(val)
	return nil
}
