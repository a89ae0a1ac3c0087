package stack

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"testing"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// postForm sends a statement with a table of its own, and returns the status and the
// answer.
func postForm(t *testing.T, ch ClickHouse, query string, fields [][2]string, name, rows string) (int, string) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, field := range fields {
		require.NoError(t, form.WriteField(field[0], field[1]))
	}
	file, err := form.CreateFormFile(name, "rows")
	require.NoError(t, err)
	_, err = io.WriteString(file, rows)
	require.NoError(t, err)
	require.NoError(t, form.Close())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+ch.HTTPAddr()+"/?"+query, &body)
	require.NoError(t, err)
	req.SetBasicAuth(ch.User(), ch.Password())
	req.Header.Set("Content-Type", form.FormDataContentType())
	resp, err := httpClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

// A statement may bring a table of its own in a form: the stand-in takes what a real
// server takes.
func TestExternalTablesOverHTTP(t *testing.T) {
	for _, kind := range []string{KindLegacy, KindChDB} {
		t.Run(kind, func(t *testing.T) {
			ch := Shared.ClickHouse(t, kind)
			structure := [2]string{"mine_structure", "n UInt32, s String"}
			sql := "SELECT sum(n), max(s), 'FROM mine' AS `FROM mine` FROM mine"
			for name, c := range map[string]struct {
				query  string
				fields [][2]string
				rows   string
				want   string
			}{
				"in the form":             {"", [][2]string{{"query", sql}, structure}, "1\ta\n2\tb\n", "3\tb\tFROM mine\n"},
				"in the URL":              {"query=" + url.QueryEscape(sql), [][2]string{structure}, "1\ta\n2\tb\n", "3\tb\tFROM mine\n"},
				"another format":          {"", [][2]string{{"query", sql}, structure, {"mine_format", "CSV"}}, "1,a\n2,b\n", "3\tb\tFROM mine\n"},
				"no rows":                 {"", [][2]string{{"query", sql}, structure, {"mine_format", "Native"}}, "", "0\t\tFROM mine\n"},
				"with settings":           {"max_threads=1&max_rows_to_read=10", [][2]string{{"query", sql}, structure}, "1\ta\n", "1\ta\tFROM mine\n"},
				"of another name":         {"", [][2]string{{"query", "SELECT count() FROM mine_too"}, structure}, "1\ta\n", ""},
				"of no structure":         {"", [][2]string{{"query", sql}}, "1\ta\n", ""},
				"that is damaged":         {"", [][2]string{{"query", sql}, structure}, "x\ta\n", ""},
				"another one's structure": {"", [][2]string{{"query", sql}, {"other_structure", "n UInt32"}}, "1\ta\n", ""},
			} {
				t.Run(name, func(t *testing.T) {
					status, got := postForm(t, ch, c.query, c.fields, "mine", c.rows)
					t.Log(status, got)
					if c.want == "" {
						require.NotEqual(t, http.StatusOK, status)
						require.Contains(t, got, "DB::Exception")
						return
					}
					require.Equal(t, http.StatusOK, status, got)
					require.Equal(t, c.want, got)
				})
			}
		})
	}
}

// Over the native protocol it comes between the query and the block that ends its
// tables; of which one without rows has its columns all the same.
func TestExternalTablesOfTheNativeProtocol(t *testing.T) {
	ch := OverNative(Shared.ClickHouse(t, KindChDB))
	for _, compression := range []proto.Compression{proto.CompressionDisabled, proto.CompressionEnabled} {
		c := dialRaw(t, ch)
		if c.compression = compression; compression == proto.CompressionEnabled {
			c.compressor = compress.NewWriter(compress.LevelZero, compress.LZ4)
		}
		for rows, want := range map[int][]uint64{0: {0}, 3: {3}, 1000: {499_500}} {
			first, second := new(proto.ColUInt64), new(proto.ColUInt64)
			for i := range rows {
				if i%2 == 0 {
					first.Append(uint64(i))
				} else {
					second.Append(uint64(i))
				}
			}
			c.statement("SELECT sum(`a b`) AS n FROM mine")
			c.blockOf("mine", proto.InputColumn{Name: "a b", Data: first})
			if rows > 0 {
				c.blockOf("mine", proto.InputColumn{Name: "a b", Data: second})
			}
			c.block()
			got := new(proto.ColUInt64)
			a := c.answer(proto.Results{{Name: "n", Data: got}})
			require.Nil(t, a.exception)
			assert.Equal(t, want, []uint64(*got)[len(*got)-1:])
		}
	}
}
