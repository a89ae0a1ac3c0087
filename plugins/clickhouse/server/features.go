package server

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
)

// Features are what a server can do, by its version and by the settings that
// it has.
type Features struct {
	Version string // as the server writes it, such as 26.7.3.1

	settings map[string]setting // those of wished that it has, by name
}

// setting is a setting as it is for this user.
type setting struct {
	value    string
	known    bool // value is
	fixed    bool // the user may not change it
	min, max string
}

// The settings that inserts are sent with where the server has them.
const (
	settingToken           = "insert_deduplication_token"
	settingDeduplicate     = "insert_deduplicate"
	settingDeduplicateNew  = "deduplicate_insert" // took over from insert_deduplicate in 26.2
	settingViews           = "deduplicate_blocks_in_dependent_materialized_views"
	settingViewTokens      = "update_insert_deduplication_token_in_dependent_materialized_views"
	settingAsync           = "async_insert"
	settingConversion      = "input_format_native_allow_types_conversion"
	settingBinaryTypesIn   = "input_format_native_decode_types_in_binary_format"
	settingBinaryTypesOut  = "output_format_native_encode_types_in_binary_format"
	settingProgressHeaders = "send_progress_in_http_headers"
	settingBlockRows       = "min_insert_block_size_rows"
	settingBlockBytes      = "min_insert_block_size_bytes"

	// Of INSERTs that SELECT.
	settingDeduplicateSelect = "deduplicate_insert_select"
	settingThreads           = "max_threads"
	settingInsertThreads     = "max_insert_threads"
	settingRowsToRead        = "max_rows_to_read"
	settingBytesToRead       = "max_bytes_to_read"
	settingReadOverflow      = "read_overflow_mode"
	settingTimeoutOverflow   = "timeout_overflow_mode"
	settingLeafOverflow      = "read_overflow_mode_leaf"
	settingLimit             = "limit"
	settingOffset            = "offset"
	settingResultFilter      = "additional_result_filter"
	settingNullAsDefault     = "insert_null_as_default"
	settingShortCircuit      = "short_circuit_function_evaluation"
	settingOddLow            = "allow_suspicious_low_cardinality_types"
	settingOddVariant        = "allow_suspicious_variant_types"
)

// since are the versions that brought those settings: what is gone by where the
// list of settings may not be read.
var since = map[string]version{
	settingToken:           {22, 2},
	settingDeduplicate:     {1, 1},
	settingDeduplicateNew:  {26, 2},
	settingViews:           {19, 17},
	settingViewTokens:      {24, 5},
	settingAsync:           {21, 11},
	settingConversion:      {23, 10},
	settingBinaryTypesIn:   {24, 7},
	settingBinaryTypesOut:  {24, 7},
	settingProgressHeaders: {1, 1},
	settingBlockRows:       {1, 1},
	settingBlockBytes:      {1, 1},

	settingDeduplicateSelect: {25, 12},
	settingThreads:           {1, 1},
	settingInsertThreads:     {19, 17},
	settingRowsToRead:        {1, 1},
	settingBytesToRead:       {1, 1},
	settingReadOverflow:      {1, 1},
	settingTimeoutOverflow:   {1, 1},
	settingLeafOverflow:      {21, 3},
	settingLimit:             {21, 1},
	settingOffset:            {21, 1},
	settingResultFilter:      {22, 8},
	settingNullAsDefault:     {21, 3},
	settingShortCircuit:      {21, 10},
	settingOddLow:            {19, 15},
	settingOddVariant:        {24, 1},
}

type version struct{ major, minor int }

// versionOf reads the beginning of a version.
func versionOf(text string) (v version) {
	parts := strings.SplitN(text, ".", 3)
	v.major, _ = strconv.Atoi(parts[0])
	if len(parts) > 1 {
		v.minor, _ = strconv.Atoi(parts[1])
	}
	return v
}

func (v version) atLeast(other version) bool {
	return v.major > other.major || v.major == other.major && v.minor >= other.minor
}

// constrained is the version that shows what a user may set.
var constrained = version{20, 1}

// has reports whether the server knows a setting.
func (f Features) has(name string) bool {
	_, ok := f.settings[name]
	return ok
}

// may reports whether the server knows a setting and lets this user give it
// that value.
func (f Features) may(name, value string) bool {
	s, ok := f.settings[name]
	return ok && (s.is(value) || !s.fixed && s.within(value))
}

