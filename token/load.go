package token

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/alike-ml/alike/internal/atomicfile"
)

// The files of a tokenizer's folder, as Hugging Face's tools and CLIP name them.
const (
	jsonFile   = "tokenizer.json"
	vocabFile  = "vocab.txt"
	configFile = "tokenizer_config.json"
	clipFile   = "bpe_simple_vocab_16e6.txt.gz"
)

// A folder is the files that a tokenizer was made from: what Save writes is what Load read.
type folder []file

type file struct {
	name    string
	content []byte
}

// content returns what is in a file, nil when there is none.
func (f folder) content(name string) []byte {
	for _, file := range f {
		if file.name == name {
			return file.content
		}
	}
	return nil
}

// parse makes a tokenizer of the first of the formats that is there.
func (f folder) parse() (*Tokenizer, error) {
	var t *Tokenizer
	var err error
	switch {
	case f.content(jsonFile) != nil:
		t, err = parseJSON(f.content(jsonFile), f.content(configFile))
	case f.content(vocabFile) != nil:
		t, err = parseBERT(f.content(vocabFile), f.content(configFile))
	case f.content(clipFile) != nil:
		t, err = parseCLIP(f.content(clipFile))
	case f.content(vocabJSONFile) != nil && f.content(mergesFile) != nil:
		t, err = parseCLIPFiles(f.content(vocabJSONFile), f.content(mergesFile), f.content(configFile))
	default:
		return nil, fmt.Errorf("it holds no tokenizer: there is no %s, %s, %s, or %s with %s", jsonFile, vocabFile, clipFile, vocabJSONFile, mergesFile)
	}
	if err != nil {
		return nil, err
	}
	t.files = f
	return t, nil
}

// Load reads the tokenizer of a model folder: tokenizer.json, or else vocab.txt, BERT's list of a token a line, with
// tokenizer_config.json where there is one; or bpe_simple_vocab_16e6.txt.gz, CLIP's list of merges; or vocab.json with merges.txt, where
// they are CLIP's. Errors name the file, and the line or the part of it. What a tokenizer.json asks for and this package does not do is an
// error too.
func Load(dir string) (*Tokenizer, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot read the tokenizer: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("cannot read the tokenizer: %s is a file: give the folder that holds it", dir)
	}
	var files folder
	for _, name := range []string{jsonFile, vocabFile, configFile, clipFile, vocabJSONFile, mergesFile} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, fmt.Errorf("cannot read the tokenizer: %w", err)
		}
		files = append(files, file{name, content})
	}
	t, err := files.parse()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return t, nil
}

// Has says whether the tokenizer is saved with a file of that name, such as tokenizer.json.
func (t *Tokenizer) Has(file string) bool { return t.files.content(file) != nil }

// Save writes the tokenizer into the folder dir, which has to exist and hold no other, as files that Load and Hugging Face's tools
// read.
func (t *Tokenizer) Save(dir string) error {
	for _, f := range t.files {
		err := atomicfile.Write(filepath.Join(dir, f.name), func(w io.Writer) error {
			_, err := w.Write(f.content)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
