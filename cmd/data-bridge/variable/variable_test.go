package variable_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/cmd/data-bridge/variable"
)

// awkward are values that mean something in YAML, in the host's variables, or in Go.
var awkward = []string{
	"abc #def", "007", "a: b", "true", "null", "~", `"q"`, "'s'", "it's", `back\slash`, `\n`, `trailing\`, "${x}", "${{x}}", "${x:y}", "${! now() }", "$", "$$",
	"[::]:8080", "@at", "*star", "&and", "!bang", "%41", "{x", "[x", "- x", "? x", "> x", "| x", "`tick`", " lead", "tail ", "a,b", "a, b: c", "1e5", "2024-01-01", ":", "#", "key: [",
	"a\nb", "tab\there", "\x01", "Ünïcødé 🔑", "\u0085\u2028\ufeff", `mixed "q" 's' \ #: ${x} {{ }}`, "xVariable0x",
}

// read has the host fill in the variables of a config and returns a field of it.
func read(t *testing.T, text string, lookup variable.Lookup, path ...string) (any, error) {
	t.Helper()
	q := service.NewEnvironment().FullConfigSchema("", "").NewConfigQuerier()
	q.SetEnvVarLookupFunc(lookup)
	file, err := q.ParseYAML(text)
	if err != nil {
		return nil, err
	}
	field, err := file.FieldAtPath(path...)
	require.NoError(t, err)
	return field.FieldString()
}

// Whatever the value, it is what the config has.
func TestAnyStringIsReadAsItIs(t *testing.T) {
	for name, text := range map[string]string{
		"double":        "shutdown_delay: \"${VALUE}\"",
		"with default":  "shutdown_delay: \"${VALUE:a default}\" # ${VALUE} in a comment",
		"single":        "shutdown_delay: '${VALUE}'",
		"within a flow": "{shutdown_delay: \"${VALUE}\", shutdown_timeout: \"${OTHER:x}\"}",
	} {
		t.Run(name, func(t *testing.T) {
			for _, value := range awkward {
				if name == "single" && (value == "a\nb" || value == "${{x}}" || value == "\x01" || value == "\u0085\u2028\ufeff" || value == "tab\there") {
					continue // there is no escape in single quotes
				}
				t.Setenv("VALUE", value)
				got, err := read(t, text, variable.Of(text), "shutdown_delay")
				if assert.NoError(t, err, "%q", value) {
					assert.Equal(t, value, got)
				}
			}
		})
	}
}

// A whole value without quotes is read as it is unless it has a type of its own, or is
// a list that one may mean.
func TestPlainValues(t *testing.T) {
	text := "shutdown_delay: ${VALUE}\nshutdown_timeout: ${OTHER:5s} # more\n"
	typed := map[string]bool{"007": true, "true": true, "null": true, "~": true, "1e5": true, "2024-01-01": true, `"q"`: true, "'s'": true, "- x": true, "": true}
	for _, value := range awkward {
		if typed[value] {
			continue
		}
		t.Setenv("VALUE", value)
		got, err := read(t, text, variable.Of(text), "shutdown_delay")
		if assert.NoError(t, err, "%q", value) {
			assert.Equal(t, value, got)
		}
	}
	for value, want := range map[string]string{"[a, b]": "[a, b]", "{a: b}": "{a: b}", "5": "5", "true": "true", `"quoted"`: `"quoted"`, "5s": "5s"} {
		t.Setenv("VALUE", value)
		got, _ := variable.Of(text)(t.Context(), "VALUE")
		assert.Equal(t, want, got, "as before")
	}
	t.Setenv("PART", `a"b`)
	got, _ := variable.Of("shutdown_delay: x${PART}")(t.Context(), "PART")
	assert.Equal(t, `a"b`, got, "a part of a plain value is put there as it is")
	_, ok := variable.Of(text)(t.Context(), "NOT_THERE")
	assert.False(t, ok)
}

// Files are looked at again when they change, and a variable that would need two
// texts is told of.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.yaml")
	write := func(path, text string, age time.Duration) {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		at := time.Now().Add(-age)
		require.NoError(t, os.Chtimes(path, at, at))
	}
	t.Setenv("VALUE", `a"b`)
	var warnings bytes.Buffer
	files := &variable.Files{Warnings: &warnings}
	lookup := func() string {
		text, ok := files.Lookup(context.Background(), "VALUE")
		require.True(t, ok)
		return text
	}
	assert.Equal(t, `a"b`, lookup(), "no file is known")
	write(a, `a: "${VALUE}"`, time.Hour)
	files.Add(a, filepath.Join(dir, "nowhere.yaml"))
	assert.Equal(t, `a\"b`, lookup())
	write(a, `a: x-${VALUE}`, time.Minute)
	assert.Equal(t, `a"b`, lookup())
	assert.Empty(t, warnings.String())
	write(b, `b: "${VALUE}"`, time.Minute)
	files.Add(b)
	assert.Equal(t, `a"b`, lookup())
	lookup()
	assert.Equal(t, 1, bytes.Count(warnings.Bytes(), []byte("\n")))
	assert.Contains(t, warnings.String(), "VALUE")
	assert.NotContains(t, warnings.String(), `a"b`)
	t.Setenv("VALUE", "simple")
	assert.Equal(t, "simple", lookup())
	_, ok := files.Lookup(context.Background(), "NOT_THERE")
	assert.False(t, ok)
}
