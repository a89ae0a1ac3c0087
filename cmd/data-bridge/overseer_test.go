package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"
)

// oversee notes a command line as the host does, and returns what is linted then.
func oversee(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	var o overseer
	flags := []cli.Flag{&cli.StringSliceFlag{Name: "resources", Aliases: []string{"r"}}, &cli.BoolFlag{Name: "labels"}}
	app := &cli.App{
		Flags:    []cli.Flag{&cli.StringFlag{Name: "config", Aliases: []string{"c"}}},
		Commands: []*cli.Command{{Name: "lint", Flags: flags, Action: o.note}, {Name: "run", Flags: flags, Action: o.note}},
	}
	require.NoError(t, app.Run(append([]string{"data-bridge"}, args...)))
	var text strings.Builder
	return o.lint(&text), text.String()
}

// Files are found as the host's lint finds them, their variables are filled in, and
// the line is named.
func TestLintFindsFaultsInFoldersAndVariables(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	const faulty = "input: {pausable_kafka: {records_per_message: ${FRAME_TEST_N:10}}}\npipeline:\n  processors: [{mapping: root = this}]\n"
	path := write("a/bad.yaml", faulty)
	write("a/good.yaml", "input: {pausable_kafka: {}}\n")
	write("a/broken.yaml", "input: [")
	write("a/notes.txt", faulty)
	silent := write("silent.yaml", "# BENTHOS LINT DISABLE\n"+faulty)
	shared := write("shared.yml", "processor_resources: [{label: apart, unframe: {}}]\n")
	named := write("named.yaml", "input: {pausable_kafka: {records_per_message: 10}}\npipeline: {processors: [{resource: apart}, {mapping: root = this}]}\n")

	for _, args := range [][]string{
		{"lint", "--labels", dir + "/a/..."}, {"lint", path}, {"lint", dir + "/*/bad.yaml"}, {"-c", path, "lint"},
	} {
		code, out := oversee(t, args...)
		assert.Equal(t, 1, code, args)
		assert.Equal(t, 1, strings.Count(out, "would see"), args)
		assert.Contains(t, out, path+"(3,1) pipeline.processors.0.mapping would see", args)
	}
	for _, args := range [][]string{
		{"lint", silent}, {"lint", filepath.Join(dir, "absent.yaml")}, {"lint", "-r", shared, named}, {"run", path},
	} {
		code, out := oversee(t, args...)
		assert.Zero(t, code, args)
		assert.Empty(t, out, args)
	}
	code, _ := oversee(t, "lint", named)
	assert.Equal(t, 1, code, "what it names is not known")
	t.Setenv("FRAME_TEST_N", "1")
	code, _ = oversee(t, "lint", path)
	assert.Zero(t, code)
}

// What is wrong with a field is said at its own line, not at that of its component.
func TestLintNamesTheLineOfAField(t *testing.T) {
	path := filepath.Join(t.TempDir(), "columns.yaml")
	require.NoError(t, os.WriteFile(path, []byte(`input:
  pausable_kafka:
    topics: [t]
output:
  label: ch
  clickhouse:
    table: ${TABLE:t}
    columns:
      a: this.a
      n.value: "@kafka_offset"
      b: "@kafka_key"
    max_in_flight: "2"
`), 0o600))
	_, out := oversee(t, "lint", path)
	for _, line := range []string{"(10,1) output.clickhouse.columns.n.value", "(11,1) output.clickhouse.columns.b", "(12,1) output.clickhouse.max_in_flight"} {
		assert.Contains(t, out, path+line)
	}
}
