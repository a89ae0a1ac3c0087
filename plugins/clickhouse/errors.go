package clickhouse

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// class says what is to be done about a failed insert.
type class int

const (
	// retry: it may pass by itself; nothing was stored.
	retry class = iota
	// retrySlow: the server is overloaded; come back later than for retry.
	retrySlow
	// unknownOutcome: the rows may be stored or not; the same rows are sent
	// again, unchanged.
	unknownOutcome
	// rowFault: some row of the block is at fault; it is looked for by halving.
	rowFault
	// schemaFault: the table is not what we took it for; its schema is read
	// again.
	schemaFault
	// tooLarge: the insert is more than the server has memory for; it is taken
	// apart.
	tooLarge
	// accessFault: somebody has to change a right or a password; rows are kept.
	accessFault
)

func (c class) String() string {
	return [...]string{"retry", "retry and slow down", "unknown outcome", "row fault", "schema fault", "too large", "access fault"}[c]
}

// needsSomebody reports whether waiting alone will not help.
func (c class) needsSomebody() bool { return c == schemaFault || c == accessFault }

// errSchemaChanged says that the INSERT's columns on the server are not those
// that the rows were decoded for.
var errSchemaChanged = errors.New("the table's columns have changed on the server")

// errDrift says that records do not fit a table any more that they fitted
// before. They wait: for the table to be put right, or for a restart, after
// which the table is taken as it is.
var errDrift = errors.New("the table has changed, and what fitted it does not any more (put the table right, or restart to take it as it is)")

// errUnsupported says that the table has a column that cannot be written.
var errUnsupported = errors.New("leave it out with " + pluginName + "." + fieldColumns + ", or change the table")

// manyPartitions is how the server says that a block touches too many
// partitions. It bears the code of too many parts, but waiting does not help:
// halving the block does.
const manyPartitions = "Too many partitions for single INSERT"

// classify decides what to do about an error of an insert or of reading a
// schema. It is the only place where that is decided.
func classify(err error) class {
	var missing *columnMissingError
	if errors.Is(err, errSchemaChanged) || errors.Is(err, errDrift) || errors.Is(err, errUnsupported) || errors.Is(err, errNoWindow) || errors.Is(err, errTooManyBad) || errors.As(err, &missing) {
		return schemaFault
	}
	code, ok := serverCode(err)
	if !ok && neverSent(err) {
		return retry
	}
	if !ok {
		// The network, a time-out, an unexpected end, the driver: whatever it
		// is, the server may have stored the block before.
		return unknownOutcome
	}
	if strings.Contains(err.Error(), manyPartitions) {
		return rowFault
	}
	return classOf(code)
}

// codeInText finds the code in an exception that the driver passes on as text,
// as it may over HTTP.
var codeInText = regexp.MustCompile(`\bCode: (\d+)[.,]`)

// serverCode returns ClickHouse's error code, if a server sent the error.
func serverCode(err error) (int, bool) {
	var exception *clickhouse.Exception
	if errors.As(err, &exception) {
		return int(exception.Code), true
	}
	if m := codeInText.FindStringSubmatch(err.Error()); m != nil {
		code, err := strconv.Atoi(m[1])
		return code, err == nil
	}
	return 0, false
}
