package nats

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const goodJet = goodURLs + "stream: FEED\ndurable: bridge\n"

func jetBuildError(yaml string) error {
	conf, err := jetSpec().ParseYAML(yaml, nil)
	if err != nil {
		return err
	}
	_, err = newJetInputFromConfig(conf, service.MockResources())
	return err
}

func TestBadJetStreamConfigIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		yaml string
		want []string
	}{
		"no urls":               {"urls: []\nstream: FEED\ndurable: bridge", []string{"urls is empty"}},
		"stream with a dot":     {goodURLs + "stream: a.b\ndurable: bridge", []string{"stream", `"a.b" is no name`}},
		"durable with a space":  {goodURLs + "stream: FEED\ndurable: 'a b'", []string{"durable", `"a b" is no name`}},
		"subject":               {goodJet + "subjects: ['a..b']", []string{"subjects", "a..b"}},
		"subject twice":         {goodJet + "subjects: [a, a]", []string{"subjects", "twice"}},
		"subjects of a bound":   {goodJet + "bind: true\nsubjects: [a]", []string{"subjects", "bound", "leave the list empty"}},
		"deliver":               {goodJet + "deliver: some", []string{"some"}},
		"ack_policy":            {goodJet + "ack_policy: none", []string{"none"}},
		"no start_sequence":     {goodJet + "deliver: by_start_sequence", []string{"start_sequence (0)", "at least 1"}},
		"needless sequence":     {goodJet + "start_sequence: 3", []string{"start_sequence", "by_start_sequence only", "deliver is all"}},
		"no start_time":         {goodJet + "deliver: by_start_time", []string{"start_time", `""`, "2026-01-31T00:00:00Z"}},
		"start_time":            {goodJet + "deliver: by_start_time\nstart_time: monday", []string{"start_time", "monday"}},
		"needless start_time":   {goodJet + "start_time: 2026-01-31T00:00:00Z", []string{"start_time", "by_start_time only"}},
		"ack_wait":              {goodJet + "ack_wait: 10ms", []string{"ack_wait", "10ms", "at least 100ms"}},
		"max_ack_pending of 0":  {goodJet + "max_ack_pending: 0", []string{"max_ack_pending (0)", "-1 for any number"}},
		"max_ack_pending small": {goodJet + "max_ack_pending: 1024", []string{"max_ack_pending (1024)", "pending_limits.messages (10000)"}},
		"max_deliveries":        {goodJet + "max_deliveries: -1", []string{"max_deliveries", "-1", "at least 0"}},
		"on_stream_reset":       {goodJet + "on_stream_reset: maybe", []string{"maybe"}},
		"domain and prefix":     {goodJet + "domain: hub\napi_prefix: JS.API", []string{"api_prefix: domain is set too"}},
		"api_prefix":            {goodJet + "api_prefix: JS.API.", []string{`api_prefix: "JS.API." is no prefix of subjects`}},
		"domain":                {goodJet + "domain: 'a b'", []string{`domain: "a b" is no prefix`}},
		"inbox_prefix":          {goodJet + "inbox_prefix: a.>", []string{`inbox_prefix: "a.>" is no prefix`}},
		"record_metadata":       {goodJet + "record_metadata: [nats_color]", []string{"record_metadata", "nats_color", "nats_sequence_stream"}},
		"batch.count":           {goodJet + "batch: {count: 0}", []string{"batch.count", "at least 1"}},
		"limit under a batch":   {goodJet + "pending_limits: {messages: 10}", []string{"pending_limits.messages (10)", "batch.count (5000)"}},
	} {
		t.Run(name, func(t *testing.T) {
			lint, built := lintInput(t, jetName, c.yaml), jetBuildError(c.yaml)
			for _, want := range c.want {
				assert.Contains(t, lint, want, "lint")
				assert.ErrorContains(t, built, want, "constructor")
			}
		})
	}
}

// The threshold is the buffer's and known when the stream runs: until then the
// default is what can be compared with.
func TestLintKnowsThatAnAckLimitDefeatsTheGate(t *testing.T) {
	yaml := goodJet + "max_ack_pending: 40000"
	assert.Contains(t, lintInput(t, jetName, yaml), "max_ack_pending (40000) is not above 40000, the default pause_threshold")
	require.NoError(t, jetBuildError(yaml))
}

func TestGoodJetStreamConfigIsAccepted(t *testing.T) {
	for name, yaml := range map[string]string{
		"minimal":  goodJet,
		"bound":    goodJet + "bind: true\nmax_ack_pending: 1000",
		"sequence": goodJet + "deliver: by_start_sequence\nstart_sequence: 7",
		"everything": goodJet + `
subjects: ['market.>', feed.a]
deliver: by_start_time
start_time: 2026-01-31T00:00:00+01:00
ack_policy: all
ack_wait: 1m
max_ack_pending: -1
max_deliveries: 5
on_stream_reset: fail
domain: hub
inbox_prefix: _OURS.bridge
metadata: {table: candles}
record_metadata: [nats_sequence_stream, nats_sequence_consumer, nats_num_delivered, nats_num_pending, nats_timestamp_unix_nano, headers]
batch: {count: 1, period: 0s}
pending_limits: {messages: 1, bytes: 1}
name: bridge-1
tls: {enabled: true}
auth: {user: a, password: b}
gate: market
`,
	} {
		t.Run(name, func(t *testing.T) {
			assert.Empty(t, lintInput(t, jetName, yaml))
			assert.NoError(t, jetBuildError(yaml))
		})
	}
}
