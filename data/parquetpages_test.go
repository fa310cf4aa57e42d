package data

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	layout "github.com/parquet-go/parquet-go/format"
	"pgregory.net/rapid"
)

// forged is a Parquet file of one column, with one page, whose header and body are as change leaves them.
func forged[R any](t *testing.T, row R, codec compress.Codec, version int, change func(header *layout.PageHeader, body []byte) []byte) []byte {
	t.Helper()
	var written bytes.Buffer
	w := parquet.NewGenericWriter[R](&written, parquet.Compression(codec), parquet.DataPageVersion(version))
	if _, err := w.Write([]R{row}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(written.Bytes()), int64(written.Len()), parquet.SkipPageIndex(true))
	if err != nil {
		t.Fatal(err)
	}
	meta := f.Metadata()
	column := &meta.RowGroups[0].Columns[0].MetaData
	var protocol thrift.CompactProtocol
	chunk := bytes.NewReader(written.Bytes()[column.DataPageOffset:][:column.TotalCompressedSize])
	var header layout.PageHeader
	if err := thrift.NewDecoder(protocol.NewReader(chunk)).Decode(&header); err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(chunk)
	if err != nil {
		t.Fatal(err)
	}
	body = change(&header, body)
	out := bytes.NewBufferString("PAR1")
	column.DataPageOffset = 4
	encode := func(v any) (size int) {
		start := out.Len()
		if err := thrift.NewEncoder(protocol.NewWriter(out)).Encode(v); err != nil {
			t.Fatal(err)
		}
		return out.Len() - start
	}
	size := encode(&header)
	out.Write(body)
	column.TotalCompressedSize = int64(size + len(body))
	footer := encode(meta)
	return append(binary.LittleEndian.AppendUint32(out.Bytes(), uint32(footer)), "PAR1"...)
}

// refused checks that a file is, for a reason.
func refused(t *testing.T, content []byte, why string) {
	t.Helper()
	path := writeFile(t, "a.parquet", content)
	_, err := OpenText(context.Background(), path, columnsOf("text"))
	for _, want := range []string{path, `column "text", row group 1, page 1 `, why} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want one that says %q", err, want)
		}
	}
}

type plainRow struct {
	Text string `parquet:"text,plain"`
}

type optionalRow struct {
	Text *string `parquet:"text,optional,plain"`
}

// A page that would take all memory, or that is not what it says, is refused before it is unpacked.
func TestParquetPagesTakeWhatTheySayAndNotTooMuch(t *testing.T) {
	const letters = 1 << 16
	for _, codec := range []compress.Codec{&parquet.Uncompressed, &parquet.Snappy, &parquet.Gzip, &parquet.Brotli, &parquet.Zstd} {
		for version := 1; version <= 2; version++ {
			file := func(change func(*layout.PageHeader)) []byte {
				row := plainRow{strings.Repeat("x", letters)}
				return forged(t, row, codec, version, func(header *layout.PageHeader, body []byte) []byte {
					change(header)
					return body
				})
			}
			t.Run(fmt.Sprint(codec, version), func(t *testing.T) {
				opt := columnsOf("text")
				opt.MaxChars = 0
				text := openText(t, writeFile(t, "a.parquet", file(func(*layout.PageHeader) {})), opt)
				if row, err := text.Row(0); err != nil || len(row.Texts[0]) != letters {
					t.Error(len(row.Texts[0]), err)
				}
				if codec != compress.Codec(&parquet.Uncompressed) {
					refused(t, file(func(h *layout.PageHeader) { h.UncompressedPageSize = 1000 }), "unpacks to more than the 1000 bytes that it says")
				}
				refused(t, file(func(h *layout.PageHeader) { h.UncompressedPageSize = math.MaxInt32 }), "takes 2147483647 bytes, and may take 1073741824 at most")
				refused(t, file(func(h *layout.PageHeader) { h.CompressedPageSize = math.MaxInt32 }), "takes 2147483647 bytes")
				refused(t, file(func(h *layout.PageHeader) {
					h.DataPageHeader.V.NumValues, h.DataPageHeaderV2.V.NumValues = math.MaxInt32, math.MaxInt32
				}), "has more than 67108864 values")
			})
		}
	}
}

