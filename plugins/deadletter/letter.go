package deadletter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// The metadata that the output of ClickHouse gives a dead letter to say why it is one.
const (
	reason = "clickhouse_" // how all of it begins
	// why is always there: without it the names are the record's own.
	why = reason + "error"
	// own holds what the record itself had under these names.
	own = reason + "own"
)

// Letter is a record that could not be stored, and why: a line of a file. What is not
// known is left out of the line.
type Letter struct {
	At     time.Time `json:"at"` // when it was written
	Table  string    `json:"table,omitempty"`
	Column string    `json:"column,omitempty"`
	Error  string    `json:"error,omitempty"`
	Code   int       `json:"code,omitempty"` // of ClickHouse's exception
	// Reason is ProcessorError for a record that a processor of the stream had failed
	// at; the others do not fit their table.
	Reason   string `json:"reason,omitempty"`
	Attempts int    `json:"attempts,omitempty"`
	Source   string `json:"source,omitempty"` // topic[partition], stream or subject
	Offset   *int64 `json:"offset,omitempty"`
	// Metadata is what the record had beside its bytes when it reached the output;
	// MetadataBase64 holds those values that are no UTF-8.
	Metadata       map[string]string `json:"metadata,omitempty"`
	MetadataBase64 map[string][]byte `json:"metadata_base64,omitempty"`
	// Record is the record's bytes as they reached the output; RecordBase64, in place
	// of it, those that are no UTF-8.
	Record       *string `json:"record,omitempty"`
	RecordBase64 []byte  `json:"record_base64,omitempty"`
}

// ProcessorError is the reason of a letter whose record is as it was before a processor
// that failed.
const ProcessorError = "processor_error"

// ErrNoLetter says that a line is none that an output has written.
var ErrNoLetter = errors.New("no dead letter: an object with the field record or record_base64 is expected")

// Of returns the letter that a message makes.
func Of(m *service.Message, at time.Time) (*Letter, error) {
	body, err := m.AsBytes()
	if err != nil {
		return nil, err
	}
	l := &Letter{At: at}
	if utf8.Valid(body) {
		text := string(body)
		l.Record = &text
	} else {
		l.RecordBase64 = body
	}
	_, explained := m.MetaGet(why)
	return l, m.MetaWalk(func(key, value string) error {
		if !explained || !l.restore(key, value) && !l.explain(key, value) {
			l.keep(key, value)
		}
		return nil
	})
}

// keep notes metadata of the record.
func (l *Letter) keep(key, value string) {
	if utf8.ValidString(value) {
		l.Metadata = put(l.Metadata, key, value)
	} else {
		l.MetadataBase64 = put(l.MetadataBase64, key, []byte(value))
	}
}

// restore notes what the record had under the names that the reason took.
func (l *Letter) restore(key, value string) bool {
	var had map[string][]byte
	if key != own || json.Unmarshal([]byte(value), &had) != nil {
		return false
	}
	for key, value := range had {
		l.keep(key, string(value))
	}
	return true
}

func put[V any](m map[string]V, key string, value V) map[string]V {
	if m == nil {
		m = map[string]V{}
	}
	m[key] = value
	return m
}

// explain takes what the metadata says of the reason; whatever else it is stays
// metadata.
func (l *Letter) explain(key, value string) bool {
	name, ok := strings.CutPrefix(key, reason)
	if !ok || !utf8.ValidString(value) {
		return false
	}
	var err error
	switch name {
	case "table":
		l.Table = value
	case "column":
		l.Column = value
	case "error":
		l.Error = value
	case "code":
		l.Code, err = strconv.Atoi(value)
	case "attempts":
		l.Attempts, err = strconv.Atoi(value)
	case "reason":
		l.Reason = value
	case "source":
		l.Source = value
	case "source_offset":
		var offset int64
		if offset, err = strconv.ParseInt(value, 10, 64); err == nil {
			l.Offset = &offset
		}
	default:
		return false
	}
	return err == nil
}

// appendTo appends the letter as a line.
func (l *Letter) appendTo(lines *bytes.Buffer) error {
	e := json.NewEncoder(lines)
	e.SetEscapeHTML(false) // people read it, too
	return e.Encode(l)
}

// Parse reads a line. What the record was is not looked at.
func Parse(line []byte) (*Letter, error) {
	var l Letter
	if err := json.Unmarshal(line, &l); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoLetter, err)
	}
	if l.Record == nil && l.RecordBase64 == nil {
		return nil, ErrNoLetter
	}
	return &l, nil
}

// Message returns the record as it reached the output, with the metadata that it had,
// and without the reasons; nil of no letter.
func (l *Letter) Message() *service.Message {
	if l == nil {
		return nil
	}
	body := l.RecordBase64
	if l.Record != nil {
		body = []byte(*l.Record)
	}
	m := service.NewMessage(body)
	for key, value := range l.Metadata {
		m.MetaSetMut(key, value)
	}
	for key, value := range l.MetadataBase64 {
		m.MetaSetMut(key, string(value))
	}
	return m
}
