package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
)

// engine is libchdb.so with one connection. Queries run one at a time.
type engine struct {
	mu   sync.Mutex
	conn *uintptr // chdb_connection*: close wants the pointer, query what it points to

	database string // that the connection uses now

	query   func(conn uintptr, sql string, sqlLen uintptr, format string, formatLen uintptr) uintptr
	buffer  func(result uintptr) *byte
	length  func(result uintptr) uintptr
	failure func(result uintptr) string
	destroy func(result uintptr)
	end     func(conn *uintptr)

	resultRows   func(result uintptr) uint64
	resultBytes  func(result uintptr) uint64
	readRows     func(result uintptr) uint64
	readBytes    func(result uintptr) uint64
	writtenRows  func(result uintptr) uint64
	writtenBytes func(result uintptr) uint64
}

// openEngine loads the library and opens the data in dir, creating it.
func openEngine(library, dir string) (*engine, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("creating the data folder: %w", err)
	}
	lib, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, fmt.Errorf("loading %s: %w", library, err)
	}
	e := &engine{}
	var connect func(argc int32, argv **byte) *uintptr
	for name, fn := range map[string]any{
		"chdb_connect":                   &connect,
		"chdb_query_n":                   &e.query,
		"chdb_result_buffer":             &e.buffer,
		"chdb_result_length":             &e.length,
		"chdb_result_error":              &e.failure,
		"chdb_destroy_query_result":      &e.destroy,
		"chdb_close_conn":                &e.end,
		"chdb_result_rows_read":          &e.resultRows,
		"chdb_result_bytes_read":         &e.resultBytes,
		"chdb_result_storage_rows_read":  &e.readRows,
		"chdb_result_storage_bytes_read": &e.readBytes,
		"chdb_result_rows_written":       &e.writtenRows,
		"chdb_result_bytes_written":      &e.writtenBytes,
	} {
		purego.RegisterLibFunc(fn, lib, name)
	}
	argv := []*byte{cString("chdbserver"), cString("--path=" + dir)}
	e.conn = connect(int32(len(argv)), &argv[0])
	runtime.KeepAlive(argv)
	if e.conn == nil || *e.conn == 0 {
		return nil, fmt.Errorf("opening the data in %s: chdb_connect gave no connection", dir)
	}
	return e, nil
}

func cString(s string) *byte { return &append([]byte(s), 0)[0] }

// result is what one statement gave.
type result struct {
	data []byte // in the format that was asked for

	rows, bytes uint64 // in the result
	// What the engine's own progress says. Written rows are those that the
	// insert and the views that depend on its table handed to their tables:
	// one that was deduplicated is counted like one that was stored.
	readRows, readBytes, writtenRows, writtenBytes uint64

	elapsed time.Duration
	// events are how much the engine's counters of inserts grew; for inserts only.
	events map[string]uint64
}

// scope is where a statement runs.
type scope struct {
	database string
	// profile are settings that hold where the statement names no other value,
	// as those of a user's profile do: "name = value" by name.
	profile map[string]string
}

// run runs one statement and returns its result in the format. The error's text
// is ClickHouse's own: "Code: 60. DB::Exception: ...".
func (e *engine) run(at scope, sql, format string) (out *result, err error) {
	return e.exclusively(at, func() (*result, error) { return e.runLocked(sql, format) })
}

// runInsert is run with the counters of inserts. Nothing else inserts meanwhile.
func (e *engine) runInsert(at scope, sql string) (*result, error) {
	return e.exclusively(at, func() (*result, error) {
		before, err := e.insertEvents()
		if err != nil {
			return nil, err
		}
		out, err := e.runLocked(sql, "Null")
		if err != nil {
			return nil, err
		}
		if out.events, err = e.insertEvents(); err != nil {
			return nil, err
		}
		for name, n := range before {
			if out.events[name] -= n; out.events[name] == 0 {
				delete(out.events, name)
			}
		}
		return out, nil
	})
}

// exclusively runs f in the scope while nothing else runs.
func (e *engine) exclusively(at scope, f func() (*result, error)) (out *result, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.use(at.database); err != nil {
		return nil, err
	}
	for name, value := range at.profile {
		if _, err := e.runLocked("SET "+name+" = "+quote(value), "Null"); err != nil {
			return nil, err
		}
		defer func() {
			if _, resetErr := e.runLocked("SET "+name+" = DEFAULT", "Null"); err == nil {
				err = resetErr
			}
		}()
	}
	return f()
}

// insertEvents are the engine's counters that an insert moves. They count for
// the process, so that only the growth under the lock says something.
func (e *engine) insertEvents() (map[string]uint64, error) {
	out, err := e.runLocked("SELECT event, value FROM system.events WHERE event IN ("+
		"'InsertedRows', 'InsertedBytes', 'DuplicatedInsertedBlocks', 'InsertQuery', 'InsertedCompactParts', 'InsertedWideParts')", "TabSeparated")
	if err != nil {
		return nil, fmt.Errorf("reading the counters of inserts: %w", err)
	}
	events := map[string]uint64{}
	for line := range strings.Lines(string(out.data)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if events[name], err = strconv.ParseUint(value, 10, 64); err != nil {
			return nil, fmt.Errorf("reading the counters of inserts: %w", err)
		}
	}
	return events, nil
}

// use makes the database the connection's own. The lock is held.
func (e *engine) use(database string) error {
	if database == e.database {
		return nil
	}
	if _, err := e.runLocked("USE "+quoteName(database), "Null"); err != nil {
		return err
	}
	e.database = database
	return nil
}

func (e *engine) runLocked(sql, format string) (*result, error) {
	begin := time.Now()
	r := e.query(*e.conn, sql, uintptr(len(sql)), format, uintptr(len(format)))
	if r == 0 {
		return nil, errors.New("chdb_query_n gave no result")
	}
	defer e.destroy(r)
	if text := e.failure(r); text != "" {
		return nil, errors.New(text)
	}
	out := &result{
		data: make([]byte, e.length(r)),
		rows: e.resultRows(r), bytes: e.resultBytes(r),
		readRows: e.readRows(r), readBytes: e.readBytes(r), writtenRows: e.writtenRows(r), writtenBytes: e.writtenBytes(r),
		elapsed: time.Since(begin),
	}
	if len(out.data) > 0 {
		copy(out.data, unsafe.Slice(e.buffer(r), len(out.data)))
	}
	return out, nil
}

// close writes out what the engine holds and ends it.
func (e *engine) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.end(e.conn)
}
