package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// file returns the bytes of a file with the given header and n bytes of tensors.
func file(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, n)...)
}

func open(b []byte) (*File, error) { return Open(bytes.NewReader(b), int64(len(b))) }

func write(t interface{ Fatal(...any) }, tensors []Tensor, metadata map[string]string) []byte {
	var b bytes.Buffer
	if err := Write(&b, tensors, metadata); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestGolden has the bytes that safetensors 0.8.0 for Python writes for the same tensors and metadata.
func TestGolden(t *testing.T) {
	tensors := []Tensor{
		{"b", U8, []int{3}, []byte{7, 8, 9}},
		FromFloat32("w", []int{2, 1}, []float32{1, -2}),
		FromFloat32("a", nil, []float32{0.5}),
	}
	header := `{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},` +
		`"w":{"dtype":"F32","shape":[2,1],"data_offsets":[4,12]},"b":{"dtype":"U8","shape":[3],"data_offsets":[12,15]}}`
	header += strings.Repeat(" ", -len(header)&7)
	want := append(file(header, 0), "\x00\x00\x00\x3f\x00\x00\x80\x3f\x00\x00\x00\xc0\x07\x08\x09"...)
	if diff := cmp.Diff(string(want), string(write(t, tensors, map[string]string{"format": "pt"}))); diff != "" {
		t.Error(diff)
	}
}

func TestRoundTrip(t *testing.T) {
	dtypes := []DType{F64, F32, F16, BF16, I64, I32, I16, I8, U64, U32, U16, U8, Bool}
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z"<é./]{0,5}`), 0, 8, rapid.ID).Draw(t, "names")
		want := make(map[string]Tensor)
		for _, name := range names {
			dtype := rapid.SampledFrom(dtypes).Draw(t, "dtype")
			shape := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 3).Draw(t, "shape")
			n, err := byteLen(dtype, shape)
			if err != nil {
				t.Fatal(err)
			}
			data := rapid.SliceOfN(rapid.Byte(), int(n), int(n)).Draw(t, "data")
			want[name] = Tensor{name, dtype, shape, data}
		}
		var metadata map[string]string
		if rapid.Bool().Draw(t, "has metadata") {
			metadata = map[string]string{"k": rapid.String().Draw(t, "value")}
		}
		b := write(t, slices.Collect(maps.Values(want)), metadata)
		if again := write(t, slices.Collect(maps.Values(want)), metadata); !bytes.Equal(b, again) {
			t.Fatal("the order of the tensors changes the file")
		}
		f, err := open(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(metadata, f.Metadata); diff != "" {
			t.Fatal(diff)
		}
		got := make(map[string]Tensor)
		for _, info := range f.Tensors {
			if size := int64(info.DType.Size()); info.begin%size != 0 {
				t.Fatalf("%v is not aligned", info)
			}
			if got[info.Name], err = f.Read(info.Name); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestFloat32(t *testing.T) {
	values := []float32{0, -1.5, float32(math.Inf(1)), math.MaxFloat32}
	tensor := FromFloat32("x", []int{4}, values)
	got, err := tensor.Float32()
	if err != nil || !cmp.Equal(got, values) {
		t.Errorf("read %v, %v", got, err)
	}
	tensor.DType = I32
	if _, err := tensor.Float32(); err == nil {
		t.Error("I32 values were read as float32")
	}
}

// One and a half, the smallest float16, an infinity and a NaN, in each type that has them.
func TestFloatsOfEveryType(t *testing.T) {
	for _, c := range []struct {
		dtype DType
		data  []byte
		want  []float32
	}{
		{F64, []byte{0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 1, 0, 0, 0, 0, 0, 0xf0, 0xbf}, []float32{1.5, -1}},
		{F32, []byte{0, 0, 0xc0, 0x3f, 0, 0, 0x80, 0xff}, []float32{1.5, float32(math.Inf(-1))}},
		{F16, []byte{0, 0x3e, 1, 0, 0, 0x7c, 0xff, 0xfb}, []float32{1.5, 1.0 / (1 << 24), float32(math.Inf(1)), -65504}},
		{BF16, []byte{0xc0, 0x3f, 0x80, 0xff, 0xc0, 0x7f}, []float32{1.5, float32(math.Inf(-1)), float32(math.NaN())}},
	} {
		got, err := Tensor{"x", c.dtype, []int{len(c.want)}, c.data}.Floats()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, got, cmp.Comparer(func(a, b float32) bool { return a == b || a != a && b != b })); diff != "" {
			t.Errorf("%s: %s", c.dtype, diff)
		}
	}
	if _, err := (Tensor{"x", I32, []int{1}, make([]byte, 4)}).Floats(); err == nil || !strings.Contains(err.Error(), "I32") {
		t.Errorf("integers: error %v", err)
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, tensors := range map[string][]Tensor{
		"a name twice":   {{"a", U8, []int{1}, []byte{1}}, {"a", U8, []int{1}, []byte{1}}},
		"metadata":       {{metadataKey, U8, []int{1}, []byte{1}}},
		"unknown type":   {{"a", "F4", []int{1}, []byte{1}}},
		"too few bytes":  {{"a", F32, []int{2}, make([]byte, 7)}},
		"negative shape": {{"a", F32, []int{-1, -1}, make([]byte, 4)}},
	} {
		var b bytes.Buffer
		if err := Write(&b, tensors, nil); err == nil || b.Len() > 0 {
			t.Errorf("%s: error %v, %d bytes written", name, err, b.Len())
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, b := range map[string][]byte{
		"nothing":           nil,
		"seven bytes":       make([]byte, 7),
		"header past end":   binary.LittleEndian.AppendUint64(nil, 100),
		"huge header":       binary.LittleEndian.AppendUint64(nil, math.MaxUint64),
		"empty header":      file(``, 0),
		"no object":         file(`[]`, 0),
		"space first":       file(` {}`, 0),
		"cut JSON":          file(`{"a":`, 0),
		"two values":        file(`{}{}`, 0),
		"null tensor":       file(`{"a":null}`, 0),
		"metadata number":   file(`{"__metadata__":{"a":1}}`, 0),
		"name twice":        file(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, 0),
		"unknown type":      file(`{"a":{"dtype":"Q8","shape":[1],"data_offsets":[0,1]}}`, 1),
		"negative shape":    file(`{"a":{"dtype":"U8","shape":[-1,-1],"data_offsets":[0,1]}}`, 1),
		"fractional shape":  file(`{"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}}`, 1),
		"overflowing shape": file(`{"a":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0),
		"too short":         file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 7),
		"shape and offsets": file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4),
		"backwards":         file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}`, 1),
		"negative offset":   file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}}`, 1),
		"hole before":       file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2),
		"late beginning":    file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[1,2]}}`, 2),
		"bytes after":       file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 2),
		"overlap":           file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3),
		"same place":        file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 2),
	} {
		if _, err := open(b); !errors.Is(err, ErrFormat) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	b := write(t, []Tensor{FromFloat32("x", []int{2}, []float32{1, 2})}, nil)
	f, err := Open(bytes.NewReader(b[:len(b)-1]), int64(len(b))) // cut after it was opened
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Read("x"); !errors.Is(err, ErrFormat) {
		t.Errorf("cut file: error %v", err)
	}
	if _, err := f.Read("y"); err == nil {
		t.Error("read a tensor that is not there")
	}
	if _, err := Open(brokenReaderAt{}, 100); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("broken reader: error %v", err)
	}
}

type brokenReaderAt struct{}

func (brokenReaderAt) ReadAt([]byte, int64) (int, error) { return 0, io.ErrClosedPipe }

func FuzzOpen(f *testing.F) {
	f.Add(write(f, []Tensor{FromFloat32("x", []int{2}, []float32{1, 2}), {"b", Bool, nil, []byte{1}}}, map[string]string{"a": "b"}))
	f.Add(file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 2))
	f.Fuzz(func(t *testing.T, b []byte) {
		opened, err := open(b)
		if err != nil {
			return
		}
		total := 0
		for _, info := range opened.Tensors {
			tensor, err := opened.Read(info.Name)
			if err != nil {
				t.Fatalf("%v: %v", info, err)
			}
			total += len(tensor.Data)
		}
		if header := binary.LittleEndian.Uint64(b); uint64(total)+header+8 != uint64(len(b)) {
			t.Fatalf("%d bytes of tensors and a header of %d in a file of %d", total, header, len(b))
		}
	})
}
