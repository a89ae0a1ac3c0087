package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
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
		"chdb_connect":              &connect,
		"chdb_query_n":              &e.query,
		"chdb_result_buffer":        &e.buffer,
		"chdb_result_length":        &e.length,
		"chdb_result_error":         &e.failure,
		"chdb_destroy_query_result": &e.destroy,
		"chdb_close_conn":           &e.end,
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

// run runs one statement in the database and returns its result in the format.
// The error's text is ClickHouse's own: "Code: 60. DB::Exception: ...".
func (e *engine) run(database, sql, format string) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if database != e.database {
		if _, err := e.runLocked("USE `"+database+"`", "Null"); err != nil {
			return nil, err
		}
		e.database = database
	}
	return e.runLocked(sql, format)
}

func (e *engine) runLocked(sql, format string) ([]byte, error) {
	result := e.query(*e.conn, sql, uintptr(len(sql)), format, uintptr(len(format)))
	if result == 0 {
		return nil, errors.New("chdb_query_n gave no result")
	}
	defer e.destroy(result)
	if text := e.failure(result); text != "" {
		return nil, errors.New(text)
	}
	out := make([]byte, e.length(result))
	if len(out) > 0 {
		copy(out, unsafe.Slice(e.buffer(result), len(out)))
	}
	return out, nil
}

// close writes out what the engine holds and ends it.
func (e *engine) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.end(e.conn)
}
