package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
)

// externalTable is a table of a statement's own, whose rows came with it. The engine
// reads it as a file.
type externalTable struct {
	name, format, structure string
	file                    string
}

type externalTables []externalTable

// remove removes the rows.
func (t externalTables) remove() {
	for _, one := range t {
		_ = os.Remove(one.file)
	}
}

// in is the statement with the files in place of the tables.
func (t externalTables) in(sql string) string {
	for _, one := range t {
		sql = one.in(sql)
	}
	return sql
}

func (t externalTable) in(sql string) string {
	read := regexp.MustCompile(`(?i)^((?:FROM|JOIN)\s+)(?:` + regexp.QuoteMeta(t.name) + `\b|` + regexp.QuoteMeta(quoteName(t.name)) + `)`)
	file := "file(" + quote(t.file) + ", " + quote(t.format) + ", " + quote(t.structure) + ")"
	var out strings.Builder
	for i, inWord := 0, false; i < len(sql); {
		end := i + 1
		switch c := sql[i]; {
		case c == '\'' || c == '"' || c == '`':
			end = endOfQuote(sql, i)
		case !inWord:
			if parts := read.FindStringSubmatch(sql[i:]); parts != nil {
				out.WriteString(parts[1] + file)
				i += len(parts[0])
				continue
			}
		}
		out.WriteString(sql[i:end])
		inWord = plainName(sql[end-1 : end])
		i = end
	}
	return out.String()
}

// spool adds a table whose rows write gives.
func (t *externalTables) spool(h *handler, name, format string, write func(io.Writer) (structure string, err error)) error {
	file, err := os.CreateTemp(h.spool, "chdb-external-*")
	if err != nil {
		return fmt.Errorf("spooling the table %s: %w", name, err)
	}
	defer file.Close()
	*t = append(*t, externalTable{name: name, format: format, file: file.Name()})
	(*t)[len(*t)-1].structure, err = write(file)
	return err
}

// formTables reads the form of a statement with tables of its own: its fields are
// the statement, and what each table's rows are, before the files, which are the rows.
// It is nil for what is no form.
func (h *handler) formTables(r *http.Request, params url.Values) (tables externalTables, err error) {
	kind, options, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return nil, nil //nolint:nilerr // it is no form then
	}
	fields := url.Values{}
	form := multipart.NewReader(r.Body, options["boundary"])
	tables = externalTables{}
	for {
		part, err := form.NextRawPart()
		if errors.Is(err, io.EOF) {
			params.Set("query", params.Get("query")+fields.Get("query"))
			return tables, nil
		}
		if err == nil {
			err = tables.add(h, part, fields)
		}
		if err != nil {
			tables.remove()
			return nil, err
		}
	}
}

// add takes one part of a form.
func (t *externalTables) add(h *handler, part *multipart.Part, fields url.Values) error {
	name := part.FormName()
	if part.FileName() == "" {
		text, err := io.ReadAll(part)
		fields.Add(name, string(text))
		return err
	}
	structure := fields.Get(name + "_structure")
	if structure == "" {
		return exception(fmt.Sprintf("Code: 36. DB::Exception: Neither structure nor types have been provided for external table %s. (BAD_ARGUMENTS)", name))
	}
	format := "TabSeparated"
	if given := fields.Get(name + "_format"); given != "" {
		format = given
	}
	return t.spool(h, name, format, func(file io.Writer) (string, error) {
		_, err := io.Copy(file, part)
		return structure, err
	})
}

// externalTables reads the tables of a query's own, and the empty block that ends
// them. There may be no parameters: the engine would need their own calls.
func (c *session) externalTables(q request) (tables externalTables, err error) {
	for {
		code, err := c.in.UVarInt()
		if err != nil {
			return tables, brokenError{err}
		}
		if proto.ClientCode(code) != proto.ClientCodeData {
			return tables, brokenError{fmt.Errorf("unexpected packet %d", code)}
		}
		ended, err := c.externalBlock(q, &tables)
		if err != nil {
			return tables, brokenError{err}
		}
		if ended {
			break
		}
	}
	if len(q.Parameters) > 0 {
		return tables, exception("Code: 48. DB::Exception: This server takes no query parameters. (NOT_IMPLEMENTED)")
	}
	return tables, nil
}

// externalBlock reads one block into the table that it is of. The columns of a
// table's first block are the table's. A block without rows is nothing to a table;
// in a file the engine would want its columns in the order in which they are read.
func (c *session) externalBlock(q request, tables *externalTables) (ended bool, err error) {
	name, err := c.in.Str()
	if err != nil {
		return false, err
	}
	var block bytes.Buffer
	header, rows, err := c.blockOf(q, &block)
	if err != nil || len(header) == 0 {
		return true, err
	}
	if rows == 0 {
		block.Reset()
	}
	for _, one := range *tables {
		if one.name == name {
			return false, appendTo(one.file, block.Bytes())
		}
	}
	return false, tables.spool(c.handler, name, "Native", func(file io.Writer) (string, error) {
		_, err := file.Write(block.Bytes())
		return structureOf(header), err
	})
}

func appendTo(name string, data []byte) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Close())
}

// structureOf describes columns to the function file.
func structureOf(columns []tableColumn) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = quoteName(c.Name) + " " + c.Type
	}
	return strings.Join(list, ", ")
}
