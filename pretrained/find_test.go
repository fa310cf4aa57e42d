package pretrained_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alike-ml/alike/pretrained"
)

// A folder is itself; a model's name is looked for where it would have been fetched to, and nowhere else.
func TestModelsAreFoundOnThisMachine(t *testing.T) {
	home := t.TempDir()
	make := func(parts ...string) string {
		dir := filepath.Join(parts...)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	t.Setenv("HF_HUB_CACHE", "")
	t.Setenv("HF_HOME", home)
	repository := make(home, "hub", "models--owner--name")
	make(repository, "refs")
	write(t, filepath.Join(repository, "refs", "main"), "abc123\n")
	snapshot := make(repository, "snapshots", "abc123")
	cache := make(home, "other", "models--name", "refs")
	write(t, filepath.Join(cache, "main"), "def")
	alone := make(home, "other", "models--name", "snapshots", "def")
	short := make(home, "hub", "models--sentence-transformers--MiniLM", "refs")
	write(t, filepath.Join(short, "main"), "ghi")
	sentences := make(home, "hub", "models--sentence-transformers--MiniLM", "snapshots", "ghi")
	for _, c := range []struct{ name, cache, want string }{
		{"MiniLM", "", sentences}, {"sentence-transformers/MiniLM", "", sentences},
		{"owner/name", "", snapshot}, {"name", filepath.Join(home, "other"), alone}, {snapshot, "", snapshot},
	} {
		t.Setenv("HF_HUB_CACHE", c.cache)
		if got, err := pretrained.Find(c.name); err != nil || got != c.want {
			t.Errorf("%s is in %s, %v; want %s", c.name, got, err, c.want)
		}
	}
	t.Setenv("HF_HUB_CACHE", "")
	for name, want := range map[string]string{
		"owner/another": "hf download owner/another", "another": "as sentence-transformers/another", "../name": "no folder ../name", "": "no folder", "a/b/c": "no folder a/b/c",
	} {
		if _, err := pretrained.Find(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", name, err, want)
		}
	}
}
