package clickhouse

import (
	"errors"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
)

// failure is why an attempt failed, and what is done about it. Its secrets are
// gone.
type failure struct {
	class server.Class
	err   error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// failureOf returns the failure that an attempt's error is. What the lane says by
// itself, of a panic, waits for somebody.
func failureOf(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	return &failure{class: server.SchemaFault, err: err}
}
