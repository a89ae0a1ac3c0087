package harness

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// Letter is a line of a file of dead letters.
type Letter struct {
	Table, Column, Error, Record, Source string
	Offset                               *int64
	Base64                               []byte `json:"record_base64"`
	Metadata                             map[string]string
}

// Bytes are those of the record, as it reached the output.
func (l Letter) Bytes() []byte {
	if l.Base64 != nil {
		return l.Base64
	}
	return []byte(l.Record)
}

// Letters returns the dead letters of a file.
func Letters(path string) (letters []Letter, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading dead letters: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		var l Letter
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			return letters, fmt.Errorf("reading the dead letter %q: %w", line, err)
		}
		letters = append(letters, l)
	}
	return letters, nil
}
