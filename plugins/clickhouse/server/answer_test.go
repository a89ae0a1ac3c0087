package server

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// A status of 200 is success only if ClickHouse says so, and of every row.
func TestAnswersToAnInsert(t *testing.T) {
	const rows = 10
	for name, c := range map[string]struct {
		status    int
		header    string // name=value, divided by |
		body      string
		class     Class
		code      int
		succeeds  bool
		putOff    bool // the server may put inserts off
		truncated bool
	}{
		"stored":                       {status: 200, header: `X-ClickHouse-Query-Id=1|X-ClickHouse-Summary={"written_rows":"10"}`, succeeds: true},
		"with a view":                  {status: 200, header: `X-ClickHouse-Summary={"written_rows":"25"}`, succeeds: true},
		"a server that does not tell":  {status: 200, header: `X-ClickHouse-Query-Id=1`, succeeds: true},
		"a summary of nothing":         {status: 200, header: `X-ClickHouse-Summary={}`, succeeds: true},
		"a summary that is none":       {status: 200, header: `X-ClickHouse-Summary=x`, succeeds: true},
		"put off":                      {status: 200, header: `X-ClickHouse-Summary={"written_rows":"0"}`, succeeds: true, putOff: true},
		"too few":                      {status: 200, header: `X-ClickHouse-Summary={"written_rows":"9"}`, class: UnknownOutcome},
		"none":                         {status: 200, header: `X-ClickHouse-Summary={"written_rows":"0"}`, class: UnknownOutcome},
		"no header":                    {status: 200, class: UnknownOutcome},
		"a page":                       {status: 200, header: "Content-Type=text/html", body: "<html>welcome</html>", class: UnknownOutcome},
		"a page with a header":         {status: 200, header: "X-ClickHouse-Query-Id=1", body: "<html>welcome</html>", class: UnknownOutcome},
		"an exception in the header":   {status: 200, header: "X-ClickHouse-Exception-Code=209", body: "Code: 209. DB::Exception: Timeout", class: UnknownOutcome, code: 209},
		"an exception, and no body":    {status: 200, header: "X-ClickHouse-Exception-Code=469", class: RowFault, code: 469},
		"an exception in the body":     {status: 200, header: "X-ClickHouse-Query-Id=1", body: "Code: 469. DB::Exception: Constraint", class: RowFault, code: 469},
		"an old one in the body":       {status: 200, header: "X-ClickHouse-Query-Id=1", body: "Code: 469, e.displayText() = DB::Exception: Constraint, e.what() = DB::Exception", class: RowFault, code: 469},
		"a marked exception":           {status: 200, header: "X-ClickHouse-Query-Id=1", body: "\r\n__exception__\r\nabcdefghijklmnop\r\nCode: 395. DB::Exception: x\n12 abcdefghijklmnop\r\n__exception__\r\n", class: RowFault, code: 395},
		"an exception from a stranger": {status: 200, body: "Code: 60. DB::Exception: Table", class: SchemaFault, code: 60},
		"cut off":                      {status: 200, header: `X-ClickHouse-Summary={"written_rows":"10"}`, truncated: true, class: UnknownOutcome},
		"created":                      {status: 201, header: `X-ClickHouse-Summary={"written_rows":"10"}`, class: UnknownOutcome},
		"moved":                        {status: 302, class: UnknownOutcome},
		"not found":                    {status: 404, header: "X-ClickHouse-Exception-Code=60", body: "Code: 60. DB::Exception: Table", class: SchemaFault, code: 60},
		"a code without a header":      {status: 500, body: "Code: 241, e.displayText() = DB::Exception: Memory", class: TooLarge, code: 241},
		"too large for a proxy":        {status: 413, body: "<html>413</html>", class: TooLarge},
		"too many for a proxy":         {status: 429, class: RetrySlow},
		"not let in by a proxy":        {status: 403, class: AccessFault},
		"a proxy without its server":   {status: 502, body: "Bad Gateway", class: UnknownOutcome},
		"a proxy that has no time":     {status: 504, class: UnknownOutcome},
		"a value that looks like one":  {status: 500, header: "X-ClickHouse-Exception-Code=27", body: "Code: 27. DB::Exception: Cannot parse input: 'Code: 60. ' (CANNOT_PARSE_INPUT_ASSERTION_FAILED)", class: RowFault, code: 27},
	} {
		t.Run(name, func(t *testing.T) {
			header := http.Header{}
			for part := range strings.SplitSeq(c.header, "|") {
				if name, value, ok := strings.Cut(part, "="); ok {
					header.Set(name, value)
				}
			}
			var body io.Reader = strings.NewReader(c.body)
			if c.truncated {
				body = iotest.ErrReader(io.ErrUnexpectedEOF)
			}
			a, err := readAnswer(&http.Response{StatusCode: c.status, Header: header, Body: io.NopCloser(body)})
			if err == nil {
				var w Written
				if w, err = a.written(); err == nil {
					err = w.check(rows, !c.putOff)
				}
			}
			if c.succeeds {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			require.Equal(t, c.class.String(), Classify(err).String(), "%v", err)
			code, _ := Code(err)
			require.Equal(t, c.code, code, "%v", err)
		})
	}
}

// What a view throws is not a fault of the table's rows.
func TestFaultsOfViews(t *testing.T) {
	for code, want := range map[int]Class{395: ViewFault, 60: ViewFault, 497: ViewFault, 241: UnknownOutcome, 252: UnknownOutcome, 159: UnknownOutcome, 999: UnknownOutcome} {
		err := &Exception{Code: code, Message: "x: while pushing to view default.v (1)"}
		require.Equal(t, want.String(), Classify(err).String(), code)
		require.False(t, NothingWritten(err))
	}
	require.True(t, NothingWritten(&Exception{Code: 252}))
	require.Equal(t, RowFault, Classify(&Exception{Code: 252, Message: "Too many partitions for single INSERT block"}))
	require.Equal(t, UnknownOutcome, Classify(errors.New("?")))
}
