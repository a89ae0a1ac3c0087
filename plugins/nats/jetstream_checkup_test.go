package nats

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
)

// checkup returns what doctor would be told of the rig's input, one line each.
func (r *jetRig) checkup() string {
	r.t.Helper()
	report := checkup.NewReport("jet")
	r.in.Checkup(r.t.Context(), checkup.Facts{Outage: time.Hour}, nil, report)
	var lines []string
	for _, f := range report.Findings() {
		lines = append(lines, fmt.Sprintf("%s [%s] %s: %s", f.Severity, f.Check, f.Field, f.Saw))
	}
	return strings.Join(lines, "\n")
}

func TestDoctorSeesAConsumerBeyondItsStream(t *testing.T) {
	t.Parallel()
	s, js := jetServer(t)
	r := newJetRig(t, s.ClientURL(), js, "")
	r.publish(0, 10)
	r.standBeyond(1000)
	assert.Contains(t, r.checkup(), `warning [consumer] on_stream_reset: consumer "bridge" stands at sequence 1000, beyond the last one of stream "FEED" (10)`)
	assert.Contains(t, newJetRig(t, s.ClientURL(), js, "on_stream_reset: fail").checkup(), "error [consumer] on_stream_reset: ")
	assert.EqualValues(t, 1000, r.info().Delivered.Stream, "it only looks")
	r.deleteConsumer()
	assert.NotContains(t, r.checkup(), "stands at")
}

func TestDoctorNamesWhatACrashOfAServerCosts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		conf jetstream.StreamConfig
		want string
	}{
		"one replica":  {jetstream.StreamConfig{}, `info [durability] stream: stream "FEED" is on one server alone (replicas: 1)`},
		"asynchronous": {jetstream.StreamConfig{PersistMode: jetstream.AsyncPersistMode}, `warning [durability] stream: stream "FEED" writes asynchronously (persist_mode: async)`},
		"work queue":   {jetstream.StreamConfig{Retention: jetstream.WorkQueuePolicy}, `warning [retention] max_deliveries: stream "FEED" deletes what is settled`},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, withJetStream(t.TempDir()))
			js := jetClient(t, s.ClientURL())
			c.conf.Name, c.conf.Subjects = "FEED", []string{"feed.>"}
			_, err := js.CreateStream(t.Context(), c.conf)
			require.NoError(t, err)
			assert.Contains(t, newJetRig(t, s.ClientURL(), js, "max_deliveries: 3").checkup(), c.want)
		})
	}
}

// A batch of large records is no larger than what may wait.
func TestJetHoldsNoMoreThanItAsksFor(t *testing.T) {
	var in jetInput
	in.conf.pendingMessages, in.conf.pendingBytes, in.conf.count = 10_000, 32<<20, 5000
	assert.EqualValues(t, 3*(32<<20), in.Holds(100_000))
	assert.EqualValues(t, (10_000+2*5000)*100, in.Holds(100))
}
