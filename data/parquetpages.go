package data

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	layout "github.com/parquet-go/parquet-go/format"
)

// Limits of a page of a Parquet file, which is in memory as a whole. Writers end a page at about a megabyte, or, as Arrow does, after a
// thousand values, which may be pictures.
const (
	mostPageBytes  = 1 << 30
	mostPageValues = 1 << 26
)

// checkPages refuses a part of a column of which a page would take more memory than any page may, or unpacks to more than it says. It reads
// the pages' headers, and the pages that are compressed, and has none of them in memory. What cannot be read is left to the library, which
// says so.
func checkPages(file io.ReaderAt, meta *layout.ColumnMetaData, codec layout.CompressionCodec) error {
	start := meta.DataPageOffset
	if meta.DictionaryPageOffset != 0 {
		start = meta.DictionaryPageOffset
	}
	r := bufio.NewReader(io.NewSectionReader(file, start, meta.TotalCompressedSize))
	decoder := thrift.NewDecoder(new(thrift.CompactProtocol).NewReader(r))
	for page := 1; ; page++ {
		var header layout.PageHeader
		if err := decoder.Decode(&header); err != nil || header.CompressedPageSize < 0 {
			return nil
		}
		size := int64(header.UncompressedPageSize)
		if bytes := max(size, int64(header.CompressedPageSize)); bytes > mostPageBytes {
			return fmt.Errorf("page %d takes %d bytes, and may take %d at most: write the file with smaller pages", page, bytes, int64(mostPageBytes))
		}
		if values := valuesOf(header); values > mostPageValues {
			return fmt.Errorf("page %d has %d values, and may have %d at most: write the file with smaller pages", page, values, mostPageValues)
		}
		body := io.LimitReader(r, int64(header.CompressedPageSize))
		packed, ok := packedPart(header, body)
		if ok && unpacksBeyond(codec, packed, size) {
			return fmt.Errorf("page %d unpacks to more than the %d bytes that it says", page, size)
		}
		if _, err := io.Copy(io.Discard, body); err != nil {
			return nil
		}
	}
}

// valuesOf is how many values a page says that it has.
func valuesOf(header layout.PageHeader) int32 {
	return max(header.DataPageHeader.V.NumValues, header.DataPageHeaderV2.V.NumValues, header.DictionaryPageHeader.V.NumValues)
}

// packedPart is what is compressed of a page: all, or, in the second version of data pages, what follows the levels, if it is.
func packedPart(header layout.PageHeader, body io.Reader) (packed io.Reader, ok bool) {
	if v2 := header.DataPageHeaderV2; v2.Valid && header.Type == layout.DataPageV2 {
		if v2.V.IsCompressed.Valid && !v2.V.IsCompressed.V {
			return nil, false
		}
		levels := int64(v2.V.RepetitionLevelsByteLength) + int64(v2.V.DefinitionLevelsByteLength)
		if _, err := io.CopyN(io.Discard, body, max(levels, 0)); err != nil {
			return nil, false
		}
	}
	return body, true
}

// unpacksBeyond tells whether more than so many bytes come out of a compressed page.
func unpacksBeyond(codec layout.CompressionCodec, packed io.Reader, size int64) bool {
	var unpacked io.Reader
	switch codec {
	case layout.Snappy: // which begins with its length
		length, err := binary.ReadUvarint(bufio.NewReader(packed))
		return err == nil && length > uint64(size)
	case layout.Gzip:
		z, err := gzip.NewReader(packed)
		if err != nil {
			return false
		}
		unpacked = z
	case layout.Zstd:
		z, err := zstd.NewReader(packed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		if err != nil {
			return false
		}
		defer z.Close()
		unpacked = z
	case layout.Brotli:
		unpacked = brotli.NewReader(packed)
	default:
		return false
	}
	n, _ := io.CopyN(io.Discard, unpacked, size+1)
	return n > size
}
