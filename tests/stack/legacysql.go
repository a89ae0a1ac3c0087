package stack

import (
	"regexp"
	"strings"
)

// LegacySQL rewrites one statement for ClickHouse 18.16, which knows neither
// DateTime64, Date32 and Bool nor codecs, TTLs and most MergeTree settings.
// LowCardinality stays: the stack's server has its setting on.
func LegacySQL(stmt string) string {
	for _, name := range []string{"DateTime64", "CODEC"} {
		stmt = replaceCall(stmt, name, legacyCall[name])
	}
	for _, word := range legacyWords {
		stmt = word.pattern.ReplaceAllString(stmt, word.with)
	}
	return strings.TrimSpace(stmt)
}

var (
	legacyCall = map[string]func(args string) string{
		"DateTime64": func(args string) string { // DateTime64(9, 'UTC') -> DateTime('UTC')
			if _, zone, ok := strings.Cut(args, ","); ok {
				return "DateTime(" + strings.TrimSpace(zone) + ")"
			}
			return "DateTime"
		},
		"CODEC": func(string) string { return "" },
	}
	legacyWords = []struct {
		pattern *regexp.Regexp
		with    string
	}{
		{regexp.MustCompile(`\bDateTime64\b`), "DateTime"},
		{regexp.MustCompile(`\bDate32\b`), "Date"},
		{regexp.MustCompile(`\bBool\b`), "UInt8"},
		{regexp.MustCompile(`(?is)\sTTL\s.*?(\sSETTINGS\s|$)`), "$1"},
		{regexp.MustCompile(`(?is)\s*\bSETTINGS\s+\w+\s*=.*$`), ""},
		{regexp.MustCompile(`ENGINE\s*=\s*MergeTree\s*\(\)`), "ENGINE = MergeTree"},
	}
)

// replaceCall replaces every name(...) of stmt, with its nested brackets, by what with makes of the arguments.
func replaceCall(stmt, name string, with func(args string) string) string {
	pattern := regexp.MustCompile(`\b` + name + `\s*\(`)
	for {
		at := pattern.FindStringIndex(stmt)
		if at == nil {
			return stmt
		}
		end := closingBracket(stmt, at[1])
		stmt = stmt[:at[0]] + with(stmt[at[1]:end]) + stmt[min(end+1, len(stmt)):]
	}
}

// closingBracket is the index of the bracket that closes the one before from, or the statement's end.
func closingBracket(stmt string, from int) int {
	depth := 1
	for i := from; i < len(stmt); {
		token, _ := nextToken(stmt[i:])
		switch token {
		case "(":
			depth++
		case ")":
			depth--
		}
		if depth == 0 {
			return i
		}
		i += len(token)
	}
	return len(stmt)
}
