package main

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// handler is ClickHouse's HTTP interface over one engine.
type handler struct {
	engine   *engine
	user     string
	password string
	spool    string  // folder of the INSERT bodies
	faults   *faults // nil without
}

// failure is an answer other than 200.
type failure struct {
	status int
	code   int // ClickHouse's error code, 0 if there is none
	text   string
}

func (f *failure) Error() string { return f.text }

// ServeHTTP answers GET /ping, and statements by POST or GET.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.faults != nil && r.URL.Path == "/faults" {
		h.faults.ServeHTTP(w, r)
		return
	}
	if r.Method == http.MethodGet && (r.URL.Path == "/ping" || r.URL.RawQuery == "") {
		_, _ = io.WriteString(w, "Ok.\n")
		return
	}
	params := r.URL.Query()
	out, err := h.answer(r, params)
	if !errors.As(err, new(*page)) { // a page is somebody else's answer
		writeNames(w.Header(), params)
	}
	if err != nil {
		writeFailure(w, err)
		return
	}
	writeSummary(w.Header(), out)
	w.Header().Set("Content-Length", strconv.Itoa(len(out.data)))
	_, _ = w.Write(out.data)
}

func (h *handler) answer(r *http.Request, params url.Values) (*answer, error) {
	if err := h.authenticate(r, params); err != nil {
		return nil, err
	}
	tables, err := h.formTables(r, params)
	if err != nil {
		return nil, err
	}
	defer tables.remove()
	var body io.Reader = strings.NewReader("")
	if tables == nil {
		if body, err = requestBody(r, params); err != nil {
			return nil, err
		}
	}
	out, err := h.execute(r.Context(), params, body, tables)
	if err != nil || params.Get("compress") != "1" {
		return out, err
	}
	out.data, err = pack(out.data, params.Get("network_compression_method"))
	return out, err
}

// authenticate accepts the three ways in which clients name themselves.
func (h *handler) authenticate(r *http.Request, params url.Values) error {
	user, password, ok := r.BasicAuth()
	if !ok {
		user = cmp.Or(r.Header.Get("X-ClickHouse-User"), params.Get("user"), "default")
		password = cmp.Or(r.Header.Get("X-ClickHouse-Key"), params.Get("password"))
	}
	return h.login(user, password)
}

func (h *handler) login(user, password string) error {
	if user == h.user && subtle.ConstantTimeCompare([]byte(password), []byte(h.password)) == 1 {
		return nil
	}
	return exception(fmt.Sprintf("Code: 516. DB::Exception: %s: Authentication failed: password is incorrect, "+
		"or there is no user with such name. (AUTHENTICATION_FAILED)", user))
}

// requestBody undoes the request's compression: ClickHouse's own frames or gzip.
func requestBody(r *http.Request, params url.Values) (io.Reader, error) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return nil, fmt.Errorf("reading the gzip body: %w", err)
		}
		body = unzipped
	}
	if params.Get("decompress") == "1" {
		body = unpack(body)
	}
	return body, nil
}

// execute runs the statement of the URL or the body. With one in the URL the
// body is its data.
func (h *handler) execute(ctx context.Context, params url.Values, body io.Reader, tables externalTables) (*answer, error) {
	sql := params.Get("query")
	if stmt, ok := parseInsert(sql); ok && formatOnly.MatchString(stmt.rest) {
		f := h.faults.take(sql, false)
		if err := f.before(ctx); err != nil {
			return nil, err
		}
		return h.insert(f, stmt, params, body)
	}
	rest, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("reading the request: %w", err)
	}
	sql = strings.TrimSpace(joinLines(sql, string(rest)))
	if sql == helloQuery {
		return h.hello(params)
	}
	f := h.faults.take(sql, false)
	if err := f.before(ctx); err != nil {
		return nil, err
	}
	stmt, format := plain(tables.in(sql), settingsOf(params), cmp.Or(params.Get("default_format"), "TabSeparated"))
	out, err := f.around(scope{database: databaseOf(params)}, func(at scope) (*result, error) { return h.run(at, stmt, format) })
	return &answer{out, format}, err
}

