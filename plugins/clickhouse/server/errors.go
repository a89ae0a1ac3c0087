package server

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
)

// Exception is an error that a server has sent.
type Exception struct {
	Code    int
	Message string
}

func (e *Exception) Error() string { return fmt.Sprintf("code: %d, message: %s", e.Code, e.Message) }

// StatusError is an answer of HTTP that is no answer of ClickHouse: a proxy's,
// say.
type StatusError struct {
	Status int
	Body   string // its beginning
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("HTTP status %d: %q", e.Status, e.Body)
}

// statusClass is the class of an error that bears no code of ClickHouse.
func statusClass(err error) Class {
	var answer *StatusError
	if !errors.As(err, &answer) {
		return UnknownOutcome
	}
	switch answer.Status {
	case http.StatusRequestEntityTooLarge:
		return TooLarge
	case http.StatusTooManyRequests: // of a limit before the server
		return RetrySlow
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return AccessFault
	}
	return UnknownOutcome
}

// DialError says that no connection to a replica could be had: nothing was
// sent on it but credentials.
type DialError struct {
	Address string
	Err     error
}

func (e *DialError) Error() string { return fmt.Sprintf("connecting to %s: %v", e.Address, e.Err) }
func (e *DialError) Unwrap() error { return e.Err }

// NeverSent reports whether an error means that no connection was had, and
// hence that nothing was stored.
func NeverSent(err error) bool {
	var connect *DialError
	var network *net.OpError
	return errors.As(err, &connect) || errors.Is(err, ErrClosed) ||
		(errors.As(err, &network) && network.Op == "dial") // HTTP dials again within a query
}

// Refusals are the errors of several replicas, none of which took a call.
type Refusals []error

func (r Refusals) Error() string {
	texts := make([]string, len(r))
	for i, err := range r {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap lets errors.Is and errors.As look at each.
func (r Refusals) Unwrap() []error { return r }

func refused(errs []error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	return Refusals(errs)
}

// Code returns ClickHouse's error code, if a server sent the error.
func Code(err error) (int, bool) {
	var e *Exception
	if errors.As(err, &e) {
		return e.Code, true
	}
	return 0, false
}

// PanicError is a panic of this package or of what it calls, made an error of
// the call that it ended.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("a fault of this program: %v\n%s", e.Value, e.Stack)
}

// ClickHouseClass implements Classified: the panic may have come after the rows
// were stored.
func (e *PanicError) ClickHouseClass() Class { return UnknownOutcome }
