package doctor

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/cmd/data-bridge/secret"
	"github.com/data-bridge-io/data-bridge/plugins/checkup"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

const (
	goodRecord = `{"id": 1, "name": "a"}`
	columns    = "id UInt32, name String"
	sorted     = "ORDER BY id"
)

// A healthy config passes on both engines; and whatever is looked at stays as it
// was: nothing is stored, there is no consumer and no group, and each message of a
// queue group still goes to its member.
func TestAHealthyConfigPassesAndNothingIsTouched(t *testing.T) {
	for _, kind := range []string{stack.KindLegacy, stack.KindChDB} {
		t.Run(kind, func(t *testing.T) {
			r := newRig(t, kind)
			engine := sorted
			if kind == stack.KindChDB {
				engine += " SETTINGS non_replicated_deduplication_window = 10000"
			}
			table := r.table(columns, engine)
			r.stream(jetstream.StreamConfig{}, goodRecord, goodRecord)
			r.topic(nil, goodRecord, goodRecord, goodRecord)
			var taken atomic.Int64
			_, err := r.nats.QueueSubscribe(r.id+".core", "bridge", func(*nats.Msg) { taken.Add(1) })
			require.NoError(t, err)
			stop := r.publishing(r.id+".core", goodRecord)
			defer stop()

			code, findings := examine(t, r.config([]string{r.coreInput(""), r.jetInput(""), r.kafkaInput("")}, "", ""), hears)

			assert.Equal(t, ExitWell, code)
			assert.NotEqual(t, checkup.Error, worst(findings))
			for input, saw := range map[string]string{
				"core": "20 records of 22 bytes (heard live", "jet": "2 records of 22 bytes (the last ones of stream", "kafka": "3 records of 22 bytes (the last ones of each partition",
			} {
				has(t, findings, checkup.OK, "connection", input, "its connection test passes")
				has(t, findings, checkup.OK, "sample", input, saw)
			}
			has(t, findings, checkup.OK, "records", "store", "(core, jet, kafka): all of 25 records fit")
			has(t, findings, checkup.OK, "retention", "jet", "outlasts 1h0m0s")
			has(t, findings, checkup.OK, "retention", "kafka", "outlasts 1h0m0s")
			has(t, findings, checkup.OK, "group", "kafka", "does not exist yet: run makes it, and it begins by start_offset: earliest; up to 2 replicas")
			has(t, findings, checkup.OK, "clock", "store", "agree")
			has(t, findings, checkup.OK, "memory", "buffer", "full, the stream holds")

			if kind == stack.KindLegacy {
				has(t, findings, checkup.Info, "disk", "store", "could not check")
			} else {
				has(t, findings, checkup.OK, "deduplication", "store", "remembers its last 10000 inserts")
			}

			assert.Equal(t, "0", r.rows(table))
			published := int64(stop())
			require.Eventually(t, func() bool { return taken.Load() == published }, patience, time.Millisecond, "%d published", published)
			r.assertNobodyCame()
		})
	}
}

// assertNobodyCame looks for consumers and groups that doctor might have left.
func (r *rig) assertNobodyCame() {
	r.t.Helper()
	stream, err := r.js.Stream(r.within(), r.id)
	require.NoError(r.t, err)
	assert.Zero(r.t, stream.CachedInfo().State.Consumers)
	for name := range stream.ConsumerNames(r.within()).Name() {
		assert.Fail(r.t, "a consumer was made", name)
	}
	groups, err := r.kafka.ListGroups(r.within())
	require.NoError(r.t, err)
	assert.NotContains(r.t, groups.Groups(), r.id)
}

