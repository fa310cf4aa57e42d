// Package pretrained reads and writes encoders as others keep them: of texts the folders of Hugging Face's transformers, and those of
// sentence-transformers, which add how a vector is made of hidden states; and both encoders of a CLIP, of texts as any other and of
// pictures as [Pictures]. It fetches nothing.
package pretrained

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alike-ml/alike/backbone"
)

// Model says what a folder holds beside weights.
type Model struct {
	// Encoder has the encoder's settings.
	Encoder backbone.TextConfig
	// Pooling makes a vector of the hidden states. It is "" where a folder does not say: those of transformers alone, but for CLIP's.
	Pooling backbone.Pooling
	// Dense puts tanh(W h + b) after pooling, as wide as h.
	Dense bool
	// Normalize divides vectors by their length at the end.
	Normalize bool
	// Projection is the width of the space that CLIP projects vectors to, without bias; 0 where there is no projection.
	Projection int
	// MaxLength is how many tokens of a text are used, special ones included; the rest is cut off. 0 is all.
	MaxLength int
}

// Folder is an encoder in a folder.
type Folder struct {
	Model
	// TokenizerDir is where the tokenizer's files lie. The texts of a static encoder have no special tokens such as [CLS]: see
	// [backbone.Tokens.Without].
	TokenizerDir string
	// Lowercase says that texts are to be in lower case before the tokenizer reads them.
	Lowercase bool

	// end is the token that texts must end with, for their vectors are there; highestEnd stands for the one with the highest id. It is 0
	// where texts may end in any way.
	end int

	files      []weightsFile
	projection weightsFile
}

// The files of a folder.
const (
	configFile  = "config.json"
	modulesFile = "modules.json"
	tensorsFile = "model.safetensors"
)

// Open reads what a folder says of its encoder, and checks that the weights in it fit; [Folder.Assign] reads them. A folder with
// modules.json is one of sentence-transformers, one with config.json alone is one of transformers, and one with open_clip_config.json has a
// CLIP of open_clip's. The error names what cannot be
// read, every tensor that is missing or has another shape, and every module that Alike has not; it wraps fs.ErrNotExist when the
// folder is none of these.
func Open(dir string) (*Folder, error) {
	f := &Folder{TokenizerDir: dir}
	_, err := os.Stat(filepath.Join(dir, modulesFile))
	switch {
	case err == nil:
		err = f.openModules(dir)
	case errors.Is(err, fs.ErrNotExist):
		err = f.openTransformer(dir)
	}
	if err != nil {
		return nil, err
	}
	files := f.files
	if f.Projection > 0 {
		files = append(slices.Clone(files), f.projection)
	}
	for _, file := range files {
		if err := file.check(); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Suits returns the error of a tokenizer that reads texts in another way than the folder says: as they are, where they are to be in
// lower case (sentence_transformers/base/modules/transformer.py, do_lower_case), or without the token at their end where their vector is.
// encode is the tokenizer's.
func (f *Folder) Suits(encode func(text string, maxLength int) []int32) error {
	const capitals = "A B C D E F G H I J K L M N O P Q R S T U V W X Y Z"
	if f.Lowercase && !slices.Equal(encode(capitals, 0), encode(strings.ToLower(capitals), 0)) {
		return fmt.Errorf("%s: texts are to be in lower case, and its tokenizer leaves capitals as they are: save it with a tokenizer that does not", f.TokenizerDir)
	}
	if f.end > 0 {
		return f.suitsEnd(encode("a", 0))
	}
	return nil
}

// mostSpare is how many tokens of an encoder its tokenizer may lack: numbers of vectors are rounded up to a multiple of 64 or 128
// (nomic-ai/nomic-embed-text-v1.5 has 30,528 for the 30,522 of BERT, answerdotai/ModernBERT-base 50,368 for 50,280).
const mostSpare = 127

// SuitsSize returns the error of a tokenizer of so many tokens that is another one than the encoder learned with: it has tokens of which the
// encoder has no vector, or lacks more of them than a rounding leaves.
func (f *Folder) SuitsSize(tokens int) error {
	encoder, err := f.Encoder.Encoder()
	if err != nil {
		return err
	}
	return SameTokens(encoder.Tokens(), tokens)
}

// SameTokens returns an error unless an encoder with vectors of so many tokens can be that of a tokenizer with so many: see
// [Folder.SuitsSize].
func SameTokens(encoder, tokenizer int) error {
	if tokenizer > encoder || tokenizer < encoder-mostSpare {
		return fmt.Errorf("the encoder has %d tokens, the tokenizer %d: they do not belong together", encoder, tokenizer)
	}
	return nil
}

// Is says whether a folder looks like one that [Open] reads: it has modules.json, open_clip_config.json, or a config.json that names a type
// of model.
func Is(dir string) bool { return has(dir, modulesFile) || has(dir, openCLIPFile) || typeOf(dir) != "" }

// HasPictures says whether a folder looks like one that [OpenPictures] reads: a whole CLIP as transformers or open_clip keep it.
func HasPictures(dir string) bool {
	return !has(dir, modulesFile) && (isOpenCLIP(dir) || typeOf(dir) == clipType)
}

// has says whether there is a file of that name in a folder.
func has(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

// typeOf is the type of model that a folder's config.json names, "" for none.
func typeOf(dir string) string {
	var c struct {
		ModelType string `json:"model_type"`
	}
	if readJSON(filepath.Join(dir, configFile), &c) != nil {
		return ""
	}
	return c.ModelType
}

// openTransformer reads a folder of transformers, or of open_clip.
func (f *Folder) openTransformer(dir string) error {
	if isOpenCLIP(dir) {
		return f.openOpenCLIP(dir)
	}
	path := filepath.Join(dir, configFile)
	var text json.RawMessage
	if err := readJSON(path, &text); err != nil {
		return err
	}
	if kind, err := modelType(text); err == nil && (kind == clipTextType || kind == clipType) {
		return f.openCLIP(dir, kind, text)
	}
	family, t, err := parseConfig(text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	f.Encoder = backbone.TextConfig{Transformer: &t}
	f.MaxLength = t.Positions
	f.files = append(f.files, weightsFile{filepath.Join(dir, tensorsFile), family.prefixes, family.sources(t), family.others})
	return nil
}

// maxJSON bounds a file of settings, in bytes: real ones have a few hundred.
const maxJSON = 1 << 20

// readJSON reads a file of settings.
func readJSON(path string, value any) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() > maxJSON {
		return fmt.Errorf("%s has %d bytes: these are not the settings of an encoder", path, info.Size())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, value); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
