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
	// accessFault: somebody has to change a right or a password; rows are kept.
	accessFault
)

func (c class) String() string {
	return [...]string{"retry", "retry slowly", "unknown outcome", "row fault", "schema fault", "access fault"}[c]
}

// errSchemaChanged says that the INSERT's columns on the server are not those
// that the rows were decoded for.
var errSchemaChanged = errors.New("the table's columns have changed on the server")

// errUnsupported says that the table has a column that cannot be written.
var errUnsupported = errors.New("leave it out with " + pluginName + "." + fieldColumns + ", or change the table")

// codeClasses are the server's error codes. A code that is not listed is
// retried: keeping rows that nothing helps is better than losing rows that a
// fix on the server would have let in.
var codeClasses = func() map[int]class {
	m := map[int]class{}
	for c, codes := range map[class][]int{
		retrySlow: {
			202, // TOO_MANY_SIMULTANEOUS_QUERIES
			241, // MEMORY_LIMIT_EXCEEDED
			252, // TOO_MANY_PARTS
		},
		unknownOutcome: {
			159, // TIMEOUT_EXCEEDED
			209, // SOCKET_TIMEOUT
			210, // NETWORK_ERROR
			319, // UNKNOWN_STATUS_OF_INSERT
			394, // QUERY_WAS_CANCELLED
		},
		rowFault: {
			6,   // CANNOT_PARSE_TEXT
			25,  // CANNOT_PARSE_ESCAPE_SEQUENCE
			26,  // CANNOT_PARSE_QUOTED_STRING
			27,  // CANNOT_PARSE_INPUT_ASSERTION_FAILED
			38,  // CANNOT_PARSE_DATE
			41,  // CANNOT_PARSE_DATETIME
			43,  // ILLEGAL_TYPE_OF_ARGUMENT
			53,  // TYPE_MISMATCH
			69,  // ARGUMENT_OUT_OF_BOUND
			72,  // CANNOT_PARSE_NUMBER
			117, // INCORRECT_DATA
			153, // ILLEGAL_DIVISION, in an expression of the table
			321, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
			349, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
			395, // FUNCTION_THROW_IF_VALUE_IS_NON_ZERO, likewise
			407, // DECIMAL_OVERFLOW
			469, // VIOLATED_CONSTRAINT
		},
		schemaFault: {
			16,  // NO_SUCH_COLUMN_IN_TABLE
			20,  // NUMBER_OF_COLUMNS_DOESNT_MATCH
			33,  // CANNOT_READ_ALL_DATA
			47,  // UNKNOWN_IDENTIFIER
			60,  // UNKNOWN_TABLE
			81,  // UNKNOWN_DATABASE
			131, // TOO_LARGE_STRING_SIZE, what a misread block looks like
		},
		accessFault: {
			164, // READONLY
			192, // UNKNOWN_USER
			193, // WRONG_PASSWORD
			194, // REQUIRED_PASSWORD
			195, // IP_ADDRESS_NOT_ALLOWED
			291, // DATABASE_ACCESS_DENIED
			497, // ACCESS_DENIED
			516, // AUTHENTICATION_FAILED
		},
	} {
		for _, code := range codes {
			m[code] = c
		}
	}
	return m
}()

// manyPartitions is how the server says that a block touches too many
// partitions. It bears the code of too many parts, but waiting does not help:
// halving the block does.
const manyPartitions = "Too many partitions for single INSERT"

// classify decides what to do about an error of an insert or of reading a
// schema. It is the only place where that is decided.
func classify(err error) class {
	var missing *columnMissingError
	if errors.Is(err, errSchemaChanged) || errors.Is(err, errUnsupported) || errors.As(err, &missing) {
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
	return codeClasses[code]
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
