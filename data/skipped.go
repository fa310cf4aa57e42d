package data

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Skipped lists the files that could not be read and why. It may be used by many goroutines at once.
type Skipped struct {
	mu      sync.RWMutex
	reasons map[string]error
}

// Skip is one file that could not be read.
type Skip struct {
	Path string // slash-separated, relative to the opened folder
	Err  error  // one line
}

// String is the path and what is wrong, in one line.
func (s Skip) String() string { return fmt.Sprintf("%s: %v", shown(s.Path), s.Err) }

// shown is a name for a line of text: in quotes where characters of it are none, but ends of lines and commands to terminals.
func shown(name string) string {
	if !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return strconv.Quote(name)
	}
	return name
}

// Len returns the number of skipped files.
func (s *Skipped) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.reasons)
}

// List returns the skipped files in the order of their paths.
func (s *Skipped) List() []Skip {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := make([]Skip, 0, len(s.reasons))
	for _, path := range slices.Sorted(maps.Keys(s.reasons)) {
		list = append(list, Skip{path, s.reasons[path]})
	}
	return list
}

func (s *Skipped) add(path string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reasons == nil {
		s.reasons = make(map[string]error)
	}
	if s.reasons[path] == nil {
		s.reasons[path] = err
	}
}

// reason returns why path was skipped, nil if it was not.
func (s *Skipped) reason(path string) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.reasons[path]
}
