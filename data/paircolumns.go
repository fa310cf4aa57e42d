package data

import (
	"cmp"
	"errors"
	"os"
)

// PairColumns returns the columns of a table of pictures with captions, of the first file that path stands for: those that a table
// names, those of the first row of JSON. Shards have none that all samples share, and nil is returned for them. The options say how the
// table is read; the columns that they name are not looked for.
func PairColumns(path string, opt PairOptions) (columns []string, err error) {
	defer recoverParquet(&err)
	paths, err := pairPaths(path)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(paths[0])
	if err != nil {
		return nil, reason(err)
	}
	defer file.Close()
	switch format := cmp.Or(opt.Format, pairFormat(paths[0])); format {
	case "csv", "tsv", "jsonl":
		return lineColumns(file, format, opt)
	case "parquet":
		info, err := file.Stat()
		if err != nil {
			return nil, reason(err)
		}
		f, err := openParquetFile(file, info.Size())
		if err != nil {
			return nil, err
		}
		return leavesOf(f.Schema()).names(), nil
	}
	return nil, nil
}

// lineColumns returns the columns of a table that is text.
func lineColumns(file *os.File, format string, opt PairOptions) (columns []string, err error) {
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
		_, _, err = openCSV(lines, opt.text().comma(), opt.Header, pick)
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