// is reports whether a setting is known to have a value already.
func (s setting) is(value string) bool {
	return s.known && (s.value == value || boolean(s.value) == value)
}

// boolean is how a value that may be a word is written as a number.
func boolean(value string) string {
	switch value {
	case "true":
		return "1"
	case "false":
		return "0"
	}
	return value
}

// within reports whether a number is inside the bounds that there are.
func (s setting) within(value string) bool {
	n, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return true
	}
	if least, err := strconv.ParseFloat(boolean(s.min), 64); err == nil && n < least {
		return false
	}
	most, err := strconv.ParseFloat(boolean(s.max), 64)
	return err != nil || n <= most
}

// DeduplicationToken reports whether inserts can be sent with a token.
func (f Features) DeduplicationToken() bool {
	s, ok := f.settings[settingToken]
	return ok && !s.fixed
}

// RefusesConversion reports whether the server can be told not to convert what
// it is sent to the types of its table.
func (f Features) RefusesConversion() bool { return f.may(settingConversion, "0") }

// Features implements Server.
func (r *Replica) Features(ctx context.Context) (Features, error) {
	if f, known := r.known(); known {
		return f, nil
	}
	select { // a server may keep the one who asks waiting for longer than this call may take
	case r.asking <- struct{}{}:
	case <-ctx.Done():
		return Features{}, fmt.Errorf("asking %s for its version and settings: %w", r.address, context.Cause(ctx))
	}
	defer func() { <-r.asking }()
	if f, known := r.known(); known { // by now
		return f, nil
	}
	f, err := r.ask(ctx)
	if err != nil {
		return Features{}, fmt.Errorf("asking %s for its version and settings: %w", r.address, err)
	}
	r.askMu.Lock()
	defer r.askMu.Unlock()
	// The question itself may have made the connection.
	r.asked, r.askedFor = f, r.dials.Load()
	return f, nil
}

// known returns what the server has said since the last connection was made.
func (r *Replica) known() (f Features, ok bool) {
	r.askMu.Lock()
	defer r.askMu.Unlock()
	return r.asked, r.askedFor > 0 && r.askedFor == r.dials.Load()
}

// fix notes that the user may not change a setting, for as long as the server is
// taken for the same.
func (r *Replica) fix(name string) {
	r.askMu.Lock()
	defer r.askMu.Unlock()
	settings := maps.Clone(r.asked.settings)
	s := settings[name]
	s.fixed = true
	settings[name] = s
	r.asked.settings = settings
}

func (r *Replica) ask(ctx context.Context) (Features, error) {
	rows, err := r.Texts(ctx, 1, "SELECT version()")
	if err != nil {
		return Features{}, err
	}
	if len(rows) != 1 {
		return Features{}, fmt.Errorf("%w: it does not tell its version", errUnexpected)
	}
	f := Features{Version: rows[0][0]}
	if f.settings, err = r.readSettings(ctx, versionOf(f.Version)); err != nil {
		if _, refused := Code(err); !refused {
			return Features{}, err
		}
		f.settings = settingsOf(versionOf(f.Version))
	}
	return f, nil
}

// readSettings asks for the settings that inserts may be sent with.
func (r *Replica) readSettings(ctx context.Context, v version) (map[string]setting, error) {
	names := make([]string, 0, len(since))
	for name := range since {
		names = append(names, Literal(name))
	}
	constraints := "'', '', ''"
	if v.atLeast(constrained) {
		constraints = "toString(readonly), ifNull(min, ''), ifNull(max, '')"
	}
	rows, err := r.Texts(ctx, 5, "SELECT name, value, "+constraints+" FROM system.settings WHERE name IN ("+strings.Join(names, ", ")+")")
	if err != nil {
		return nil, err
	}
	found := map[string]setting{}
	for _, row := range rows {
		found[row[0]] = setting{value: row[1], known: true, fixed: row[2] == "1", min: row[3], max: row[4]}
	}
	if len(found) == 0 { // a list that does not show any is not the whole one
		return settingsOf(v), nil
	}
	return found, nil
}

// settingsOf are the settings that a version has.
func settingsOf(v version) map[string]setting {
	found := map[string]setting{}
	for name, from := range since {
		if v.atLeast(from) {
			found[name] = setting{}
		}
	}
	return found
}
