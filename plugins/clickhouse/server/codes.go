package server

import (
	"fmt"
	"strings"
)

// Codes that are asked for by name.
const (
	CodeUnknownTable    = 60
	CodeUnknownDatabase = 81

	codeUnknownIdentifier = 47
	codeDeduplicated      = 389 // INSERT_WAS_DEDUPLICATED
	codeTooManyQueries    = 202
	codeTooManyParts      = 252
)

// codes are the error codes of ClickHouse that say what is to be done, by
// class. The question to each of the server's list was what it depends on: the
// value of a row (also by way of a default, a constraint, a key or a JSON text
// that the server reads), the table, a right or a setting, the load, the size of
// the insert, or nothing of these. A code that is not listed is retried: keeping
// rows that nothing helps is better than losing rows that a fix on the server
// would have let in.
var codes = []struct {
	class Class
	codes []codeName
}{
	{Retry, []codeName{
		{3, "UNEXPECTED_END_OF_FILE"},
		{40, "CHECKSUM_DOESNT_MATCH"},
		{107, "FILE_DOESNT_EXIST"},
		{198, "DNS_ERROR"},
		{201, "QUOTA_EXCEEDED"},
		{203, "NO_FREE_CONNECTION"},
		{216, "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING"},
		{225, "NO_ZOOKEEPER"},
		{236, "ABORTED"},
		{242, "TABLE_IS_READ_ONLY"},
		{243, "NOT_ENOUGH_SPACE"},
		{244, "UNEXPECTED_ZOOKEEPER_ERROR"},
		{254, "NO_ACTIVE_REPLICAS"},
		{265, "NO_AVAILABLE_REPLICA"},
		{271, "CANNOT_DECOMPRESS"},
		{279, "ALL_CONNECTION_TRIES_FAILED"},
		{285, "TOO_FEW_LIVE_REPLICAS"},
		{286, "UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE"},
		{289, "REPLICA_IS_NOT_IN_QUORUM"},
		{290, "LIMIT_EXCEEDED"},
		{297, "SHARD_HAS_NO_CONNECTIONS"},
		{384, "PART_IS_TEMPORARILY_LOCKED"},
		{425, "SYSTEM_ERROR"},
		{473, "DEADLOCK_AVOIDED"},
		{499, "S3_ERROR"},
		{519, "NO_REMOTE_SHARD_AVAILABLE"},
		{733, "TABLE_IS_BEING_RESTARTED"},
		{999, "KEEPER_EXCEPTION"},
		{1000, "POCO_EXCEPTION"},
	}},
	{RetrySlow, []codeName{
		{173, "CANNOT_ALLOCATE_MEMORY"},
		{202, "TOO_MANY_SIMULTANEOUS_QUERIES"},
		{252, "TOO_MANY_PARTS"},
		{364, "RECEIVED_ERROR_TOO_MANY_REQUESTS"},
		{574, "DISTRIBUTED_TOO_MANY_PENDING_BYTES"},
		{692, "TOO_MANY_MUTATIONS"},
		{700, "USER_SESSION_LIMIT_EXCEEDED"},
		{745, "SERVER_OVERLOADED"},
		{749, "TCP_CONNECTION_LIMIT_REACHED"},
		{762, "HTTP_CONNECTION_LIMIT_REACHED"},
		{776, "RESOURCE_LIMIT_EXCEEDED"},
	}},
	{TooLarge, []codeName{
		{158, "TOO_MANY_ROWS"},
		{241, "MEMORY_LIMIT_EXCEEDED"},
		{307, "TOO_MANY_BYTES"},
		{396, "TOO_MANY_ROWS_OR_BYTES"},
		{777, "MEMORY_RESERVATION_KILLED"},
		{778, "MEMORY_RESERVATION_FAILED"},
	}},
	{UnknownOutcome, []codeName{
		{32, "ATTEMPT_TO_READ_AFTER_EOF"},
		{86, "RECEIVED_ERROR_FROM_REMOTE_IO_SERVER"},
		{95, "CANNOT_READ_FROM_SOCKET"},
		{96, "CANNOT_WRITE_TO_SOCKET"},
		{159, "TIMEOUT_EXCEEDED"},
		{160, "TOO_SLOW"},
		{209, "SOCKET_TIMEOUT"},
		{210, "NETWORK_ERROR"},
		{319, "UNKNOWN_STATUS_OF_INSERT"},
		{394, "QUERY_WAS_CANCELLED"},
		{659, "UNKNOWN_STATUS_OF_TRANSACTION"},
		{735, "QUERY_WAS_CANCELLED_BY_CLIENT"},
	}},
	{RowFault, []codeName{
		{6, "CANNOT_PARSE_TEXT"},
		{19, "SIZE_OF_FIXED_STRING_DOESNT_MATCH"},
		{25, "CANNOT_PARSE_ESCAPE_SEQUENCE"},
		{26, "CANNOT_PARSE_QUOTED_STRING"},
		{27, "CANNOT_PARSE_INPUT_ASSERTION_FAILED"},
		{38, "CANNOT_PARSE_DATE"},
		{41, "CANNOT_PARSE_DATETIME"},
		{69, "ARGUMENT_OUT_OF_BOUND"},
		{70, "CANNOT_CONVERT_TYPE"},
		{72, "CANNOT_PARSE_NUMBER"},
		{117, "INCORRECT_DATA"},
		{128, "TOO_LARGE_ARRAY_SIZE"},
		{130, "CANNOT_READ_ARRAY_FROM_TEXT"},
		{131, "TOO_LARGE_STRING_SIZE"},
		{153, "ILLEGAL_DIVISION"},
		{190, "SIZES_OF_ARRAYS_DONT_MATCH"},
		{248, "INVALID_PARTITION_VALUE"},
		{306, "TOO_DEEP_RECURSION"},
		{321, "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE"},
		{346, "CANNOT_CONVERT_CHARSET"},
		{349, "CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN"},
		{376, "CANNOT_PARSE_UUID"},
		{395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"},
		{407, "DECIMAL_OVERFLOW"},
		{427, "CANNOT_COMPILE_REGEXP"},
		{441, "CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING"},
		{447, "HYPERSCAN_CANNOT_SCAN_TEXT"},
		{467, "CANNOT_PARSE_BOOL"},
		{469, "VIOLATED_CONSTRAINT"},
		{490, "CANNOT_FORMAT_DATETIME"},
		{503, "AGGREGATE_FUNCTION_THROW"},
		{563, "CANNOT_READ_MAP_FROM_TEXT"},
		{565, "TOO_MANY_PARTITIONS"},
		{621, "CANNOT_NORMALIZE_STRING"},
		{632, "UNEXPECTED_DATA_AFTER_PARSED_VALUE"},
		{645, "NUMBER_OF_DIMENSIONS_MISMATCHED"},
		{675, "CANNOT_PARSE_IPV4"},
		{676, "CANNOT_PARSE_IPV6"},
		{691, "UNKNOWN_ELEMENT_OF_ENUM"},
		{729, "ILLEGAL_TIME_SERIES_TAGS"},
		{760, "UNICODE_ERROR"},
	}},
	{SchemaFault, []codeName{
		{1, "UNSUPPORTED_METHOD"},
		{7, "INCORRECT_NUMBER_OF_COLUMNS"},
		{8, "THERE_IS_NO_COLUMN"},
		{10, "NOT_FOUND_COLUMN_IN_BLOCK"},
		{15, "DUPLICATE_COLUMN"},
		{16, "NO_SUCH_COLUMN_IN_TABLE"},
		{20, "NUMBER_OF_COLUMNS_DOESNT_MATCH"},
		{33, "CANNOT_READ_ALL_DATA"},
		{36, "BAD_ARGUMENTS"},
		{43, "ILLEGAL_TYPE_OF_ARGUMENT"},
		{44, "ILLEGAL_COLUMN"},
		{46, "UNKNOWN_FUNCTION"},
		{47, "UNKNOWN_IDENTIFIER"},
		{48, "NOT_IMPLEMENTED"},
		{50, "UNKNOWN_TYPE"},
		{53, "TYPE_MISMATCH"},
		{60, "UNKNOWN_TABLE"},
		{62, "SYNTAX_ERROR"},
		{81, "UNKNOWN_DATABASE"},
		{122, "INCOMPATIBLE_COLUMNS"},
		{218, "TABLE_IS_DROPPED"},
		{366, "SIZES_OF_NESTED_COLUMNS_ARE_INCONSISTENT"},
		{774, "TABLE_IS_PERMANENTLY_READ_ONLY"},
	}},
	{AccessFault, []codeName{
		{115, "UNKNOWN_SETTING"},
		{164, "READONLY"},
		{192, "UNKNOWN_USER"},
		{193, "WRONG_PASSWORD"},
		{194, "REQUIRED_PASSWORD"},
		{195, "IP_ADDRESS_NOT_ALLOWED"},
		{291, "DATABASE_ACCESS_DENIED"},
		{344, "SUPPORT_IS_DISABLED"},
		{392, "QUERY_IS_PROHIBITED"},
		{446, "FUNCTION_NOT_ALLOWED"},
		{452, "SETTING_CONSTRAINT_VIOLATION"},
		{471, "INVALID_SETTING_VALUE"},
		{472, "READONLY_SETTING"},
		{482, "DICTIONARY_ACCESS_DENIED"},
		{492, "ACCESS_ENTITY_NOT_FOUND"},
		{496, "QUOTA_REQUIRES_CLIENT_KEY"},
		{497, "ACCESS_DENIED"},
		{511, "UNKNOWN_ROLE"},
		{516, "AUTHENTICATION_FAILED"},
		{620, "QUERY_NOT_ALLOWED"},
		{673, "RESOURCE_ACCESS_DENIED"},
		{720, "USER_EXPIRED"},
		{767, "REQUIRED_SECOND_FACTOR"},
	}},
}

type codeName struct {
	code int
	name string
}

var classes = func() map[int]Class {
	m := map[int]Class{}
	for _, group := range codes {
		for _, c := range group.codes {
			m[c.code] = group.class
		}
	}
	return m
}()

// ClassOf returns the class of a server's code.
func ClassOf(code int) Class { return classes[code] }

// whatIsDone says in the documentation what becomes of each class.
var whatIsDone = map[Class]string{
	Retry:          "sent again after a back-off; also every code that is not listed",
	RetrySlow:      "sent again after a longer back-off, by fewer inserts at a time and in larger ones, until they succeed again",
	TooLarge:       "sent again after a longer back-off, in halves; also the status 413 of a proxy",
	UnknownOutcome: "the rows may be stored: the same rows are sent again under the same deduplication token; also a lost connection, a time-out, and an answer that does not say that every row is stored",
	RowFault:       "the rows are halved until the bad ones stand alone; those are dead letters, the others are stored",
	SchemaFault:    "the table's columns are read again, once; if that does not help, the table's rows wait, an error is logged and /health says so",
	AccessFault:    "the table's rows wait, an error is logged and /health says so",
	ViewFault:      "the table may have stored the rows already: the same rows are sent again under the same deduplication token, an error is logged and /health says so",
}

// CodesTable is the table of the documentation.
func CodesTable() string {
	var b strings.Builder
	b.WriteString("| Class | What is done | Codes |\n| --- | --- | --- |\n")
	for _, group := range codes {
		var names []string
		for _, c := range group.codes {
			names = append(names, fmt.Sprintf("%d %s", c.code, c.name))
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", group.class, whatIsDone[group.class], strings.Join(names, ", "))
	}
	fmt.Fprintf(&b, "| %s | %s | of the row, schema and access faults: those that a materialized view has thrown |\n", ViewFault, whatIsDone[ViewFault])
	return b.String()
}
