package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClassify(t *testing.T) {
	server := func(code int, message string) error {
		return fmt.Errorf("inserting: %w", &Exception{Code: code, Message: message})
	}
	for _, c := range []struct {
		name string
		err  error
		want Class
	}{
		{"too many parts", server(252, "Too many parts (300)"), RetrySlow},
		{"too many partitions", server(252, "Too many partitions for single INSERT block (more than 100)"), RowFault},
		{"memory", server(241, "Memory limit"), TooLarge},
		{"queries", server(202, ""), RetrySlow},
		{"table is read-only", server(242, ""), Retry},
		{"keeper", server(999, ""), Retry},
		{"unlisted", server(12345, ""), Retry},
		{"unknown status", server(319, ""), UnknownOutcome},
		{"time-out on the server", server(159, ""), UnknownOutcome},
		{"constraint", server(469, ""), RowFault},
		{"type mismatch", server(53, ""), SchemaFault},
		{"no such column", server(16, ""), SchemaFault},
		{"unknown table", server(60, ""), SchemaFault},
		{"unknown database", server(81, ""), SchemaFault},
		{"columns changed", fmt.Errorf("%w: x", ErrSchemaChanged), SchemaFault},
		{"read-only user", server(164, ""), AccessFault},
		{"wrong password", server(193, ""), AccessFault},
		{"authentication", server(516, ""), AccessFault},
		{"end of input", fmt.Errorf("query processing: %w", io.EOF), UnknownOutcome},
		{"reset", &net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, UnknownOutcome},
		{"refused", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, Retry},
		{"deadline", context.DeadlineExceeded, UnknownOutcome},
		{"anything", errors.New("?"), UnknownOutcome},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, Classify(c.err), Classify(c.err).String())
		})
	}
}
