package main

import (
	"regexp"
	"strings"
)

// insertStmt is an INSERT taken apart: INSERT INTO target (columns) SETTINGS
// settings rest. rest is "FORMAT f", "VALUES ...", "SELECT ..." or empty.
type insertStmt struct {
	target   string // as it is written: a table, or FUNCTION f(...)
	list     string // the column list without its brackets
	hasList  bool
	settings string
	rest     string
}

var (
	insertInto   = regexp.MustCompile(`(?is)^\s*INSERT\s+INTO\s+(?:TABLE\s+)?`)
	restOfInsert = regexp.MustCompile(`(?i)^(SELECT|WITH|VALUES|FORMAT|FROM|WATCH|EXECUTE|SETTINGS|PARTITION)\b`)
	settingsWord = regexp.MustCompile(`(?i)^SETTINGS\s+`)
	formatOnly   = regexp.MustCompile(`(?is)^FORMAT\s+(\w+)$`)
	valuesOnly   = regexp.MustCompile(`(?i)^VALUES$`)
)

// parseInsert takes an INSERT apart; ok is false for any other statement.
func parseInsert(sql string) (stmt insertStmt, ok bool) {
	sql = strings.TrimRight(stripComments(sql), " \t\r\n;")
	head := insertInto.FindString(sql)
	if head == "" {
		return stmt, false
	}
	text := sql[len(head):]
	end := endOfTarget(text)
	stmt.target, text = strings.TrimSpace(text[:end]), strings.TrimSpace(text[end:])
	if strings.HasPrefix(text, "(") && !strings.HasPrefix(strings.ToUpper(strings.TrimSpace(text[1:])), "SELECT") {
		end := closing(text)
		stmt.list, stmt.hasList = strings.TrimSpace(text[1:end]), true
		text = strings.TrimSpace(text[min(end+1, len(text)):])
	}
	if word := settingsWord.FindString(text); word != "" {
		end := nextWord(text, len(word))
		stmt.settings, text = strings.TrimSpace(text[len(word):end]), text[end:]
	}
	stmt.rest = text
	return stmt, true
}

// format is the format of the data that is still to come, "" when the
// statement has its data, or its query, with it.
func (s insertStmt) format() string {
	if parts := formatOnly.FindStringSubmatch(s.rest); parts != nil {
		return parts[1]
	}
	if s.rest == "" || valuesOnly.MatchString(s.rest) {
		return "Values"
	}
	return ""
}

// with is the statement with more settings and another rest.
func (s insertStmt) with(settings, rest string) string {
	sql := "INSERT INTO " + s.target
	if s.hasList {
		sql += " (" + s.list + ")"
	}
	from, data, isFile := strings.Cut(rest, infileEnd)
	if isFile { // there the clause stands between the file and the format
		sql, rest = sql+" "+from, data
	}
	if all := joinNonEmpty(s.settings, settings); all != "" {
		sql += " SETTINGS " + all
	}
	return sql + " " + rest
}

// infileEnd marks where the settings of a statement that reads a file belong.
const infileEnd = "\x00"

// fromFile is the statement with its data in a file.
func (s insertStmt) fromFile(file, format, settings string) string {
	return s.with(settings, "FROM INFILE "+quote(file)+infileEnd+"FORMAT "+format)
}

// endOfTarget is where the name of the table, or the table function's call, ends.
func endOfTarget(text string) int {
	function := strings.HasPrefix(strings.ToUpper(text), "FUNCTION ")
	start := 0
	if function {
		start = len("FUNCTION ")
		for start < len(text) && text[start] == ' ' {
			start++
		}
	}
	for i := start; i < len(text); i++ {
		switch c := text[i]; {
		case c == '`' || c == '"':
			i = endOfQuote(text, i) - 1
		case c == '(' && function:
			return i + closing(text[i:]) + 1
		case c == '(' || strings.IndexByte(" \t\r\n", c) >= 0:
			return i
		}
	}
	return len(text)
}

// closing is the index of the bracket that closes the one at the text's beginning.
func closing(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '\'', '"', '`':
			i = endOfQuote(text, i) - 1
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(text)
}

// nextWord is where the clause that begins at from ends: at the next word that
// can follow an INSERT's settings, or at the text's end.
func nextWord(text string, from int) int {
	end := len(text)
	scanTop(text[from:], func(i int) {
		at := from + i
		if at < end && strings.IndexByte(" \t\r\n", text[at-1]) >= 0 && restOfInsert.MatchString(text[at:]) {
			end = at
		}
	})
	return end
}

// stripComments takes comments away that stand outside quotes.
func stripComments(sql string) string {
	var out strings.Builder
	for i := 0; i < len(sql); {
		end := i + 1
		switch c := sql[i]; {
		case c == '\'' || c == '"' || c == '`':
			end = endOfQuote(sql, i)
		case strings.HasPrefix(sql[i:], "--"):
			i = indexFrom(sql, "\n", i)
			continue
		case strings.HasPrefix(sql[i:], "/*"):
			i = min(indexFrom(sql, "*/", i)+2, len(sql))
			out.WriteByte(' ')
			continue
		}
		out.WriteString(sql[i:end])
		i = end
	}
	return out.String()
}

// indexFrom is the index of sub at or behind from, or the text's end.
func indexFrom(text, sub string, from int) int {
	if i := strings.Index(text[from:], sub); i >= 0 {
		return from + i
	}
	return len(text)
}

// insertColumns are the names of a column list, ok is false when it has
// something else than names, such as * EXCEPT (a).
func insertColumns(list string) (names []string, ok bool) {
	for _, part := range splitTop(list, ',') {
		if !plainName(part) {
			return nil, false
		}
		names = append(names, unquote(part))
	}
	return names, true
}

// plainName tells an identifier, of several parts too, from an expression.
func plainName(text string) bool {
	plain := text != ""
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '`' || c == '"':
			i = endOfQuote(text, i) - 1
		case c == '.' || c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		default:
			plain = false
		}
	}
	return plain
}