// answer is a result and the format that it has.
type answer struct {
	*result
	format string
}

func databaseOf(params url.Values) string { return cmp.Or(params.Get("database"), "default") }

func joinLines(first, second string) string {
	if first == "" {
		return second
	}
	return first + "\n" + second
}

// insert runs an INSERT whose data is the body.
func (h *handler) insert(f *fault, stmt insertStmt, params url.Values, body io.Reader) (*answer, error) {
	out, err := h.spooled(func(file io.Writer) error {
		_, err := io.Copy(file, body)
		return err
	}, func(file string) (*result, error) {
		return f.around(scope{database: databaseOf(params)}, func(at scope) (*result, error) {
			return h.runInsert(at, stmt.fromFile(file, stmt.format(), settingsOf(params)))
		})
	})
	return &answer{out, stmt.format()}, err
}

// spooled has the data of an INSERT written to a file, runs the statement that
// reads it, and removes it. When the client leaves half way, or the data is
// damaged, nothing is inserted.
func (h *handler) spooled(write func(io.Writer) error, run func(file string) (*result, error)) (*result, error) {
	file, err := os.CreateTemp(h.spool, "chdb-insert-*")
	if err != nil {
		return nil, fmt.Errorf("spooling the data: %w", err)
	}
	defer os.Remove(file.Name())
	buffered := bufio.NewWriterSize(file, 1<<20)
	err = write(buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("spooling the data: %w", err)
	}
	return run(file.Name())
}

func (h *handler) hello(params url.Values) (*answer, error) {
	version, err := h.run(scope{database: databaseOf(params)}, "SELECT version()", "TabSeparatedRaw")
	if err != nil {
		return nil, err
	}
	revision, err := strconv.Atoi(params.Get("client_protocol_version"))
	if err != nil {
		return nil, fmt.Errorf("reading client_protocol_version: %w", err)
	}
	version.data, err = hello(strings.TrimSpace(string(version.data)), revision)
	return &answer{version, "Native"}, err
}

func (h *handler) run(at scope, sql, format string) (*result, error) {
	if _, ok := parseInsert(sql); ok {
		return h.runInsert(at, sql)
	}
	out, err := h.engine.run(at, sql, format)
	if err != nil {
		return nil, exception(err.Error())
	}
	return out, nil
}

func (h *handler) runInsert(at scope, sql string) (*result, error) {
	out, err := h.engine.runInsert(at, sql)
	if err != nil {
		return nil, exception(err.Error())
	}
	return out, nil
}

var codeInText = regexp.MustCompile(`Code: (\d+)\.`)

// exception turns the engine's text into the answer that ClickHouse would give.
func exception(text string) *failure {
	f := &failure{status: http.StatusInternalServerError, text: text}
	if match := codeInText.FindStringSubmatch(text); match != nil {
		f.code, _ = strconv.Atoi(match[1])
		if status, ok := statusOf[f.code]; ok {
			f.status = status
		}
	}
	return f
}

// statusOf are ClickHouse's error codes whose HTTP status is not 500.
var statusOf = map[int]int{
	6: 400, 26: 400, 27: 400, 33: 400, 38: 400, 41: 400, 43: 400, 47: 404, 53: 400, 60: 404, 62: 400,
	72: 400, 81: 404, 164: 403, 192: 403, 193: 403, 194: 401, 497: 403, 516: 403,
}

func writeFailure(w http.ResponseWriter, err error) {
	if errors.Is(err, errCut) {
		panic(http.ErrAbortHandler) // which is how a handler closes its connection
	}
	var p *page
	if errors.As(err, &p) {
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		_, _ = io.WriteString(w, p.html)
		return
	}
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{status: http.StatusBadRequest, text: err.Error()}
	}
	if f.code != 0 {
		w.Header().Set("X-ClickHouse-Exception-Code", strconv.Itoa(f.code))
	}
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	w.WriteHeader(f.status)
	_, _ = io.WriteString(w, strings.TrimSpace(f.text)+"\n")
}
