//go:build unix

// Package peakmemory tells the most memory that a process held.
package peakmemory

import (
	"os"
	"runtime"
	"syscall"
)

// Of is the most resident memory that a finished process, or one of its children, held, in bytes; 0 where that is not known.
func Of(state *os.ProcessState) int64 {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return bytes(usage)
}

// Self is the most resident memory that this process has held so far, in bytes; 0 where that is not known.
func Self() int64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return bytes(&usage)
}

func bytes(usage *syscall.Rusage) int64 {
	peak := int64(usage.Maxrss)
	if runtime.GOOS != "darwin" { // which counts bytes, the others KiB
		peak *= 1024
	}
	return peak
}