// A page of a few bytes that stand for more values, or more letters, than there is memory for.
func TestParquetPagesOfLongRunsAreRefused(t *testing.T) {
	run := binary.AppendUvarint(nil, math.MaxInt32<<1)
	ints := func(values ...int32) []byte {
		list, err := new(delta.BinaryPackedEncoding).EncodeInt32(nil, values)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	many := ints(slices.Repeat([]int32{0}, 1000)...)
	many = append(binary.AppendUvarint(many[:3:3], math.MaxInt32), many[5:]...) // 2 bytes of the count are those of 1000
	same := slices.Repeat([]int32{1 << 20}, 1200)
	for _, c := range []struct {
		name     string
		encoding layout.Encoding
		body     []byte
		want     string
	}{
		{"runs of a word of the dictionary", layout.RLEDictionary, append(append([]byte{1}, run...), 0), "more than 67108864 values"},
		{"groups of words", oldDictionary, append([]byte{1}, binary.AppendUvarint(nil, 1<<40|1)...), "more than 67108864 values"},
		{"numbers without bits", layout.DeltaLengthByteArray, many, "more than 67108864 values"},
		{"long texts", layout.DeltaLengthByteArray, ints(same...), "has texts of 1258291200 bytes, and may have 1073741824 at most"},
		{"texts that begin the same", layout.DeltaByteArray, slices.Concat(ints(same...), ints(make([]int32, len(same))...)), "has texts of 1258291200 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for version := 1; version <= 2; version++ {
				refused(t, forged(t, plainRow{"x"}, &parquet.Uncompressed, version, func(h *layout.PageHeader, _ []byte) []byte {
					h.DataPageHeader.V.Encoding, h.DataPageHeaderV2.V.Encoding = c.encoding, c.encoding
					h.CompressedPageSize, h.UncompressedPageSize = int32(len(c.body)), int32(len(c.body))
					return c.body
				}), c.want)
			}
		})
	}
	text := "x"
	levels := append(slices.Clone(run), 1)
	refused(t, forged(t, optionalRow{&text}, &parquet.Uncompressed, 1, func(h *layout.PageHeader, _ []byte) []byte {
		body := append(binary.LittleEndian.AppendUint32(nil, uint32(len(levels))), levels...)
		h.CompressedPageSize, h.UncompressedPageSize = int32(len(body)), int32(len(body))
		return body
	}), "more than 67108864 values")
	refused(t, forged(t, optionalRow{&text}, &parquet.Uncompressed, 2, func(h *layout.PageHeader, _ []byte) []byte {
		h.DataPageHeaderV2.V.DefinitionLevelsByteLength = int32(len(levels))
		h.CompressedPageSize, h.UncompressedPageSize = int32(len(levels)), int32(len(levels))
		return levels
	}), "more than 67108864 values")
}

// Numbers are read as the library writes them, and as much is read of them as they take.
func TestDeltasAreTheLibrarys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var written []byte
		var sums []int64
		for range 2 {
			numbers := rapid.SliceOfN(rapid.Int32(), 1, 300).Draw(t, "numbers")
			encoded, err := new(delta.BinaryPackedEncoding).EncodeInt32(nil, numbers)
			if err != nil {
				t.Fatal(err)
			}
			written = append(written, encoded...)
			var sum int64
			for _, n := range numbers {
				sum += int64(max(n, 0))
			}
			sums = append(sums, sum)
		}
		r := bufio.NewReader(bytes.NewReader(written))
		for _, want := range sums {
			if got, err := deltas(r); err != nil || got != want {
				t.Fatalf("the sum is %d, want %d (%v)", got, want, err)
			}
		}
		if _, err := r.ReadByte(); err != io.EOF {
			t.Fatal("bytes are left")
		}
	})
}

// What writers write is not refused: words of a dictionary, levels of lists, texts by their differences, in both versions of pages.
func TestPagesOfEveryEncodingAreRead(t *testing.T) {
	type row struct {
		Image string   `parquet:"image,delta"`
		Words []string `parquet:"words,list,dict"`
		Class string   `parquet:"class,dict,optional"`
		Whole string   `parquet:"whole,delta,zstd"`
	}
	var rows []row
	for i := range 3000 {
		rows = append(rows, row{fmt.Sprintf("folder/%05d.jpg", i), []string{fmt.Sprint("word", i%7), "again"}[:1+i%2], fmt.Sprint(i % 3), strings.Repeat("w", i%50)})
	}
	for version := 1; version <= 2; version++ {
		var file bytes.Buffer
		w := parquet.NewGenericWriter[row](&file, parquet.DataPageVersion(version), parquet.PageBufferSize(2000))
		if _, err := w.Write(rows); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		f, err := parquet.OpenFile(bytes.NewReader(file.Bytes()), int64(file.Len()))
		if err != nil {
			t.Fatal(err)
		}
		for _, leaf := range leavesOf(f.Schema()) {
			part := &f.Metadata().RowGroups[0].Columns[leaf.ColumnIndex].MetaData
			if err := (pageCheck{part.Codec, leaf.LeafColumn}).check(bytes.NewReader(file.Bytes()), part); err != nil {
				t.Errorf("version %d, %s: %v", version, leaf, err)
			}
		}
	}
}
