package server

import "runtime/debug"

// sheltered runs f and makes a panic of it an error: whatever a server answers
// or a table is like, it is the chunk's trouble, not the end of the process.
func sheltered(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}
