package status

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

// Operator pauses and resumes the inputs of a stream for a person. All methods
// are safe for concurrent use and return when the inputs have been told; the
// pausing ones return false when the stream is stopping, which ends all pauses.
type Operator interface {
	// By is the operator for a request from an address, which its log lines name.
	By(remote string) Operator
	// Refused tells of a request that was not let in.
	Refused(path, why string)
	PauseInput(label string) bool
	ResumeInput(label string)
	PauseInputs() bool
	ResumeInputs()
	// ChangeSettings changes settings of the buffer, by their names in its
	// configuration, until the stream stops: all of them or, with an error, none. A
	// value is a bool, a text or a number; nil is what the configuration says.
	ChangeSettings(map[string]any) error
	// ResetSettings makes them all what the configuration says.
	ResetSettings() error
}

// ErrStopping is the error of an Operator whose stream stops.
var ErrStopping = errors.New("the stream is stopping")

// Admin says who may operate the inputs of a stream over HTTP. The zero value
// lets nobody.
type Admin struct {
	Enabled bool
	// Token is what a request has to bear.
	Token string
	// AllowRemote lets requests in from elsewhere than this host.
	AllowRemote bool
}

// accepts compares in a time that tells nothing about the token.
func (a Admin) accepts(token string) bool { return same(token, a.Token) }

// The last words of the paths.
const (
	actionPause  = "pause"
	actionResume = "resume"
)

// refusal is an answer other than 200.
type refusal struct {
	code int
	why  string
}

func refuse(code int, format string, args ...any) *refusal {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

// operate answers POST /inputs/{label}/pause and resume, and the same without a
// label for all inputs. A label means the inputs of that label in every stream
// of the listener; the query parameter stream names one of them. Each stream
// decides for itself whether a request may operate it.
func operate(w http.ResponseWriter, r *http.Request, boards []*Board) {
	acted, no := actOn(r, slices.Clone(boards)) // which narrows them
	if no == nil {
		answer(w, http.StatusOK, map[string]any{"inputs": acted})
		return
	}
	no.tell(w, r, boards)
}

// tell answers with the refusal, and has the streams log those of who may not operate
// them.
func (no *refusal) tell(w http.ResponseWriter, r *http.Request, boards []*Board) {
	if no.code == http.StatusUnauthorized || no.code == http.StatusForbidden {
		for _, b := range boards {
			b.refused(r, no.why)
		}
	}
	switch no.code {
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="data-bridge"`)
	}
	answer(w, no.code, map[string]string{"error": no.why})
}

func actOn(r *http.Request, boards []*Board) (map[string]InputHealth, *refusal) {
	action := r.PathValue("action")
	if action != actionPause && action != actionResume {
		return nil, refuse(http.StatusNotFound, "there is no %s: POST /inputs/{label}/pause, /inputs/{label}/resume, /inputs/pause or /inputs/resume", r.URL.Path)
	}
	if r.Method != http.MethodPost {
		return nil, refuse(http.StatusMethodNotAllowed, "use POST")
	}
	boards, no := authorize(r, boards)
	if no != nil {
		return nil, no
	}
	label := r.PathValue("label")
	if boards, no = find(boards, r.URL.Query().Get("stream"), label); no != nil {
		return nil, no
	}
	for _, b := range boards {
		if !b.act(r.RemoteAddr, action, label) {
			return nil, refuse(http.StatusConflict, "%v", ErrStopping)
		}
	}
	return inputsOf(boards, label), nil
}

// authorize returns the boards of those streams that the request may operate.
func authorize(r *http.Request, boards []*Board) ([]*Board, *refusal) {
	narrow := func(may func(Admin) bool) bool {
		boards = slices.DeleteFunc(boards, func(b *Board) bool { return !may(b.adminRights()) })
		return len(boards) > 0
	}
	if !narrow(func(a Admin) bool { return a.Enabled }) {
		return nil, refuse(http.StatusForbidden, "this cannot be operated: status_server.admin.enabled is false")
	}
	if !narrow(func(a Admin) bool { return a.AllowRemote || isLocal(r.RemoteAddr) }) {
		return nil, refuse(http.StatusForbidden, "this can be operated from the bridge's own host only: status_server.admin.allow_remote is false")
	}
	token, bears := bearer(r)
	if !narrow(func(a Admin) bool { return a.accepts(token) }) {
		if !bears {
			return nil, refuse(http.StatusUnauthorized, "the header Authorization: Bearer is missing")
		}
		return nil, refuse(http.StatusUnauthorized, "the bearer token is not the one of status_server.admin.token")
	}
	return boards, nil
}

func bearer(r *http.Request) (string, bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), ok && strings.EqualFold(scheme, "Bearer")
}

func isLocal(remote string) bool {
	host, _, err := net.SplitHostPort(remote)
	return err == nil && net.ParseIP(host).IsLoopback()
}

// find narrows the boards to those of the stream, if one is named, that have an
// input of the label, if there is one.
func find(boards []*Board, stream, label string) ([]*Board, *refusal) {
	boards, no := ofStream(boards, stream)
	if no != nil || label == "" {
		return boards, no
	}
	var known []string
	boards = slices.DeleteFunc(boards, func(b *Board) bool {
		labels := b.labels()
		known = append(known, labels...)
		return !slices.Contains(labels, label)
	})
	if len(boards) == 0 {
		return nil, refuse(http.StatusNotFound, "there is no input %q; there are: %s", label, strings.Join(known, ", "))
	}
	return boards, nil
}

// ofStream narrows the boards to those of the stream, if one is named.
func ofStream(boards []*Board, stream string) ([]*Board, *refusal) {
	if stream != "" {
		boards = slices.DeleteFunc(boards, func(b *Board) bool { return b.stream != stream })
	}
	if len(boards) == 0 {
		return nil, refuse(http.StatusNotFound, "there is no stream %q", stream)
	}
	return boards, nil
}

// inputsOf is what /health says of the inputs of that label, or of all.
func inputsOf(boards []*Board, label string) map[string]InputHealth {
	inputs := map[string]InputHealth{}
	for _, b := range boards {
		prefix := Figures{Stream: b.stream}.prefix()
		for name, in := range b.Health().Inputs {
			if label == "" || name == prefix+label {
				inputs[name] = in
			}
		}
	}
	return inputs
}

// SetOperator gives the board the means to operate the stream's inputs, and says
// who may use them.
func (b *Board) SetOperator(op Operator, admin Admin) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.operator, b.admin = op, admin
}

func (b *Board) adminRights() Admin {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.admin
}

func (b *Board) labels() []string {
	var labels []string
	for _, in := range b.Inputs() {
		labels = append(labels, in.Label)
	}
	return labels
}

// refused has the stream log a request that was not let in, where it may be operated
// at all.
func (b *Board) refused(r *http.Request, why string) {
	b.mu.Lock()
	op, admin := b.operator, b.admin
	b.mu.Unlock()
	if op != nil && admin.Enabled {
		op.By(r.RemoteAddr).Refused(r.URL.Path, why)
	}
}

func (b *Board) act(remote, action, label string) bool {
	b.mu.Lock()
	op := b.operator.By(remote)
	b.mu.Unlock()
	switch {
	case action == actionPause && label == "":
		return op.PauseInputs()
	case action == actionPause:
		return op.PauseInput(label)
	case label == "":
		op.ResumeInputs()
	default:
		op.ResumeInput(label)
	}
	return true
}
