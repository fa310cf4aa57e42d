package data

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	layout "github.com/parquet-go/parquet-go/format"
)

// forged is a Parquet file of one text, of n letters, with a page header as change leaves it.
func forged(t *testing.T, codec compress.Codec, version, n int, change func(*layout.PageHeader)) []byte {
	t.Helper()
	type row struct {
		Text string `parquet:"text,plain"`
	}
	var written bytes.Buffer
	w := parquet.NewGenericWriter[row](&written, parquet.Compression(codec), parquet.DataPageVersion(version))
	if _, err := w.Write([]row{{strings.Repeat("x", n)}}); err != nil {
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
	change(&header)
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

// A page that would take all memory, or that is not what it says, is refused before it is unpacked.
func TestParquetPagesTakeWhatTheySayAndNotTooMuch(t *testing.T) {
	const letters = 1 << 16
	smaller := func(h *layout.PageHeader) { h.UncompressedPageSize = 1000 }
	for _, codec := range []compress.Codec{&parquet.Uncompressed, &parquet.Snappy, &parquet.Gzip, &parquet.Brotli, &parquet.Zstd} {
		for version := 1; version <= 2; version++ {
			for _, c := range []struct {
				name   string
				change func(*layout.PageHeader)
				want   string
			}{
				{"as it was", func(*layout.PageHeader) {}, ""},
				{"larger than it says", smaller, "unpacks to more than the 1000 bytes that it says"},
				{"too large", func(h *layout.PageHeader) { h.UncompressedPageSize = math.MaxInt32 }, "takes 2147483647 bytes, and may take 1073741824 at most"},
				{"too large as it lies", func(h *layout.PageHeader) { h.CompressedPageSize = math.MaxInt32 }, "takes 2147483647 bytes"},
				{"too many values", func(h *layout.PageHeader) {
					h.DataPageHeader.V.NumValues, h.DataPageHeaderV2.V.NumValues = math.MaxInt32, math.MaxInt32
				}, "has 2147483647 values, and may have 67108864 at most"},
			} {
				t.Run(fmt.Sprintf("%s/%d/%s", codec, version, c.name), func(t *testing.T) {
					if codec == compress.Codec(&parquet.Uncompressed) && c.name == "larger than it says" {
						t.Skip("there is nothing to unpack")
					}
					path := writeFile(t, "a.parquet", forged(t, codec, version, letters, c.change))
					opt := columnsOf("text")
					opt.MaxChars = 0
					text, err := OpenText(context.Background(), path, opt)
					if c.want == "" {
						if err != nil {
							t.Fatal(err)
						}
						defer text.Close()
						if row, err := text.Row(0); err != nil || len(row.Texts[0]) != letters {
							t.Fatal(len(row.Texts[0]), err)
						}
						return
					}
					for _, want := range []string{path, `column "text", row group 1, page 1 `, c.want} {
						if err == nil || !strings.Contains(err.Error(), want) {
							t.Errorf("the error is %v, want one that says %q", err, want)
						}
					}
				})
			}
		}
	}
}
