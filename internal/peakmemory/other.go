//go:build !unix

// Package peakmemory tells the most memory that a process held.
package peakmemory

import "os"

// Of is not known on this system.
func Of(*os.ProcessState) int64 { return 0 }

// Self is not known on this system.
func Self() int64 { return 0 }
