package server

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Table is the name of a table. An empty Database is the session's.
type Table struct {
	Database, Name string
}

// SQL is the name as statements want it.
func (t Table) SQL() string {
	if t.Database == "" {
		return Quote(t.Name)
	}
	return Quote(t.Database) + "." + Quote(t.Name)
}

// longestName is the longest name of a database or a table: the server keeps
// each as a file.
const longestName = 255

// ParseTable reads the name of a table, or of a database and a table joined by a
// point. Each is taken as it stands, whatever it holds; one that holds a point, or
// begins with a quote, is written in backquotes or double quotes, as in SQL, where
// a backslash or a second quote stands before a quote: db.`a.b`, `it“s`.
func ParseTable(text string) (Table, error) {
	var parts []string
	for rest := text; ; {
		name, after, err := parseName(rest)
		if err != nil {
			return Table{}, fmt.Errorf("table name %q: %w", shorten(text), err)
		}
		parts = append(parts, name)
		if after == "" {
			break
		}
		rest = after[1:]
	}
	switch len(parts) {
	case 1:
		return Table{Name: parts[0]}, nil
	case 2:
		return Table{Database: parts[0], Name: parts[1]}, nil
	}
	return Table{}, fmt.Errorf("table name %q: it has %d points, and one divides the database from the table: write a name that holds a point in backquotes", shorten(text), len(parts)-1)
}

// parseName reads one name; what is after it begins with a point, or is empty.
func parseName(text string) (name, after string, err error) {
	if text == "" || text[0] == '.' {
		return "", "", errors.New("a name is empty")
	}
	if quote := text[0]; quote == '`' || quote == '"' {
		name, after, err = parseQuoted(text[1:], quote)
	} else {
		end := strings.IndexByte(text, '.')
		if end < 0 {
			end = len(text)
		}
		name, after = text[:end], text[end:]
	}
	switch {
	case err != nil:
		return "", "", err
	case name == "":
		return "", "", errors.New("a name is empty")
	case len(name) > longestName:
		return "", "", fmt.Errorf("a name has %d bytes, more than %d", len(name), longestName)
	case after != "" && after[0] != '.':
		return "", "", fmt.Errorf("%q follows a quoted name", shorten(after))
	}
	return name, after, nil
}

func parseQuoted(text string, quote byte) (name, after string, err error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text), text[i] == quote && i+1 < len(text) && text[i+1] == quote:
			i++
			b.WriteByte(text[i])
		case text[i] == quote:
			return b.String(), text[i+1:], nil
		default:
			b.WriteByte(text[i])
		}
	}
	return "", "", fmt.Errorf("a name that begins with %c does not end with it", quote)
}

var quoting = strings.NewReplacer(`\`, `\\`, "`", "\\`", "\x00", `\0`)

// Quote makes any text the name of a column, a table or a database in a
// statement.
func Quote(name string) string { return "`" + quoting.Replace(name) + "`" }

var literals = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\x00", `\0`)

// Literal makes any text a string in a statement.
func Literal(text string) string { return "'" + literals.Replace(text) + "'" }

// shorten keeps messages readable.
func shorten(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	end := most
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "..."
}

// String is the name as ParseTable reads it.
func (t Table) String() string {
	plain := func(name string) string {
		if name == "" || name[0] == '`' || name[0] == '"' || strings.Contains(name, ".") {
			return Quote(name)
		}
		return name
	}
	if t.Database == "" {
		return plain(t.Name)
	}
	return plain(t.Database) + "." + plain(t.Name)
}
