package stack

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

func generator(t *testing.T, kind marketdata.Kind) *marketdata.Generator {
	t.Helper()
	g, err := marketdata.New(1, kind, unique(t.Name()))
	require.NoError(t, err)
	return g
}

func TestTicksToNATS(t *testing.T) {
	nc, err := Shared.NATS(t).Connect()
	require.NoError(t, err)
	defer nc.Close()
	received := make(chan struct{})
	const count = 100_000
	n := 0
	sub, err := nc.Subscribe("t1.ticks.*", func(*nats.Msg) {
		if n++; n == count {
			close(received)
		}
	})
	require.NoError(t, err)
	require.NoError(t, sub.SetPendingLimits(-1, -1))

	began := time.Now()
	published, err := marketdata.Publish(t.Context(), marketdata.NATSSink(nc, "t1.ticks"), generator(t, marketdata.Ticks),
		marketdata.Shape{Count: count})
	require.NoError(t, err)
	assert.EqualValues(t, count, published)
	t.Logf("%.0f ticks/s", count/time.Since(began).Seconds())
	select {
	case <-received:
	case <-time.After(patience):
		t.Fatal("not all ticks arrived")
	}
}

func TestCandlesToJetStream(t *testing.T) {
	nc, err := Shared.NATS(t).Connect()
	require.NoError(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	ctx := within(t, patience)
	name := unique("candles")
	stream, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{name + ".>"}})
	require.NoError(t, err)
	published, err := marketdata.Publish(ctx, marketdata.JetStreamSink(js, name), generator(t, marketdata.Candles),
		marketdata.Shape{Count: 5000})
	require.NoError(t, err)
	assert.EqualValues(t, 5000, published)
	info, err := stream.Info(ctx)
	require.NoError(t, err)
	assert.EqualValues(t, 5000, info.State.Msgs)
}

func TestExternalToKafka(t *testing.T) {
	k, ctx := Shared.Kafka(t), within(t, patience)
	topic := unique("external")
	require.NoError(t, k.CreateTopic(ctx, topic, 3))
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Brokers()...))
	require.NoError(t, err)
	defer client.Close()
	published, err := marketdata.Publish(ctx, marketdata.KafkaSink(client, topic), generator(t, marketdata.External),
		marketdata.Shape{Count: 5000})
	require.NoError(t, err)
	assert.EqualValues(t, 5000, published)
	assert.Len(t, consume(ctx, t, k, topic, "g-"+topic, 5000), 5000)
}

// TestRecordsFitTheirTables lets ClickHouse itself parse what is generated.
func TestRecordsFitTheirTables(t *testing.T) {
	ch, ctx := Shared.ClickHouse(t, KindChDB), within(t, patience)
	require.NoError(t, ApplySQL(ctx, ch, "config/sql"))
	for _, kind := range marketdata.Kinds() {
		stream := unique(t.Name())
		g, err := marketdata.New(1, kind, stream)
		require.NoError(t, err)
		insert := []byte("INSERT INTO market." + string(kind) + " SETTINGS date_time_input_format = 'best_effort', input_format_skip_unknown_fields = 0 FORMAT JSONEachRow\n")
		for range 1000 {
			insert = append(g.AppendNext(insert), '\n')
		}
		require.NoError(t, ch.Exec(ctx, string(insert)))
		assert.Equal(t, [][]string{{"1000", "1000", "1000"}}, query(ctx, t, ch,
			"SELECT count(), uniqExact(seq), max(seq) FROM market."+string(kind)+" WHERE stream = '"+stream+"'"))
	}
}
