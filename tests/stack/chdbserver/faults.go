package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"sync"
)

// fault is what a test wants to happen to some statements: see stack.Fault, of
// which this is the JSON.
type fault struct {
	Statement string
	Times     int
	Settings  map[string]string
	Execute   bool
	Early     bool
	Code      int
	Text      string
	Status    int
	Page      string
	Cut       bool
	Stall     bool

	pattern *regexp.Regexp
	cleared <-chan struct{}
}

// faults are those that are still to happen. Its methods may be called from any
// goroutine; a nil one has none.
type faults struct {
	mu      sync.Mutex
	list    []*fault
	cleared chan struct{} // closed by clear
}

func newFaults() *faults { return &faults{cleared: make(chan struct{})} }

// take is the first fault for the statement, nil if there is none. Over the
// native protocol there are no pages.
func (f *faults) take(sql string, native bool) *fault {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.list {
		if one.Times > 0 && !(native && one.Page != "") && one.pattern.MatchString(sql) {
			one.Times--
			one.cleared = f.cleared
			return one
		}
	}
	return nil
}

func (f *faults) add(one *fault) (err error) {
	if one.pattern, err = regexp.Compile(one.Statement); err != nil {
		return fmt.Errorf("reading the fault's statement: %w", err)
	}
	if one.Times <= 0 {
		return fmt.Errorf("reading the fault's times: %d, expected 1 or more", one.Times)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, one)
	return nil
}

// clear takes all faults away and cuts the connections that one holds.
func (f *faults) clear() {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = nil
	close(f.cleared)
	f.cleared = make(chan struct{})
}

// left is how many statements the faults still wait for.
func (f *faults) left() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.list {
		n += one.Times
	}
	return n
}

// ServeHTTP adds a fault by POST, takes all away by DELETE, and tells by GET how
// many statements are still to be hit.
func (f *faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
		one := &fault{}
		in := json.NewDecoder(r.Body)
		in.DisallowUnknownFields()
		err := in.Decode(one)
		if err == nil {
			err = f.add(one)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	case http.MethodDelete:
		f.clear()
	default:
		fmt.Fprintln(w, f.left())
	}
}

// errCut stands for an answer that is a closed connection.
var errCut = fmt.Errorf("the connection is cut")

// page is an answer that is not the server's.
type page struct{ html string }

func (p *page) Error() string { return "a page of HTML" }

// before is the answer of a statement that does not get as far as being run;
// ctx ends when its client has gone. A nil fault has none.
func (f *fault) before(ctx context.Context) error {
	switch {
	case f == nil:
		return nil
	case f.Stall:
		select {
		case <-ctx.Done():
		case <-f.cleared:
		}
		return errCut
	case f.Early:
		return f.answer()
	}
	return nil
}

func (f *fault) stalls() bool { return f != nil && f.Stall }

// around runs a statement, if it is to be run, and answers as the fault wants.
func (f *fault) around(at scope, run func(at scope) (*result, error)) (*result, error) {
	if f == nil {
		return run(at)
	}
	at.profile = f.Settings
	lost := f.answer()
	if lost == nil {
		return run(at)
	}
	if f.Execute {
		if _, err := run(at); err != nil {
			return nil, err
		}
	}
	return nil, lost
}

// answer is what the client gets in place of the server's, nil for that one.
func (f *fault) answer() error {
	switch {
	case f.Cut:
		return errCut
	case f.Page != "":
		return &page{f.Page}
	case f.Code != 0:
		lost := exception(fmt.Sprintf("Code: %d. DB::Exception: %s", f.Code, f.Text)).(*failure)
		lost.status = cmp.Or(f.Status, lost.status)
		return lost
	}
	return nil
}
