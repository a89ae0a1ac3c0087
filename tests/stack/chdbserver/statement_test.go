package main

import (
	"bytes"
	"io"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSettingsOfLeavesTheInterfacesOwnOut(t *testing.T) {
	params := url.Values{
		"query": {"SELECT 1"}, "database": {"market"}, "compress": {"1"}, "param_a": {"1"},
		"max_threads": {"2"}, "insert_deduplication_token": {`it's a \`},
	}
	assert.Equal(t, `insert_deduplication_token = 'it\'s a \\', max_threads = '2'`, settingsOf(params))
	assert.Empty(t, settingsOf(url.Values{"default_format": {"Native"}}))
}

func TestInsertFrom(t *testing.T) {
	for sql, want := range map[string]string{
		"INSERT INTO t (a, b) FORMAT Native":                                     "INSERT INTO t (a, b) FROM INFILE '/f' SETTINGS x = '1' FORMAT Native",
		"insert into `m`.`t` (a)\nSETTINGS y = 2\nFORMAT Native":                 "INSERT INTO `m`.`t` (a) FROM INFILE '/f' SETTINGS y = 2, x = '1' FORMAT Native",
		"INSERT INTO t(a) VALUES":                                                "INSERT INTO t (a) FROM INFILE '/f' SETTINGS x = '1' FORMAT Native",
		"INSERT INTO `a b (` (`x) FORMAT y`, n.a) SETTINGS z='(' FORMAT Native;": "INSERT INTO `a b (` (`x) FORMAT y`, n.a) FROM INFILE '/f' SETTINGS z='(', x = '1' FORMAT Native",
		"/* INSERT */ INSERT INTO TABLE FUNCTION file('x)', Native)":             "INSERT INTO FUNCTION file('x)', Native) FROM INFILE '/f' SETTINGS x = '1' FORMAT Native",
	} {
		stmt, ok := parseInsert(sql)
		require.True(t, ok, sql)
		require.NotEmpty(t, stmt.format(), sql)
		assert.Equal(t, want, stmt.fromFile("/f", "Native", "x = '1'"))
	}
	for _, sql := range []string{"INSERT INTO t VALUES (1)", "INSERT INTO t SELECT 1", "INSERT INTO t (SELECT 1)", "INSERT INTO t SELECT 1 FORMAT Native"} {
		stmt, ok := parseInsert(sql)
		require.True(t, ok, sql)
		assert.Empty(t, stmt.format(), sql)
	}
	_, ok := parseInsert("SELECT 1 FORMAT Native")
	assert.False(t, ok)
}

func TestPlain(t *testing.T) {
	for _, test := range []struct{ sql, settings, want, format string }{
		{"SELECT 1;", "", "SELECT 1", "Native"},
		{"SELECT 1 FORMAT JSON", "a = '1'", "SELECT 1 SETTINGS a = '1'", "JSON"},
		{"SELECT 1 SETTINGS b = 2", "a = '1'", "SELECT 1 SETTINGS b = 2, a = '1'", "Native"},
		{"INSERT INTO t (a) SELECT 1 FORMAT x", "a = '1'", "INSERT INTO t (a) SETTINGS a = '1' SELECT 1 FORMAT x", "Native"},
		{"INSERT INTO t SETTINGS b = 2 VALUES ('SETTINGS')", "a = '1'", "INSERT INTO t SETTINGS b = 2, a = '1' VALUES ('SETTINGS')", "Native"},
		{"CREATE TABLE t (n UInt8) ENGINE = Memory", "a = '1'", "CREATE TABLE t (n UInt8) ENGINE = Memory", "Native"},
	} {
		stmt, format := plain(test.sql, test.settings, "Native")
		assert.Equal(t, test.want, stmt)
		assert.Equal(t, test.format, format)
	}
}

func TestUnpackTellsAnEndFromABreak(t *testing.T) {
	data := bytes.Repeat([]byte("tick"), 1<<19) // more than one frame
	for _, method := range []string{"LZ4", "ZSTD"} {
		packed, err := pack(data, method)
		require.NoError(t, err)
		whole, err := io.ReadAll(unpack(bytes.NewReader(packed)))
		require.NoError(t, err)
		assert.True(t, bytes.Equal(data, whole))
		for _, size := range []int{1, 10, 25, len(packed) - 1} { // in the header, behind it, in the data
			_, err := io.ReadAll(unpack(bytes.NewReader(packed[:size])))
			assert.Error(t, err, "%s cut at %d", method, size)
		}
	}
}
