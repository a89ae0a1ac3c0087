package status

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// Where the settings of a buffer are changed.
const (
	settingsPath = "/backpressure"
	actionReset  = "reset"
)

// largestSettings bounds the body of a request in bytes.
const largestSettings = 4 << 10

// settingsBody answers a change: what is at work now.
type settingsBody struct {
	Stream    string       `json:"stream"`
	Settings  settingsNow  `json:"settings"`
	Overrides []Override   `json:"overrides"`
	State     Backpressure `json:"backpressure"`
}

type settingsNow struct {
	Enabled         bool   `json:"enabled"`
	PauseThreshold  int64  `json:"pause_threshold"`
	YieldThreshold  int64  `json:"yield_threshold"`
	ResumeThreshold int64  `json:"resume_threshold"`
	AlertAfter      string `json:"alert_after"`
}

// tune answers POST /backpressure, whose body names settings, and POST
// /backpressure/reset. They are those of one stream, which the query parameter stream
// names where several may be meant.
func tune(w http.ResponseWriter, r *http.Request, boards []*Board) {
	b, no := tuneBoard(w, r, slices.Clone(boards)) // which narrows them
	if no != nil {
		no.tell(w, r, boards)
		return
	}
	f, h := b.Figures().Buffer, b.Health()
	answer(w, http.StatusOK, settingsBody{
		Stream: b.stream, Overrides: h.Overrides, State: h.Metrics.Backpressure,
		Settings: settingsNow{
			Enabled: !f.PausingOff, PauseThreshold: f.PauseThreshold, YieldThreshold: f.YieldThreshold,
			ResumeThreshold: f.ResumeThreshold, AlertAfter: f.AlertAfter.String(),
		},
	})
}

func tuneBoard(w http.ResponseWriter, r *http.Request, boards []*Board) (*Board, *refusal) {
	action := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, settingsPath), "/")
	if action != "" && action != actionReset {
		return nil, refuse(http.StatusNotFound, "there is no %s: POST %s or %s/%s", r.URL.Path, settingsPath, settingsPath, actionReset)
	}
	if r.Method != http.MethodPost {
		return nil, refuse(http.StatusMethodNotAllowed, "use POST")
	}
	boards, no := authorize(r, boards)
	if no != nil {
		return nil, no
	}
	if boards, no = ofStream(boards, r.URL.Query().Get("stream")); no != nil {
		return nil, no
	}
	if len(boards) > 1 {
		return nil, refuse(http.StatusBadRequest, "there are several streams, name one of them (%s?stream=): %s", r.URL.Path, names(boards))
	}
	b := boards[0]
	if action == actionReset {
		return b, refusalOf(b.operatorFor(r).ResetSettings())
	}
	changes, err := readSettings(http.MaxBytesReader(w, r.Body, largestSettings))
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%v", err)
	}
	return b, refusalOf(b.operatorFor(r).ChangeSettings(changes))
}

// refusalOf is nil for no error.
func refusalOf(err error) *refusal {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrStopping):
		return refuse(http.StatusConflict, "%v", err)
	}
	return refuse(http.StatusBadRequest, "%v", err)
}

// readSettings reads one JSON object with something in it.
func readSettings(body io.Reader) (map[string]any, error) {
	const example = `the body must be a JSON object of settings, for example {"pause_threshold": "60%"}`
	d := json.NewDecoder(body)
	d.UseNumber() // as it was written
	var changes map[string]any
	if err := d.Decode(&changes); err != nil {
		return nil, fmt.Errorf("%s: %w", example, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) || len(changes) == 0 {
		return nil, errors.New(example)
	}
	return changes, nil
}

func names(boards []*Board) string {
	var ids []string
	for _, b := range boards {
		ids = append(ids, b.stream)
	}
	slices.Sort(ids)
	return strings.Join(ids, ", ")
}

// Operate calls f with the operator of the stream, for somebody who does not come over
// HTTP, unless it has none. From is what its log lines name.
func (b *Board) Operate(from string, f func(Operator)) {
	b.mu.Lock()
	op := b.operator
	b.mu.Unlock()
	if op != nil {
		f(op.By(from))
	}
}

// operatorFor is the operator that acts for a request.
func (b *Board) operatorFor(r *http.Request) Operator {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.operator.By(r.RemoteAddr)
}
