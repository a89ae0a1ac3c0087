package nats

import (
	"fmt"
	"strings"
	"testing"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const goodURLs, goodSubjects = "urls: ['nats://127.0.0.1:4222']\n", "subjects: ['market.ticks.>']\n"

// Every bad value is refused by lint and, for those who skip lint, by the
// constructor; both name the field, the value and what would be right.
func TestBadConfigIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		yaml string
		want []string
	}{
		"no urls":             {goodSubjects + "urls: []", []string{"urls is empty", "nats://127.0.0.1:4222"}},
		"empty url":           {goodSubjects + "urls: ['']", []string{"urls", `""`, "nats://host:port"}},
		"url scheme":          {goodSubjects + "urls: ['http://127.0.0.1:4222']", []string{"urls", "http://127.0.0.1:4222", "tls, ws or wss"}},
		"second url in item":  {goodSubjects + "urls: ['nats://a:1,kafka://b:2']", []string{"urls", "kafka://b:2"}},
		"url with spaces":     {goodSubjects + "urls: ['nats://a b:4222']", []string{"urls", "nats://a b:4222"}},
		"secret in a bad url": {goodSubjects + "urls: ['http://u:hunter2@h:1']", []string{"urls", "http://***@h:1"}},
		"no subjects":         {goodURLs + "subjects: []", []string{"subjects is empty", "market.ticks.>"}},
		"subject with space":  {goodURLs + "subjects: ['a b']", []string{"subjects", "a b", "without spaces"}},
		"empty token":         {goodURLs + "subjects: ['a..b']", []string{"subjects", "a..b", "single dots"}},
		"trailing dot":        {goodURLs + "subjects: ['a.']", []string{"subjects", `"a."`}},
		"empty subject":       {goodURLs + "subjects: ['']", []string{"subjects", `""`}},
		"> not last":          {goodURLs + "subjects: ['a.>.b']", []string{"subjects", "a.>.b", "> only as the last one"}},
		"subject twice":       {goodURLs + "subjects: [a, a]", []string{"subjects", "twice"}},
		"queue with a space":  {goodURLs + goodSubjects + "queue: 'a b'", []string{"queue", "a b", "space"}},
		"on_pause":            {goodURLs + goodSubjects + "on_pause: hold", []string{"hold"}},
		"leave by oneself":    {goodURLs + goodSubjects + "on_pause: leave", []string{"on_pause: leave is for a queue group"}},
		"batch.count":         {goodURLs + goodSubjects + "batch: {count: 0}", []string{"batch.count", "0", "at least 1"}},
		"batch.period":        {goodURLs + goodSubjects + "batch: {period: -1s}", []string{"batch.period", "-1s", "0s or more"}},
		"limit under a batch": {
			goodURLs + goodSubjects + "batch: {count: 100}\npending_limits: {messages: 99}",
			[]string{"pending_limits.messages (99)", "batch.count (100)"},
		},
		"limit under the default batch": {
			goodURLs + goodSubjects + "pending_limits: {messages: 10}",
			[]string{"pending_limits.messages (10)", "batch.count (5000)"},
		},
		"pending_limits.bytes": {
			goodURLs + goodSubjects + "pending_limits: {bytes: 0}",
			[]string{"pending_limits.bytes", "0", "at least 1"},
		},
		"records_per_message":        {goodURLs + goodSubjects + "records_per_message: 0", []string{"records_per_message", "0", "at least 1"}},
		"metadata of framed records": {goodURLs + goodSubjects + "records_per_message: 10\nrecord_metadata: [headers]", []string{"record_metadata", "records_per_message (10)"}},
		"batch.byte_size":            {goodURLs + goodSubjects + "batch: {byte_size: 0}", []string{"batch.byte_size", "0", "at least 1"}},
		"conflate.max_keys":          {goodURLs + goodSubjects + "conflate: {max_keys: 0}", []string{"conflate.max_keys", "0", "at least 1"}},
		"conflate.max_bytes":         {goodURLs + goodSubjects + "conflate: {max_bytes: -1}", []string{"conflate.max_bytes", "-1", "at least 1"}},
		"literal conflate.key":       {goodURLs + goodSubjects + "conflate: {key: symbol}", []string{"conflate.key", `"symbol"`, `${! json("symbol") }`}},
		"broken conflate.key":        {goodURLs + goodSubjects + "conflate: {key: '${! json( }'}", []string{"expected function argument"}},
		"record_metadata":            {goodURLs + goodSubjects + "record_metadata: [nats_subject]", []string{"record_metadata", `"nats_subject"`, "headers"}},
		"two ways to authenticate":   {goodURLs + goodSubjects + "auth: {user: a, token: hunter2}", []string{"auth", "set one"}},
		"password without user":      {goodURLs + goodSubjects + "auth: {password: hunter2}", []string{"auth", "user"}},
		"reconnect_wait":             {goodURLs + goodSubjects + "reconnect_wait: -1s", []string{"reconnect_wait", "-1s"}},
		"reconnect_jitter":           {goodURLs + goodSubjects + "reconnect_jitter: -1s", []string{"reconnect_jitter", "-1s"}},
	} {
		t.Run(name, func(t *testing.T) {
			lint := lintOf(t, c.yaml)
			built := buildError(c.yaml)
			for _, want := range c.want {
				assert.Contains(t, lint, want, "lint")
				assert.ErrorContains(t, built, want, "constructor")
			}
			assert.NotContains(t, lint, "hunter2")
			assert.NotContains(t, fmt.Sprint(built), "hunter2")
		})
	}
}

