package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// The headers that say that it is ClickHouse who answers, and what.
const (
	headerCode    = "X-ClickHouse-Exception-Code"
	headerSummary = "X-ClickHouse-Summary"
	headerPrefix  = "X-Clickhouse-" // as net/http writes it
)

// longestAnswer is how much of the answer to a query is read, and longestError of
// what is no success.
const (
	longestAnswer = 64 << 20
	longestError  = 64 << 10
)

// exceptionMark begins an exception that comes after the status was sent.
const exceptionMark = "__exception__"

// httpAnswer is an answer that is ClickHouse's, and no error.
type httpAnswer struct {
	header http.Header
	body   []byte
}

// readAnswer reads an answer and judges it. The status alone says nothing:
// servers send 200 and an exception in a header or behind what they have sent
// already, and proxies answer 200 with a page of their own.
func readAnswer(resp *http.Response) (*httpAnswer, error) {
	limit := int64(longestAnswer)
	if resp.StatusCode != http.StatusOK {
		limit = longestError
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit))
	if e := exceptionOf(resp, string(body)); e != nil {
		return nil, e
	}
	switch {
	case resp.StatusCode != http.StatusOK:
		return nil, &StatusError{Status: resp.StatusCode, Body: shorten(strings.TrimSpace(string(body)))}
	case err != nil:
		return nil, fmt.Errorf("%w: reading it: %w", ErrNotStored, err)
	case !isClickHouse(resp.Header):
		return nil, fmt.Errorf("%w: status 200 without a header of ClickHouse: %q", ErrNotStored, shorten(strings.TrimSpace(string(body))))
	}
	return &httpAnswer{resp.Header, body}, nil
}

// isClickHouse reports whether an answer bears any of the headers that only
// ClickHouse sends.
func isClickHouse(header http.Header) bool {
	for name := range header {
		if strings.HasPrefix(name, headerPrefix) {
			return true
		}
	}
	return false
}

// exceptionText is how an exception is written, at the beginning of a line.
var exceptionText = regexp.MustCompile(`(?m)^\s*Code: (\d{1,9})[.,](?s:.*)`)

// exceptionOf is the exception that an answer holds, nil if it has none: in its
// header, as its text, or after the mark of those that came late.
func exceptionOf(resp *http.Response, body string) *Exception {
	if _, late, ok := strings.Cut(body, exceptionMark+"\r\n"); ok {
		return exceptionIn(late, resp.Header.Get(headerCode))
	}
	if code := resp.Header.Get(headerCode); code != "" && code != "0" {
		return exceptionIn(body, code)
	}
	// Old servers name no code in the header, and append what came late.
	if resp.StatusCode != http.StatusOK || strings.Contains(body, "DB::") {
		if m := exceptionText.FindStringSubmatch(body); m != nil {
			return exceptionIn(m[0], m[1])
		}
	}
	return nil
}

// exceptionIn reads an exception's text, of which the code may be known.
func exceptionIn(text, code string) *Exception {
	if m := exceptionText.FindStringSubmatch(text); m != nil {
		text = m[0]
		if code == "" {
			code = m[1]
		}
	}
	e := &Exception{Message: strings.TrimSpace(text)}
	e.Code, _ = strconv.Atoi(code)
	const longest = 4 << 10
	if len(e.Message) > longest {
		e.Message = e.Message[:longest]
	}
	return e
}

// written is what an answer says of an INSERT.
func (a *httpAnswer) written() (w Written, err error) {
	if text := strings.TrimSpace(string(a.body)); text != "" {
		return w, fmt.Errorf("%w: %q in answer to an INSERT", ErrNotStored, shorten(text))
	}
	var summary struct {
		Rows *json.Number `json:"written_rows"`
	}
	if json.Unmarshal([]byte(a.header.Get(headerSummary)), &summary) != nil || summary.Rows == nil {
		return w, nil
	}
	rows, err := summary.Rows.Int64()
	if err != nil {
		return w, nil //nolint:nilerr // then it does not tell
	}
	return Written{Rows: rows, Known: true}, nil
}
