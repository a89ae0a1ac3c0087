package main

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// interfaceParams are the URL parameters that the HTTP interface itself
// understands. All others are settings of the query.
var interfaceParams = []string{
	"query", "database", "default_format", "client_protocol_version", "query_id", "quota_key",
	"user", "password", "session_id", "session_timeout", "session_check", "compress", "decompress",
	"wait_end_of_query", "buffer_size", "role", "enable_http_compression",
}

// settingsOf are the URL's settings as a SETTINGS clause's list, "" when there are none.
func settingsOf(params url.Values) string {
	var list []string
	for name := range params {
		if !slices.Contains(interfaceParams, name) && !strings.HasPrefix(name, "param_") {
			list = append(list, name+" = "+quote(params.Get(name)))
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

var literal = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

func quote(s string) string { return "'" + literal.Replace(s) + "'" }

func quoteName(s string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(s) + "`"
}

var (
	formatAtEnd   = regexp.MustCompile(`(?is)^(.*\S)\s+FORMAT\s+(\w+)\s*$`)
	settingsAtEnd = regexp.MustCompile(`(?is)\sSETTINGS\s+\w+\s*=`)
	takesSettings = regexp.MustCompile(`(?is)^\s*(SELECT|WITH|DESCRIBE|DESC|SHOW|EXPLAIN|\()\b`)
)

func joinNonEmpty(lists ...string) string {
	return strings.Join(slices.DeleteFunc(lists, func(s string) bool { return strings.TrimSpace(s) == "" }), ", ")
}

// plain adds the settings to a statement that takes them and parts it from its
// output format. DDL takes no query settings: there they are left out.
func plain(sql, settings, format string) (stmt, outFormat string) {
	stmt = strings.TrimRight(sql, " \t\r\n;")
	if insert, ok := parseInsert(stmt); ok {
		return insert.with(settings, insert.rest), format
	}
	if parts := formatAtEnd.FindStringSubmatch(stmt); parts != nil && takesSettings.MatchString(stmt) {
		stmt, format = parts[1], parts[2]
	}
	if settings != "" && takesSettings.MatchString(stmt) {
		if settingsAtEnd.MatchString(stmt) {
			stmt += ", " + settings
		} else {
			stmt += " SETTINGS " + settings
		}
	}
	return stmt, format
}

var (
	exceptionHead = regexp.MustCompile(`^\s*Code: \d+\. DB::Exception: `)
	exceptionTail = regexp.MustCompile(`\s*(\([A-Z0-9_]+\)|\(version [^()]*(\([^()]*\))?\))\.?\s*$`)
)

// bareText is an exception's text without its code in front, its name and the
// server's version at the end.
func bareText(text string) string {
	for exceptionHead.MatchString(text) {
		text = exceptionHead.ReplaceAllString(text, "")
	}
	for exceptionTail.MatchString(text) {
		text = exceptionTail.ReplaceAllString(text, "")
	}
	return text
}
