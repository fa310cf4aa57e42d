package data

import (
	"maps"
	"slices"
	"sync"
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