func TestExitCodes(t *testing.T) {
	r := newRig(t, stack.KindLegacy)
	r.table(columns+", spare String", sorted)
	r.stream(jetstream.StreamConfig{}, goodRecord)
	yaml := r.config([]string{r.jetInput("")}, "", "")

	code, findings := examine(t, yaml)
	assert.Equal(t, checkup.Warning, worst(findings), "the column that no record has")
	assert.Equal(t, ExitWell, code)
	code, _ = examine(t, yaml, func(o *Options) { o.Strict = true })
	assert.Equal(t, ExitProblems, code)

	var out bytes.Buffer
	assert.Equal(t, ExitUnchecked, Run(t.Context(), testHost, options("nowhere.yaml"), &out, &out))
	assert.Contains(t, out.String(), "nowhere.yaml")

	out.Reset()
	path := filepath.Join(t.TempDir(), "bridge.yaml")
	require.NoError(t, os.WriteFile(path, []byte(yaml), 0o600))
	hasty := options(path)
	hasty.Timeout, hasty.Format = time.Millisecond, formatText
	assert.Equal(t, ExitUnchecked, Run(t.Context(), testHost, hasty, &out, &out))
	assert.Contains(t, out.String(), "not everything could be looked at within --timeout (1ms)")

	code, findings = examine(t, "input: [")
	assert.Equal(t, ExitProblems, code)
	has(t, findings, checkup.Error, "config", "config", "cannot be parsed")
}

// A sample of 0 looks at no records; what the metadata tells of tables is looked
// at all the same.
func TestWithoutASample(t *testing.T) {
	r := newRig(t, stack.KindLegacy)
	code, findings := examine(t, r.config([]string{r.coreInput("")}, "", ""), func(o *Options) { o.Sample = 0 })
	assert.Equal(t, ExitWell, code)
	has(t, findings, checkup.Info, "memory", "buffer", "could not check: without a sample")

	code, findings = examine(t, r.config([]string{r.coreInput("")}, "", ""), func(o *Options) { o.Wait = 50 * time.Millisecond })
	assert.Equal(t, ExitProblems, code)
	has(t, findings, checkup.Info, "sample", "core", "nothing came within --wait (50ms)")
	has(t, findings, checkup.Error, "table", "store", `table "default.`+r.id+`" does not exist`)
}

// No password, token or user info of a URL is printed, whoever words the error.
func TestSecretsAreNeverPrinted(t *testing.T) {
	r := newRig(t, stack.KindLegacy)
	r.table(columns, sorted)
	t.Setenv("STORE_PASSWORD", "geheim-1")
	yaml := `
input:
  label: core
  pausable_nats: {urls: ["nats://bridge:geheim-2@127.0.0.1:1"], subjects: [a]}
buffer: {backpressure: {status_server: {admin: {enabled: true, token: geheim-3-geheim-3-geheim-3}}}}
output:
  clickhouse: {addresses: ["` + r.house.Addr() + `"], password: "${STORE_PASSWORD}", table: t, dead_letter: {reject: geheim is a word}}
`
	path := filepath.Join(t.TempDir(), "bridge.yaml")
	require.NoError(t, os.WriteFile(path, []byte(yaml), 0o600))
	for _, format := range []string{formatText, formatJSON} {
		o := options(path)
		o.Format = format
		var out bytes.Buffer
		assert.Equal(t, ExitProblems, Run(t.Context(), testHost, o, &out, &out))
		t.Log(out.String())
		assert.Contains(t, out.String(), "refuses user")
		assert.Contains(t, out.String(), "127.0.0.1:1", "the URL is named")
		assert.NotContains(t, out.String(), "geheim-")
	}
	for _, saw := range []string{"wrong: geheim-1", "at nats://bridge:geheim-9@host"} {
		shown := hide(secret.Of(map[string]any{"password": "geheim-1"}, nil), []checkup.Finding{{Saw: saw}})
		assert.NotContains(t, shown[0].Saw, "geheim")
	}
}

// Inputs and outputs that are resources of the config are looked at where they
// stand, with processors of their own.
func TestResources(t *testing.T) {
	r := newRig(t, stack.KindLegacy)
	r.table(columns, sorted)
	r.stream(jetstream.StreamConfig{}, `{"n": 1}`)
	yaml := r.config([]string{"{resource: jet}"}, "", "")
	yaml = strings.Replace(yaml, "output:\n  label: store\n  clickhouse:", "output: {resource: store}\noutput_resources:\n- label: store\n  clickhouse:", 1)
	input := strings.TrimSuffix(r.jetInput(""), "}") + `, processors: [{mapping: "root = {\"id\": this.n, \"name\": \"a\"}"}]}`
	code, findings := examine(t, yaml+"input_resources: ["+input+"]\n")
	assert.Equal(t, ExitWell, code)
	has(t, findings, checkup.OK, "connection", "jet", "its connection test passes")
	has(t, findings, checkup.OK, "records", "store", "all of 1 records fit")
}
