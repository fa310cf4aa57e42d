package data

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	layout "github.com/parquet-go/parquet-go/format"
)

// Limits of a page of a Parquet file, which is in memory as a whole. Writers end a page at about a megabyte, or, as Arrow does, after a
// thousand values, which may be pictures.
const (
	mostPageBytes  = 1 << 30
	mostPageValues = 1 << 26
)

// pageCheck looks into the pages of a column before the library takes memory for what they say.
type pageCheck struct {
	codec  layout.CompressionCodec
	column parquet.LeafColumn
}

// check refuses a part of the column of which a page would take more memory than any page may, or unpacks to more than it says. It reads
// the part from first to last byte; of its pages it has those in memory that are compressed with snappy, one at a time. What cannot be read
// is left to the library, which says so.
func (c pageCheck) check(file io.ReaderAt, part *layout.ColumnMetaData) error {
	start := part.DataPageOffset
	if part.DictionaryPageOffset != 0 {
		start = part.DictionaryPageOffset
	}
	r := bufio.NewReader(io.NewSectionReader(file, start, part.TotalCompressedSize))
	decoder := thrift.NewDecoder(new(thrift.CompactProtocol).NewReader(r))
	for page := 1; ; page++ {
		var header layout.PageHeader
		if err := decoder.Decode(&header); err != nil || header.CompressedPageSize < 0 || header.UncompressedPageSize < 0 {
			return nil
		}
		body := io.LimitReader(r, int64(header.CompressedPageSize))
		if err := c.page(&header, body); err != nil {
			return fmt.Errorf("page %d %w", page, err)
		}
		if _, err := io.Copy(io.Discard, body); err != nil {
			return nil
		}
	}
}

// page checks one page.
func (c pageCheck) page(header *layout.PageHeader, body io.Reader) error {
	size := int64(header.UncompressedPageSize)
	if most := max(size, int64(header.CompressedPageSize)); most > mostPageBytes {
		return fmt.Errorf("takes %d bytes, and may take %d at most: write the file with smaller pages", most, int64(mostPageBytes))
	}
	v1, v2 := header.DataPageHeader.V, header.DataPageHeaderV2.V
	if values := max(v1.NumValues, v2.NumValues, header.DictionaryPageHeader.V.NumValues); values > mostPageValues {
		return errManyValues
	}
	if header.Type == layout.DataPageV2 {
		if err := levels(bufio.NewReader(io.LimitReader(body, int64(v2.RepetitionLevelsByteLength))), c.column.MaxRepetitionLevel); err != nil {
			return err
		}
		if err := levels(bufio.NewReader(io.LimitReader(body, int64(v2.DefinitionLevelsByteLength))), c.column.MaxDefinitionLevel); err != nil {
			return err
		}
	}
	codec := c.codec
	if v2.IsCompressed.Valid && !v2.IsCompressed.V {
		codec = layout.Uncompressed
	}
	unpacked, done, err := unpack(codec, body, size)
	if err != nil {
		return err
	}
	defer done()
	counted := &countingReader{in: io.LimitReader(unpacked, size+1)}
	if err := c.values(header, bufio.NewReader(counted)); err != nil {
		return err
	}
	if io.Copy(io.Discard, counted); counted.count > size {
		return unpacksBeyond(size)
	}
	return nil
}

var errManyValues = fmt.Errorf("has more than %d values: write the file with smaller pages", mostPageValues)

func unpacksBeyond(size int64) error {
	return fmt.Errorf("unpacks to more than the %d bytes that it says", size)
}

// unpack reads a page that is compressed with a codec, and that says that it has so many bytes. What cannot be read is empty. The error is one
// of a page that begins with another length.
func unpack(codec layout.CompressionCodec, packed io.Reader, size int64) (unpacked io.Reader, done func(), err error) {
	unpacked, done = bytes.NewReader(nil), func() {}
	switch codec {
	case layout.Uncompressed:
		unpacked = packed
	case layout.Snappy:
		block, err := io.ReadAll(packed)
		if err != nil {
			break
		}
		if length, err := snappy.DecodedLen(block); err != nil {
			break
		} else if int64(length) > size {
			return nil, nil, unpacksBeyond(size)
		}
		if block, err = snappy.Decode(nil, block); err == nil {
			unpacked = bytes.NewReader(block)
		}
	case layout.Gzip:
		if z, err := gzip.NewReader(packed); err == nil {
			unpacked = z
		}
	case layout.Brotli:
		unpacked = brotli.NewReader(packed)
	case layout.Zstd:
		if z, err := zstd.NewReader(packed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true)); err == nil {
			unpacked, done = z, z.Close
		}
	}
	return unpacked, done, nil
}