func TestLintRefusesWhatIsNoDuration(t *testing.T) {
	assert.Contains(t, lintOf(t, goodURLs+goodSubjects+"batch: {period: soon}"), `batch.period: "soon" is no duration`)
	require.Error(t, buildError(goodURLs+goodSubjects+"batch: {period: soon}"))
}

func TestMandatoryFields(t *testing.T) {
	assert.Contains(t, lintOf(t, goodURLs), "subjects")
	assert.Contains(t, lintOf(t, goodSubjects), "urls")
}

func TestGoodConfigIsAccepted(t *testing.T) {
	for name, yaml := range map[string]string{
		"minimal":   goodURLs + goodSubjects,
		"wildcards": goodURLs + "subjects: ['>', 'a.*.b', '*', 'a-b_c.D1']",
		"urls":      "urls: ['localhost', '10.0.0.1:4222', 'tls://u:p@h.example:4222,wss://[::1]:443/nats']\n" + goodSubjects,
		"everything": goodURLs + goodSubjects + `
queue: bridge
on_pause: conflate
conflate: {key: '${! json("symbol") }', max_keys: 1, max_bytes: 1}
metadata: {table: ticks}
record_metadata: [nats_reply_subject, headers]
batch: {count: 1, byte_size: 1, period: 0s}
pending_limits: {messages: 1, bytes: 1}
auto_replay_nacks: true
name: bridge-1
reconnect_wait: 1s
reconnect_jitter: 0s
tls: {enabled: true}
auth: {user: a, password: b}
gate: market
`,
	} {
		t.Run(name, func(t *testing.T) {
			assert.Empty(t, lintOf(t, yaml))
			assert.NoError(t, buildError(yaml))
		})
	}
}

func TestEveryFieldIsDescribed(t *testing.T) {
	view, ok := service.GlobalEnvironment().GetInputConfig(coreName)
	require.True(t, ok)
	data, err := view.TemplateData()
	require.NoError(t, err)
	for _, f := range data.Fields {
		if strings.HasPrefix(f.FullName, fieldTLS) {
			continue // the host's own
		}
		assert.NotEmpty(t, f.Description, f.FullName)
		if !strings.Contains(f.Type, "object") {
			assert.NotEmpty(t, f.ExamplesMarshalled, f.FullName)
		}
	}
}

func lintOf(t *testing.T, yaml string) string { return lintInput(t, coreName, yaml) }

func lintInput(t *testing.T, name, yaml string) string {
	t.Helper()
	indented := "  " + strings.ReplaceAll(strings.TrimSpace(yaml), "\n", "\n  ")
	lints, err := service.GlobalEnvironment().NewComponentConfigLinter().LintInputYAML([]byte(name + ":\n" + indented))
	require.NoError(t, err)
	var all []string
	for _, l := range lints {
		all = append(all, l.What)
	}
	return strings.Join(all, "\n")
}

func buildError(yaml string) error {
	conf, err := coreSpec().ParseYAML(yaml, nil)
	if err != nil {
		return err
	}
	_, err = newCoreInputFromConfig(conf, service.MockResources())
	return err
}
