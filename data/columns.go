package data

import (
	"cmp"
	"errors"
	"os"
	"slices"
)

// PairColumns returns the columns of a table of pictures with captions, of the first file that path stands for: those that a table
// names, those of the first row of JSON, of a shard those of the first sample. The options say how the table is read; the columns that
// they name are not looked for.
func PairColumns(path string, opt PairOptions) (columns []string, err error) {
	paths, err := pairPaths(path)
	if err != nil {
		return nil, err
	}
	if cmp.Or(opt.Format, pairFormat(paths[0])) == "tar" {
		return sampleColumns(paths[0])
	}
	text := opt.text()
	text.Header = opt.Header
	return thereIn(paths[0], cmp.Or(opt.Format, pairFormat(paths[0])), text)
}

// TextColumns returns the columns of a file of text: those that a table names, those of the first row of JSON lines. Files with a
// sentence a line, and those that are one JSON value, have none, and nil is returned for them. The options say how the file is read;
// the columns that they name are not looked for.
func TextColumns(path string, opt TextOptions) ([]string, error) {
	return thereIn(path, cmp.Or(opt.Format, textFormat(path)), opt)
}

// thereIn returns the columns of a table, nil for what is none.
func thereIn(path, format string, opt TextOptions) (columns []string, err error) {
	defer recoverParquet(&err)
	if !slices.Contains(pairTables, format) {
		return nil, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, reason(err)
	}
	defer file.Close()
	if format == "parquet" {
		rows, size, spool, err := parquetOf(file)
		if err != nil {
			return nil, err
		}
		if spool != nil {
			defer spool.close()
		}
		f, err := openParquetFile(rows, size)
		if err != nil {
			return nil, err
		}
		return leavesOf(f.Schema()).names(), nil
	}
	in, err := plainText(file)
	if err != nil {
		return nil, err
	}
	lines := &lineReader{in: in}
	enough := errors.New("the columns are known")
	pick := func(there []string) ([]string, error) {
		columns = there
		return nil, enough
	}
	switch format {
	case "csv":
		_, _, err = openCSV(lines, opt.comma(), opt.Header, pick)
	case "tsv":
		_, _, err = openTSV(lines, opt.Header, pick)
	default:
		return newJSONSource(lines).firstKeys()
	}
	if errors.Is(err, enough) {
		err = nil
	}
	return columns, err
}

// HasShards says whether path stands for shards of WebDataset: for one, for a folder that holds some, or by its braces and wildcards.
func HasShards(path string) bool {
	paths, err := pairPaths(path)
	return err == nil && pairFormat(paths[0]) == "tar"
}

// HoldsPairs says whether path stands for pictures with captions, as the options read them: for shards, or for a table that has the
// columns.
func HoldsPairs(path string, opt PairOptions) bool {
	if HasShards(path) {
		return true
	}
	there, err := PairColumns(path, opt)
	if err != nil || there == nil {
		return false
	}
	columns, err := opt.pick(there)
	return err == nil && slices.Contains(there, columns[0])
}
