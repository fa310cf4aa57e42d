package tensorboard

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"
)

// record is what a reader finds in a file.
type record struct {
	Time         float64
	Step         int64
	Version, Tag string
	Scalar       float32
	Status       int // of a session: 1 is its start
}

// readRecords is a reader of its own, after the format's description: it trusts nothing that the writer defines.
func readRecords(data []byte) ([]record, error) {
	unmask := func(b []byte) uint32 {
		rotated := binary.LittleEndian.Uint32(b) - 0xa282ead8
		return rotated<<15 | rotated>>17
	}
	checksum := func(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
	var records []record
	for len(data) > 0 {
		if len(data) < 12 {
			return records, fmt.Errorf("cut in a header")
		}
		if checksum(data[:8]) != unmask(data[8:12]) {
			return records, fmt.Errorf("wrong CRC of a length")
		}
		n := binary.LittleEndian.Uint64(data)
		if uint64(len(data)) < 16+n {
			return records, fmt.Errorf("cut in the data")
		}
		event := data[12 : 12+n]
		if checksum(event) != unmask(data[12+n:16+n]) {
			return records, fmt.Errorf("wrong CRC of the data")
		}
		var r record
		if err := readMessage(event, "", &r); err != nil {
			return records, err
		}
		records = append(records, r)
		data = data[16+n:]
	}
	return records, nil
}

// readMessage fills a record from a message whose place among its parents is the path of field numbers.
func readMessage(b []byte, path string, r *record) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		field := fmt.Sprintf("%s/%d", path, number)
		var bits uint64
		var content []byte
		switch kind {
		case protowire.VarintType:
			bits, n = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			bits, n = protowire.ConsumeFixed64(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			bits = uint64(v)
		case protowire.BytesType:
			content, n = protowire.ConsumeBytes(b)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		switch field {
		case "/1":
			r.Time = math.Float64frombits(bits)
		case "/2":
			r.Step = int64(bits)
		case "/3":
			r.Version = string(content)
		case "/5", "/5/1", "/7":
			if err := readMessage(content, field, r); err != nil {
				return err
			}
		case "/7/1":
			r.Status = int(bits)
		case "/5/1/1":
			r.Tag = string(content)
		case "/5/1/2":
			r.Scalar = math.Float32frombits(uint32(bits))
		default:
			return fmt.Errorf("unexpected field %s", field)
		}
	}
	return nil
}

// at returns a clock that stands still.
func at(seconds float64) func() time.Time {
	return func() time.Time { return time.UnixMicro(int64(seconds * 1e6)) }
}

// files returns the contents of the directory's files, in the order of their names.
func files(t testing.TB, dir string) (names []string, contents [][]byte) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		names, contents = append(names, entry.Name()), append(contents, content)
	}
	return names, contents
}

// The bytes of the same events as TensorBoard 2.21 serialises them: its Event and Summary messages through its RecordWriter.
func TestGoldenBytes(t *testing.T) {
	dir := t.TempDir()
	w, err := open(dir, "host", 42, at(1700000000.25))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Scalar("train/loss", 7, 0.5); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile("testdata/events.hex")
	if err != nil {
		t.Fatal(err)
	}
	want, err := hex.DecodeString(strings.Join(strings.Fields(string(golden)), ""))
	if err != nil {
		t.Fatal(err)
	}
	names, contents := files(t, dir)
	if diff := cmp.Diff([]string{"events.out.tfevents.1700000000.host.42.0"}, names); diff != "" {
		t.Error(diff)
	}
	if !bytes.Equal(contents[0], want) {
		t.Errorf("wrote\n%swant\n%s", hex.Dump(contents[0]), hex.Dump(want))
	}
}

func TestEverythingComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "tensorboard")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		w, err := open(dir, "host", 1, at(1.5))
		if err != nil {
			t.Fatal(err)
		}
		want := []record{{Time: 1.5, Version: "brain.Event:2"}}
		for range rapid.IntRange(0, 5).Draw(t, "events") {
			r := record{Time: 1.5, Tag: rapid.String().Draw(t, "tag"), Step: rapid.Int64().Draw(t, "step")}
			r.Scalar = rapid.Float32().Draw(t, "value")
			if err := w.Scalar(r.Tag, r.Step, float64(r.Scalar)); err != nil {
				t.Fatal(err)
			}
			want = append(want, r)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(filepath.Join(dir, "events.out.tfevents.0000000001.host.1.0"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := readRecords(content)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestNotANumberIsRecorded(t *testing.T) {
	dir := t.TempDir()
	w, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Scalar("loss", 1, math.NaN()); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	_, contents := files(t, dir)
	got, err := readRecords(contents[0])
	if err != nil || len(got) != 2 || !math.IsNaN(float64(got[1].Scalar)) {
		t.Errorf("read %+v, %v", got, err)
	}
}

// A file is readable as soon as it is there, and what was flushed before a crash stays when a resumed run writes on.
func TestResumeWritesAFileOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	first, err := open(dir, "host", 1, at(5))
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	first.Scalar("loss", 1, 1)
	if err := first.Flush(); err != nil {
		t.Fatal(err)
	}
	first.Scalar("loss", 2, 1) // lost with the process

	second, err := open(dir, "host", 1, at(5))
	if err != nil {
		t.Fatal(err)
	}
	second.Scalar("loss", 2, 1)
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	names, contents := files(t, dir)
	if diff := cmp.Diff([]string{"events.out.tfevents.0000000005.host.1.0", "events.out.tfevents.0000000005.host.1.1"}, names); diff != "" {
		t.Error(diff)
	}
	for i, content := range contents {
		records, err := readRecords(content)
		if err != nil || len(records) != 2 || records[1].Step != int64(i+1) {
			t.Errorf("file %d holds %+v, %v", i, records, err)
		}
	}
}

func TestStartSaysFromWhichStep(t *testing.T) {
	dir := t.TempDir()
	w, err := open(dir, "host", 1, at(5))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []int64{0, 42} {
		if err := w.Start(step); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, contents := files(t, dir)
	got, err := readRecords(contents[0])
	if err != nil {
		t.Fatal(err)
	}
	want := []record{{Time: 5, Version: "brain.Event:2"}, {Time: 5, Status: 1}, {Time: 5, Step: 42, Status: 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestErrors(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "missing")); err == nil || !strings.Contains(err.Error(), "cannot create a TensorBoard event file") {
		t.Errorf("opening in a missing directory: %v", err)
	}
	w, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Scalar("loss", 1, 1); err == nil {
		t.Error("writing to a closed writer must fail")
	}
}
