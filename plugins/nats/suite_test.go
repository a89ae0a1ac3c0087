package nats

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// The host's own suite of stream tests needs an output for the server that an
// input reads from. This one exists in tests alone.
const suiteOutputName = "suite_nats"

func init() {
	spec := service.NewConfigSpec().Fields(
		service.NewStringField("url"),
		service.NewStringField("subject"),
		service.NewBoolField("jetstream").Default(false).
			Description("Publish to a stream and wait until it has the message, instead of waiting for a subscriber first."),
	)
	service.MustRegisterBatchOutput(suiteOutputName, spec, newSuiteOutput)
}

// suiteServers are the servers, by URL, whose subscriptions the output looks
// up: core NATS forgets what is sent before its reader has subscribed.
var suiteServers sync.Map

// forSuite makes a server known to the suite's output and returns its URL.
func forSuite(s *server.Server) string {
	suiteServers.Store(s.ClientURL(), s)
	return s.ClientURL()
}

type suiteOutput struct {
	url, subject string
	persistent   bool

	conn *nats.Conn
	js   jetstream.JetStream
}

func newSuiteOutput(conf *service.ParsedConfig, _ *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
	p := fields{conf: conf}
	o := &suiteOutput{url: p.string("url"), subject: p.string("subject"), persistent: p.bool("jetstream")}
	return o, service.BatchPolicy{}, 1, p.err
}

func (o *suiteOutput) Connect(context.Context) (err error) {
	if o.conn, err = nats.Connect(o.url, lasting); err != nil {
		return err
	}
	o.js, err = jetstream.New(o.conn, jetstream.WithDefaultTimeout(patience))
	return err
}

func (o *suiteOutput) WriteBatch(ctx context.Context, batch service.MessageBatch) error {
	if err := o.awaitReader(ctx); err != nil {
		return err
	}
	for _, m := range batch {
		if err := o.publish(ctx, m); err != nil {
			return err
		}
	}
	return o.conn.FlushTimeout(patience)
}

func (o *suiteOutput) publish(ctx context.Context, m *service.Message) error {
	data, err := m.AsBytes()
	if err != nil {
		return err
	}
	msg := nats.NewMsg(o.subject)
	msg.Data = data
	err = m.MetaWalk(func(key, value string) error {
		msg.Header.Set(key, value)
		return nil
	})
	switch {
	case err != nil:
		return err
	case o.persistent:
		_, err = o.js.PublishMsg(ctx, msg)
		return err
	}
	return o.conn.PublishMsg(msg)
}

// awaitReader waits until somebody has subscribed to the subject.
func (o *suiteOutput) awaitReader(ctx context.Context) error {
	known, ok := suiteServers.Load(o.url)
	if o.persistent || !ok {
		return nil
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		found, err := known.(*server.Server).Subsz(&server.SubszOptions{Subscriptions: true, Account: "$G", Test: o.subject})
		if err != nil || found.Total > 0 {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (o *suiteOutput) Close(context.Context) error {
	if o.conn != nil {
		o.conn.Close()
	}
	return nil
}
