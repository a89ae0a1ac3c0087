package nats

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/redpanda-data/benthos/v4/public/service"
	"golang.org/x/time/rate"
)

// keyFunc tells the key of a message; ok is false if it has none. It is called
// by the callbacks of nats.go, several at a time.
type keyFunc func(*nats.Msg) (key string, ok bool)

// keyBy evaluates an expression, which sees the message with all its metadata,
// headers included. It is nil for no expression.
func keyBy(expr *service.InterpolatedString, static map[string]string, log *service.Logger) keyFunc {
	if expr == nil {
		return nil
	}
	complain := rate.Sometimes{Interval: 5 * time.Second}
	return func(m *nats.Msg) (string, bool) {
		key, err := expr.TryString(messageForKey(m, static))
		if err != nil {
			complain.Do(func() {
				log.With("subject", m.Subject, "error", err).
					Warnf("%s.%s cannot be told of a message, which is dropped by the pause", fieldConflate, fieldKey)
			})
		}
		return key, err == nil
	}
}

func messageForKey(m *nats.Msg, static map[string]string) *service.Message {
	out := service.NewMessage(m.Data)
	for k, v := range m.Header {
		if len(v) > 0 {
			out.MetaSetMut(k, v[0])
		}
	}
	out.MetaSetMut(metaSubject, m.Subject)
	if m.Reply != "" {
		out.MetaSetMut(metaReply, m.Reply)
	}
	for k, v := range static {
		out.MetaSetMut(k, v)
	}
	return out
}

// parseKey reads the expression; it is nil if the key is the subject.
func parseKey(conf *service.ParsedConfig) (*service.InterpolatedString, error) {
	expr, err := conf.FieldInterpolatedString(fieldConflate, fieldKey)
	if err != nil {
		return nil, err // it names the field
	}
	literal, is := expr.Static()
	switch {
	case is && literal == "":
		return nil, nil
	case is:
		return nil, fmt.Errorf(literalKey, literal)
	}
	return expr, nil
}
