package traffic

import (
	"bytes"
	"regexp"
	"strconv"

	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
)

// letter pads the record of a sequence.
func letter(seq int64) byte { return 'a' + byte(seq%26) }

// Body is the JSON of a record, whose part, sequence, size of its padding and poison
// are known. Every other poison row has a number that is none, the others are no JSON.
func Body(r model.Record) []byte {
	b := make([]byte, 0, 48+r.Size)
	b = append(b, `{"p":`...)
	b = strconv.AppendInt(b, int64(r.Part), 10)
	b = append(b, `,"n":`...)
	if r.Poison && r.Seq%2 == 0 {
		b = append(b, `"no `...)
		b = strconv.AppendInt(b, r.Seq, 10)
		b = append(b, '"')
	} else {
		b = strconv.AppendInt(b, r.Seq, 10)
	}
	b = append(b, `,"d":"`...)
	b = append(b, bytes.Repeat([]byte{letter(r.Seq)}, r.Size)...)
	if r.Poison && r.Seq%2 == 1 {
		return b
	}
	return append(b, `"}`...)
}

var head = regexp.MustCompile(`^\{"p":(\d+),"n":(?:"no )?(\d+)`)

// Identify tells which record a body is one of, whole or not.
func Identify(body []byte) (part int, seq int64, ok bool) {
	m := head.FindSubmatch(body)
	if m == nil {
		return 0, 0, false
	}
	part, err := strconv.Atoi(string(m[1]))
	if err != nil {
		return 0, 0, false
	}
	seq, err = strconv.ParseInt(string(m[2]), 10, 64)
	return part, seq, err == nil
}
