package clickhouse

import (
	"fmt"
	"slices"
	"strings"
)

// serverCodes are the error codes of ClickHouse that say what is to be done,
// by class. A code that is not listed is retried: keeping rows that nothing
// helps is better than losing rows that a fix on the server would have let in.
var serverCodes = []struct {
	class class
	codes []codeName
}{
	{retry, []codeName{
		{3, "UNEXPECTED_END_OF_FILE"},
		{107, "FILE_DOESNT_EXIST"},
		{198, "DNS_ERROR"},
		{201, "QUOTA_EXCEEDED"},
		{203, "NO_FREE_CONNECTION"},
		{216, "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING"},
		{236, "ABORTED"},
		{242, "TABLE_IS_READ_ONLY"},
		{243, "NOT_ENOUGH_SPACE"},
		{244, "UNEXPECTED_ZOOKEEPER_ERROR"},
		{254, "NO_ACTIVE_REPLICAS"},
		{265, "NO_AVAILABLE_REPLICA"},
		{279, "ALL_CONNECTION_TRIES_FAILED"},
		{285, "TOO_FEW_LIVE_REPLICAS"},
		{286, "UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE"},
		{289, "REPLICA_IS_NOT_IN_QUORUM"},
		{290, "LIMIT_EXCEEDED"},
		{297, "SHARD_HAS_NO_CONNECTIONS"},
		{425, "SYSTEM_ERROR"},
		{999, "KEEPER_EXCEPTION"},
		{1000, "POCO_EXCEPTION"},
	}},
	{retrySlow, []codeName{
		{202, "TOO_MANY_SIMULTANEOUS_QUERIES"},
		{252, "TOO_MANY_PARTS"},
		{364, "RECEIVED_ERROR_TOO_MANY_REQUESTS"},
	}},
	{tooLarge, []codeName{
		{241, "MEMORY_LIMIT_EXCEEDED"},
	}},
	{unknownOutcome, []codeName{
		{159, "TIMEOUT_EXCEEDED"},
		{209, "SOCKET_TIMEOUT"},
		{210, "NETWORK_ERROR"},
		{319, "UNKNOWN_STATUS_OF_INSERT"},
		{394, "QUERY_WAS_CANCELLED"},
	}},
	{rowFault, []codeName{
		{6, "CANNOT_PARSE_TEXT"},
		{25, "CANNOT_PARSE_ESCAPE_SEQUENCE"},
		{26, "CANNOT_PARSE_QUOTED_STRING"},
		{27, "CANNOT_PARSE_INPUT_ASSERTION_FAILED"},
		{38, "CANNOT_PARSE_DATE"},
		{41, "CANNOT_PARSE_DATETIME"},
		{69, "ARGUMENT_OUT_OF_BOUND"},
		{72, "CANNOT_PARSE_NUMBER"},
		{117, "INCORRECT_DATA"},
		{153, "ILLEGAL_DIVISION"},
		{321, "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE"},
		{349, "CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN"},
		{395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"},
		{407, "DECIMAL_OVERFLOW"},
		{469, "VIOLATED_CONSTRAINT"},
	}},
	{schemaFault, []codeName{
		{16, "NO_SUCH_COLUMN_IN_TABLE"},
		{20, "NUMBER_OF_COLUMNS_DOESNT_MATCH"},
		{33, "CANNOT_READ_ALL_DATA"},
		{43, "ILLEGAL_TYPE_OF_ARGUMENT"},
		{47, "UNKNOWN_IDENTIFIER"},
		{53, "TYPE_MISMATCH"},
		{60, "UNKNOWN_TABLE"},
		{81, "UNKNOWN_DATABASE"},
		{131, "TOO_LARGE_STRING_SIZE"}, // what a misread block looks like
	}},
	{accessFault, []codeName{
		{164, "READONLY"},
		{192, "UNKNOWN_USER"},
		{193, "WRONG_PASSWORD"},
		{194, "REQUIRED_PASSWORD"},
		{195, "IP_ADDRESS_NOT_ALLOWED"},
		{291, "DATABASE_ACCESS_DENIED"},
		{497, "ACCESS_DENIED"},
		{516, "AUTHENTICATION_FAILED"},
	}},
}

type codeName struct {
	code int
	name string
}

var classes = func() map[int]class {
	m := map[int]class{}
	for _, group := range serverCodes {
		for _, c := range group.codes {
			m[c.code] = group.class
		}
	}
	return m
}()

// classOf returns the class of a server's code.
func classOf(code int) class { return classes[code] }

// whatIsDone says in the documentation what becomes of each class.
var whatIsDone = map[class]string{
	retry:          "sent again after a back-off; also every code that is not listed",
	retrySlow:      "sent again after a longer back-off, by fewer inserts at a time and in larger ones, until they succeed again",
	tooLarge:       "what left together leaves one by one, then in halves, each after a longer back-off",
	unknownOutcome: "the rows may be stored: the same rows are sent again under the same deduplication token; also a lost connection and a time-out",
	rowFault:       "the rows are halved until the bad ones stand alone; those are dead letters, the others are stored",
	schemaFault:    "the table's columns are read again, once; if that does not help, the table's rows wait, an error is logged and /health says so",
	accessFault:    "the table's rows wait, an error is logged and /health says so",
}

// codesTable is the table of the documentation.
func codesTable() string {
	var b strings.Builder
	b.WriteString("| Class | What is done | Codes |\n| --- | --- | --- |\n")
	for _, group := range serverCodes {
		var codes []string
		for _, c := range group.codes {
			codes = append(codes, fmt.Sprintf("%d %s", c.code, c.name))
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", group.class, whatIsDone[group.class], strings.Join(codes, ", "))
	}
	return b.String()
}

// nothingWritten reports whether the server has refused an insert before it
// wrote anything, so that its rows may also be sent in other company.
func nothingWritten(err error) bool {
	code, ok := serverCode(err)
	return ok && slices.Contains([]int{202, 252}, code)
}
