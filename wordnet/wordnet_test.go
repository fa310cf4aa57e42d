package wordnet

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSynonymsAndAntonyms(t *testing.T) {
	d, err := Open("testdata/dict")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		word, synonyms, antonyms, why string
	}{
		{"car", "auto automobile", "", "a machine is first of all something else"},
		{"cars", "automobiles autos", "", "a plural has plurals"},
		{"help", "aid assist", "", "more often a verb than a noun"},
		{"helped", "aided assisted", "", "a past has pasts"},
		{"helps", "aids assists", "", "a third person has third persons"},
		{"buying", "purchasing", "selling", "a gerund has gerunds"},
		{"bought", "purchased", "", "an irregular past has regular ones; sold could be told from no participle"},
		{"ran", "hurried", "", "y becomes ied"},
		{"running", "hurrying", "", "the list of exceptions doubles the letter"},
		{"hurrying", "running", "", "and back"},
		{"hurried", "", "", "ran and run differ"},
		{"cases", "boxes", "", "es after x"},
		{"boys", "", "girls", "a pointer to an antonym"},
		{"good", "", "bad", "a mark of where an adjective stands is no part of it"},
		{"big", "large", "", "a satellite is an adjective"},
		{"soon", "", "", "shortly was never met"},
		{"better", "", "", "comparatives are left alone"},
		{"a", "", "", "a word of grammar"},
		{"zebra", "", "", "an unknown word"},
	} {
		if got := strings.Join(d.Synonyms(c.word), " "); got != c.synonyms {
			t.Errorf("synonyms of %q are %q, want %q: %s", c.word, got, c.synonyms, c.why)
		}
		if got := strings.Join(d.Antonyms(c.word), " "); got != c.antonyms {
			t.Errorf("antonyms of %q are %q, want %q: %s", c.word, got, c.antonyms, c.why)
		}
	}
}

// A form that the list of exceptions has twice cannot be told, nor a past that may not be the participle.
func TestFormsThatCannotBeTold(t *testing.T) {
	d := &Dictionary{}
	d.irregular[noun] = map[string][]string{"bus": {"buses", "busses"}, "ox": {"oxen"}}
	d.irregular[verb] = map[string][]string{"run": {"ran", "running"}, "beg": {"begged"}}
	for _, c := range []struct {
		base string
		part int
		form form
		want string
	}{{"bus", noun, withS, ""}, {"ox", noun, withS, "oxen"}, {"run", verb, past, ""}, {"run", verb, gerund, "running"}, {"beg", verb, past, "begged"}, {"beg", verb, gerund, ""}} {
		if got := d.inflect(c.base, c.part, c.form); got != c.want {
			t.Errorf("form %d of %q is %q, want %q", c.form, c.base, got, c.want)
		}
	}
}

func TestBrokenLinesAreNamed(t *testing.T) {
	for _, c := range []struct{ file, line, want string }{
		{"index.noun", "dog n 1", "index.noun:1: an index line has 3 fields"},
		{"index.noun", "  licence\ndog n 2 0 2 0 00000100", "index.noun:2: an index line of 2 senses"},
		{"index.verb", "dog v one 0 1 0 00000100", `index.verb:1: "one": want a number`},
		{"data.adj", "00000100 00 a 02 good 0", "data.adj:1: a synset of 2 words has 6 fields"},
		{"data.adj", "00000100 00 a 01 good 0 001 !", "data.adj:1: 1 pointers have 1 fields: want 4"},
		{"data.adj", "00000100 00 a 01 good 0 001 ! 00000200 a 0201", "data.adj:1: an antonym of word 2"},
		{"data.adj", "00000100 00 a 01 good 0 001 ! 00000200 x 0101", "data.adj:1: an antonym is"},
		{"noun.exc", "oxen", "noun.exc:1: an exception has 1 fields"},
		{"cntlist.rev", "dog 1 2", "cntlist.rev:1: the key of a sense"},
		{"cntlist.rev", strings.Repeat("a", maxLine+1), "cntlist.rev:1: bufio.Scanner: token too long"},
	} {
		folder := t.TempDir()
		if err := os.CopyFS(folder, os.DirFS("testdata/dict")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, c.file), []byte(c.line), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(folder); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

func TestWhatIsMissingIsSaidWithWhatToDo(t *testing.T) {
	without := func(names ...string) string {
		folder := t.TempDir()
		if err := os.CopyFS(folder, os.DirFS("testdata/dict")); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if err := os.Remove(filepath.Join(folder, name)); err != nil {
				t.Fatal(err)
			}
		}
		return folder
	}
	for _, c := range []struct{ folder, want string }{
		{t.TempDir(), "give the folder with index.noun"},
		{"testdata", "give " + filepath.Join("testdata", "dict")},
		{without("noun.exc", "verb.exc", "adj.exc", "adv.exc"), "noun.exc is not there, one of the four lists of irregular forms"},
		{without("verb.exc"), "verb.exc is not there, one of the four lists of irregular forms"},
		{without("data.adj"), "data.adj"},
	} {
		if _, err := Open(c.folder); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "WordNet's database in "+c.folder) {
			t.Errorf("%s: error %v, want %q", c.folder, err, c.want)
		}
	}
}

// The counts may come from either of the two files that have them.
func TestIndexSenseStandsInForCntlist(t *testing.T) {
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS("testdata/dict")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(folder, "cntlist.rev")); err != nil {
		t.Fatal(err)
	}
	lines := "help%1:04:00:: 00000500 1 2\nhelp%2:41:00:: 00000100 1 29\naid%2:41:00:: 00000100 1 3\n"
	if err := os.WriteFile(filepath.Join(folder, "index.sense"), []byte(lines), 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"aid"}, d.Synonyms("help")); diff != "" {
		t.Error(diff)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add("dog n 1 0 1 1 00000100", "00000100 05 n 01 dog 0 001 ! 00000100 n 0101 | x", "dogs dog", "dog%1:05:00:: 1 3", "dogs")
	f.Fuzz(func(t *testing.T, index, synsets, exceptions, counts, word string) {
		d := &Dictionary{}
		o := opposites{word: map[place]string{}}
		for part := range parts {
			d.lemmas[part] = map[string]lemma{}
			d.exceptions[part], d.irregular[part] = map[string][]string{}, map[string][]string{}
		}
		for _, file := range []struct {
			text string
			add  func(string) error
		}{
			{index, func(line string) error { return d.addIndex(noun, line) }},
			{synsets, func(line string) error { return d.addSynset(noun, line, &o) }},
			{exceptions, func(line string) error { return d.addException(noun, line) }},
			{counts, d.addCount},
		} {
			_ = scan(strings.NewReader(file.text), "file", file.add)
		}
		d.addOpposites(o)
		d.Synonyms(word)
		d.Antonyms(word)
	})
}

func TestFingerprintIsOfAllThatIsRead(t *testing.T) {
	whole, err := Open("testdata/dict")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"index.noun", "data.verb", "adj.exc", "cntlist.rev", "README"} {
		folder := t.TempDir()
		if err := os.CopyFS(folder, os.DirFS("testdata/dict")); err != nil {
			t.Fatal(err)
		}
		file, err := os.OpenFile(filepath.Join(folder, name), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteString("  a comment\n"); err != nil {
			t.Fatal(err)
		}
		file.Close()
		d, err := Open(folder)
		if err != nil {
			t.Fatal(err)
		}
		if same := d.Fingerprint() == whole.Fingerprint(); same != (name == "README") {
			t.Errorf("with another %s the fingerprint is the same: %v", name, same)
		}
	}
}
