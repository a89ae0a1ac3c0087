package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"
)

func TestClassify(t *testing.T) {
	server := func(code int32, message string) error {
		return fmt.Errorf("inserting: %w", &clickhouse.Exception{Code: code, Message: message})
	}
	for _, c := range []struct {
		name string
		err  error
		want class
	}{
		{"too many parts", server(252, "Too many parts (300)"), retrySlow},
		{"too many partitions", server(252, "Too many partitions for single INSERT block (more than 100)"), rowFault},
		{"memory", server(241, "Memory limit"), tooLarge},
		{"queries", server(202, ""), retrySlow},
		{"table is read-only", server(242, ""), retry},
		{"keeper", server(999, ""), retry},
		{"unlisted", server(12345, ""), retry},
		{"unknown status", server(319, ""), unknownOutcome},
		{"time-out on the server", server(159, ""), unknownOutcome},
		{"constraint", server(469, ""), rowFault},
		{"type mismatch", server(53, ""), schemaFault},
		{"no such column", server(16, ""), schemaFault},
		{"unknown table", server(60, ""), schemaFault},
		{"unknown database", server(81, ""), schemaFault},
		{"column not there", &columnMissingError{"c", "t"}, schemaFault},
		{"columns changed", fmt.Errorf("%w: x", errSchemaChanged), schemaFault},
		{"unsupported", fmt.Errorf("%w", errUnsupported), schemaFault},
		{"read-only user", server(164, ""), accessFault},
		{"wrong password", server(193, ""), accessFault},
		{"authentication", server(516, ""), accessFault},
		{"http exception", &clickhouse.HTTPError{StatusCode: 404, Err: &clickhouse.Exception{Code: 60}}, schemaFault},
		{"http text", &clickhouse.HTTPError{StatusCode: 500, Err: errors.New(`response body: "Code: 241, e.displayText() = DB::Exception: Memory"`)}, tooLarge},
		{"http proxy", &clickhouse.HTTPError{StatusCode: 502, Err: errors.New("response body: \"Bad Gateway\"")}, unknownOutcome},
		{"no connection free", clickhouse.ErrAcquireConnTimeout, retry},
		{"end of input", fmt.Errorf("query processing: %w", io.EOF), unknownOutcome},
		{"reset", &net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, unknownOutcome},
		{"refused", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, retry},
		{"deadline", context.DeadlineExceeded, unknownOutcome},
		{"driver", clickhouse.ErrBatchInvalid, unknownOutcome},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, classify(c.err), classify(c.err).String())
		})
	}
}
