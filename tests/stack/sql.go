package stack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ApplySQL runs every *.sql file of dir in the order of their names,
// rewritten by LegacySQL where the server is that old. A relative dir is one
// of the repository's, such as "config/sql".
func ApplySQL(ctx context.Context, ch ClickHouse, dir string) error {
	if !filepath.IsAbs(dir) {
		root, err := ModuleRoot()
		if err != nil {
			return err
		}
		dir = filepath.Join(root, dir)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.sql")) // sorted
	if err != nil {
		return fmt.Errorf("listing %s: %w", dir, err)
	}
	if len(files) == 0 {
		return fmt.Errorf("listing %s: no *.sql file", dir)
	}
	for _, file := range files {
		if err := applyFile(ctx, ch, file); err != nil {
			return err
		}
	}
	return nil
}

func applyFile(ctx context.Context, ch ClickHouse, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading SQL: %w", err)
	}
	for _, stmt := range SplitSQL(string(text)) {
		if ch.Legacy() {
			stmt = LegacySQL(stmt)
		}
		if err := ch.Exec(ctx, stmt); err != nil {
			return fmt.Errorf("running %s: %w", filepath.Base(file), err)
		}
	}
	return nil
}

// SplitSQL parts text at every semicolon that is not in a quote, and leaves
// comments and empty statements out.
func SplitSQL(text string) []string {
	var statements []string
	var current strings.Builder
	flush := func() {
		if stmt := strings.TrimSpace(current.String()); stmt != "" {
			statements = append(statements, stmt)
		}
		current.Reset()
	}
	for text != "" {
		token, kind := nextToken(text)
		text = text[len(token):]
		switch {
		case kind == comment:
			current.WriteByte(' ')
		case kind == plainSQL && token == ";":
			flush()
		default:
			current.WriteString(token)
		}
	}
	flush()
	return statements
}

type tokenKind int

const (
	plainSQL tokenKind = iota // one byte
	quoted                    // a literal or identifier with its quotes
	comment
)

// nextToken is the first token of a text that is not empty.
func nextToken(text string) (string, tokenKind) {
	switch {
	case strings.HasPrefix(text, "--"):
		return upTo(text, "\n", 2), comment
	case strings.HasPrefix(text, "/*"):
		return upTo(text, "*/", 2), comment
	case strings.ContainsRune("'\"`", rune(text[0])):
		return quotedToken(text), quoted
	}
	return text[:1], plainSQL
}

// upTo is text up to and with the first end after from, or all of it.
func upTo(text, end string, from int) string {
	if i := strings.Index(text[from:], end); i >= 0 {
		return text[:from+i+len(end)]
	}
	return text
}

func quotedToken(text string) string {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case text[0]:
			return text[:i+1]
		}
	}
	return text
}
