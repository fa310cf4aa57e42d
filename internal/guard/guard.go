// Package guard turns the panics of graph-building code into errors, at the borders of the rooms that build graphs.
package guard

import (
	"fmt"
	"runtime"
)

// Recover is deferred by a function whose error result is err: a panic in graph code becomes that error. Run-time errors,
// such as an index out of range, are mistakes in the program and go on as panics.
func Recover(err *error) {
	switch p := recover().(type) {
	case nil:
	case runtime.Error:
		panic(p)
	case error:
		*err = p
	default:
		*err = fmt.Errorf("%v", p)
	}
}
