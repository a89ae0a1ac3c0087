package status_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

func TestALinkThatGoesDownIsAnIncident(t *testing.T) {
	b := status.NewBoard("")
	link := &b.Input("ticks", status.KindNATS).Link
	assert.Empty(t, b.Incidents(), "it never was up")
	link.Down(errors.New("dial tcp 127.0.0.1:4222: connection refused"))
	link.Down(errors.New("dial tcp 127.0.0.1:4222: connection refused"))
	require.Len(t, b.Incidents(), 1, "saying it again is no news")
	link.Up()
	link.Down(errors.New("EOF"))
	link.Closed()
	got := b.Incidents()
	require.Len(t, got, 2)
	assert.Equal(t, "input ticks", got[1].Component)
	assert.Equal(t, status.ClassDisconnected, got[1].Class)
	assert.Equal(t, "EOF", got[1].Message)

	b.Output("clickhouse").Link.Down(errors.New("no route"))
	assert.Equal(t, "output clickhouse", b.Incidents()[2].Component)
}

func TestAnInputReportsToItsBoard(t *testing.T) {
	b := status.NewBoard("")
	for range 2 {
		b.Input("candles", status.KindJetStream).Report(status.Incident{Class: status.ClassStalled, Message: "nothing comes", Count: 3})
	}
	got := b.Incidents()
	require.Len(t, got, 1)
	assert.Equal(t, "input candles", got[0].Component)
	assert.EqualValues(t, 6, got[0].Count)
	(&status.Input{}).Report(status.Incident{Class: status.ClassStalled, Message: "nobody listens", Count: 1})
}

func TestIncidentsThatDifferInNumbersAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := status.NewBoard("")
		out := b.Output("clickhouse")
		report := func(table, message string) {
			out.Report(status.Incident{Table: table, Class: "retry", Message: message, Count: 1})
		}
		report("ticks", "read tcp 127.0.0.1:40001->127.0.0.1:9000: EOF")
		report("candles", "read tcp 127.0.0.1:40002->127.0.0.1:9000: EOF")
		time.Sleep(time.Minute)
		report("ticks", "read tcp 127.0.0.1:40003->127.0.0.1:9000: EOF")
		out.Report(status.Incident{Table: "ticks", Class: "retry", Message: "nothing", Count: 0})

		got := b.Incidents()
		require.Len(t, got, 2)
		assert.Equal(t, "candles", got[0].Table)
		again := got[1]
		assert.Equal(t, "read tcp 127.0.0.1:40003->127.0.0.1:9000: EOF", again.Message, "the latest words")
		assert.EqualValues(t, 2, again.Count)
		assert.EqualValues(t, 1, again.Key)
		assert.EqualValues(t, 3, again.ID)
		assert.Equal(t, time.Minute, time.Time(again.Last).Sub(time.Time(again.First)))

		time.Sleep(11 * time.Minute)
		report("ticks", "read tcp 127.0.0.1:40004->127.0.0.1:9000: EOF")
		assert.Len(t, b.Incidents(), 3, "another outage")
	})
}

func TestIncidentsAreBoundedAndTellNoSecret(t *testing.T) {
	b := status.NewBoard("")
	out := b.Output("clickhouse")
	for i := range 250 {
		out.Report(status.Incident{Table: strings.Repeat("x", i), Class: "retry", Message: "full", Count: 1})
	}
	got := b.Incidents()
	require.Len(t, got, 100)
	assert.Len(t, got[0].Table, 150, "the oldest are forgotten")
	assert.Len(t, got[99].Table, 249)

	out.Report(status.Incident{Class: "retry", Message: "dial nats://bob:geheim@10.0.0.1:4222\nfailed: " + strings.Repeat("é", 300), Count: 1})
	last := b.Incidents()[99].Message
	assert.NotContains(t, last, "geheim")
	assert.NotContains(t, last, "\n")
	assert.Contains(t, last, "nats://***@10.0.0.1:4222")
	assert.LessOrEqual(t, len(last), 200)
	assert.True(t, utf8.ValidString(last), last)
}
