package pretrained

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// hubName is the name of a model on Hugging Face's hub: perhaps an owner, and a repository.
var hubName = regexp.MustCompile(`^([A-Za-z0-9][\w.-]*/)?[A-Za-z0-9][\w.-]*$`)

// Find returns the folder of an encoder: name itself if it is a folder, or else where Hugging Face's own tools keep the model of that
// name on this machine once they have fetched it (huggingface_hub, constants.py and file_download.py). A name without an owner is one of
// sentence-transformers too, as their own tools have it. Nothing is fetched.
func Find(name string) (string, error) {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return name, nil
	}
	if !hubName.MatchString(name) {
		return "", fmt.Errorf("there is no folder %s", name)
	}
	cache := cacheDir()
	full := name
	if !strings.Contains(name, "/") {
		full = "sentence-transformers/" + name
	}
	for _, repository := range []string{name, full} {
		if snapshot, found := fetched(cache, repository); found {
			return snapshot, nil
		}
	}
	fetch := fmt.Sprintf("`hf download %s`", name)
	if full != name {
		fetch = fmt.Sprintf("`hf download`, by its name with its owner, as %s", full)
	}
	return "", fmt.Errorf("there is no folder %s, and no model of that name in %s: fetch it with %s, or name a folder with config.json and model.safetensors", name, cache, fetch)
}

// fetched is where in a cache the newest of a repository is that was fetched.
func fetched(cache, repository string) (snapshot string, found bool) {
	dir := filepath.Join(cache, "models--"+strings.ReplaceAll(repository, "/", "--"))
	commit, err := os.ReadFile(filepath.Join(dir, "refs", "main"))
	if err != nil {
		return "", false
	}
	snapshot = filepath.Join(dir, "snapshots", filepath.Base(strings.TrimSpace(string(commit))))
	info, err := os.Stat(snapshot)
	return snapshot, err == nil && info.IsDir()
}

// cacheDir is where Hugging Face's tools keep what they fetch.
func cacheDir() string {
	if dir := os.Getenv("HF_HUB_CACHE"); dir != "" {
		return dir
	}
	if dir := os.Getenv("HF_HOME"); dir != "" {
		return filepath.Join(dir, "hub")
	}
	dir := os.Getenv("XDG_CACHE_HOME")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			home = "~"
		}
		dir = filepath.Join(home, ".cache")
	}
	return filepath.Join(dir, "huggingface", "hub")
}
