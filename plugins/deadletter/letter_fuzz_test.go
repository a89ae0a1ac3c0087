package deadletter

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

// FuzzParse reads any line of a file that is to be replayed: what is a letter is JSON, and
// is the same letter when it is written and read again.
func FuzzParse(f *testing.F) {
	for _, line := range []string{
		`{"at":"2026-01-01T00:00:00Z","table":"t","error":"x","code":469,"attempts":1,"source":"s[0]","offset":3,"metadata":{"a":"b"},"record":"{}"}`,
		`{"at":"2026-01-01T00:00:00.5+01:00","metadata_base64":{"a":"/w=="},"record_base64":"/w=="}`,
		`{"record":null}`, `{"record":""}`, `{"record_base64":""}`, `{"record":"\ud800"}`, `[]`, ``, `{"at":"9999-12-31T23:59:59+23:59","record":"a"}`, `{"record":"a","record":"b","RECORD":"c"}`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		l, err := Parse(line)
		if err != nil {
			require.ErrorIs(t, err, ErrNoLetter)
			return
		}
		require.True(t, json.Valid(line))
		if l.Record == nil && len(l.RecordBase64) == 0 {
			return // which only people write
		}
		var written bytes.Buffer
		if err := l.appendTo(&written); err != nil {
			return // a time that JSON cannot hold, which only people write
		}
		require.Equal(t, 1, bytes.Count(written.Bytes(), []byte("\n")), "a letter is a line")
		again, err := Parse(written.Bytes())
		require.NoError(t, err)
		want, err := l.Message().AsBytes()
		require.NoError(t, err)
		got, err := again.Message().AsBytes()
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.True(t, l.At.Equal(again.At))
		require.Equal(t, len(l.Metadata)+len(l.MetadataBase64), len(again.Metadata)+len(again.MetadataBase64))
	})
}

// FuzzLetter makes a letter of any record with any metadata: what is read of its line is
// that record, with that metadata.
func FuzzLetter(f *testing.F) {
	f.Add([]byte(`{"a":1}`), "key", "value", "t", "it failed")
	f.Add([]byte{0xff, 0}, "clickhouse_error", "\xff", "", "")
	f.Add([]byte("\u2028<>&\x00"), "a\nb", "\u2029", "t", "x")
	f.Add([]byte{}, "", "", "", "")
	f.Fuzz(func(t *testing.T, record []byte, key, value, table, why string) {
		m := service.NewMessage(record)
		m.MetaSetMut(key, value)
		if why != "" {
			m.MetaSetMut("clickhouse_error", why)
			m.MetaSetMut("clickhouse_table", table)
		}
		own, has := m.MetaGet(key) // if the reasons have not taken its name
		l, err := Of(m, time.Unix(1, 0))
		require.NoError(t, err)
		var line bytes.Buffer
		require.NoError(t, l.appendTo(&line))
		again, err := Parse(line.Bytes())
		require.NoError(t, err)
		back := again.Message()
		body, err := back.AsBytes()
		require.NoError(t, err)
		require.True(t, bytes.Equal(record, body), "%q became %q", record, body)
		if got, ok := back.MetaGet(key); has && !reasonFor(key) && validKey(key) {
			require.True(t, ok, key)
			require.Equal(t, own, got)
		}
	})
}

// reasonFor reports whether a name is one that reasons take.
func reasonFor(key string) bool { return len(key) >= len(reason) && key[:len(reason)] == reason }

// validKey reports whether JSON can hold a name as it is.
func validKey(key string) bool { return utf8.ValidString(key) }
