package e2e

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// command is one that a document tells its reader to type.
type command struct{ document, line string }

var (
	documentsLine = regexp.MustCompile(`^ {4,}(\S.*)$`)
	documentsCode = regexp.MustCompile("`([^`\n]+)`")
	// ours are the words that a command begins with; all else in a document is output, or
	// needs what no test has, such as a cluster.
	ours = []string{"curl", "jq", "find", "make", "data-bridge", "bin/data-bridge"}
)

// commands are those of all documents, in blocks and in the text.
func commands(t *testing.T) (found []command) {
	t.Helper()
	texts, err := harness.Documents(root)
	require.NoError(t, err)
	for _, path := range slices.Sorted(maps.Keys(texts)) {
		for _, line := range append(blockCommands(texts[path]), spanCommands(texts[path])...) {
			if first, _, _ := strings.Cut(line, " "); slices.Contains(ours, first) {
				found = append(found, command{path, line})
			}
		}
	}
	require.Greater(t, len(found), 50, "the commands were not found")
	return found
}

// blockCommands are the indented lines, each with those that its quotes reach into.
func blockCommands(text string) (found []string) {
	open := false
	for line := range strings.Lines(text) {
		m := documentsLine.FindStringSubmatch(strings.TrimRight(line, "\n"))
		switch {
		case m == nil:
			open = false
		case open:
			found[len(found)-1] += "\n" + m[1]
			open = strings.Count(found[len(found)-1], `"`)%2 == 1
		default:
			found = append(found, m[1])
			open = strings.Count(m[1], `"`)%2 == 1
		}
	}
	return found
}

func spanCommands(text string) (found []string) {
	for _, m := range documentsCode.FindAllStringSubmatch(text, -1) {
		found = append(found, strings.ReplaceAll(m[1], `\|`, "|")) // as tables write it
	}
	return found
}

// What the documents say to ask a running bridge, its ClickHouse and its dead letters is answered.
func TestCommandsOfTheDocumentsAreAnswered(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"curl", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("NOT RUN: there is no", tool)
		}
	}
	r := newRig(t, stack.KindChDB)
	r.args = operable
	desk := desk{t: t, folder: filepath.Dir(r.env["DEAD_LETTER_PATH"]), page: freeAddress(t), metrics: freeAddress(t), clickhouse: r.ch.HTTPAddr()}
	b := r.start(env{"STATUS_ADDRESS": desk.page, "HTTP_ADDRESS": desk.metrics}).ready()
	for _, kind := range []marketdata.Kind{marketdata.Ticks, marketdata.Candles, marketdata.External} {
		r.publish(kind, 100)
		r.awaitStored(kind, 100)
	}
	r.produceBad(t)
	b.until("there is a dead letter", func(h harness.Health) bool { return h.Outputs["clickhouse"].DeadLetters > 0 })
	require.NoError(t, os.WriteFile(filepath.Join(desk.folder, "old.jsonl"), []byte(`{"a":1}`+"\n"), 0o600))

	ran := 0
	for _, c := range commands(t) {
		asks := slices.ContainsFunc([]string{"curl ", "jq ", "find "}, func(word string) bool { return strings.HasPrefix(c.line, word) })
		if asks && !strings.Contains(c.line, "/streams/") { // of streams mode
			ran++
			desk.run(c)
		}
	}
	assert.Greater(t, ran, 25, "the commands were not found")
}

// desk is where an operator sits.
type desk struct {
	t                         *testing.T
	folder                    string // with the dead letters
	page, metrics, clickhouse string // addresses
}

func (d *desk) run(c command) {
	here := strings.NewReplacer("127.0.0.1:8080", d.page, "$BRIDGE:8080", d.page, "$BRIDGE:4195", d.metrics, "<label>", "ticks")
	shell := exec.CommandContext(within(d.t), "bash", "-euo", "pipefail", "-c", `curl() { command curl --fail-with-body -sS "$@"; }`+"\n"+here.Replace(c.line))
	shell.Dir = d.folder
	shell.Env = append(os.Environ(), "ADMIN_TOKEN="+operatorToken, "CLICKHOUSE_HTTP=http://"+d.clickhouse)
	var faults bytes.Buffer
	shell.Stderr = &faults
	out, err := shell.Output() // of no input: whoever types it has none either
	if strings.HasPrefix(c.line, "jq ") || strings.Contains(c.line, "| jq ") {
		assert.True(d.t, len(out) > 0 || strings.Contains(c.line, " > "), "%s: %s: nothing is said", c.document, c.line)
	}
	assert.NoError(d.t, err, "%s: %s\n%s%s", c.document, c.line, out, faults.String())
}

var (
	documentsFlag = regexp.MustCompile(`(?:^|[\s\[])(--?[a-z][a-z-]*)`)
	makeTarget    = regexp.MustCompile(`(?m)^([a-z-]+):`)
)

// Subcommands, their flags and the targets of make that the documents name are there.
func TestCommandsOfTheDocumentsExist(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	targets := map[string]bool{}
	for _, m := range makeTarget.FindAllStringSubmatch(string(makefile), -1) {
		targets[m[1]] = true
	}
	help := map[string]string{"": output(t, "--help")}
	for _, c := range commands(t) {
		words := strings.Fields(strings.SplitN(c.line, "#", 2)[0])
		switch {
		case len(words) < 2:
		case words[0] == "make":
			assert.True(t, targets[words[1]], "%s: %s", c.document, c.line)
		case strings.HasSuffix(words[0], "data-bridge"):
			sub := words[1]
			if strings.HasPrefix(sub, "-") {
				sub = ""
			} else if !assert.Regexp(t, `(?m)^\s+`+regexp.QuoteMeta(sub)+`[,\s]`, help[""], "%s: %s", c.document, c.line) {
				continue
			}
			if _, ok := help[sub]; !ok {
				help[sub] = output(t, sub, "--help")
			}
			for _, m := range documentsFlag.FindAllStringSubmatch(strings.Join(words[1:], " "), -1) {
				assert.Regexp(t, `(^|[\s,])`+m[1]+`[\s,]`, help[sub], "%s: %s", c.document, c.line)
			}
		}
	}
}
