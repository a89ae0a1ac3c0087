package nats

import (
	"fmt"

	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	fieldConflate = "conflate"
	fieldKey      = "key"
	fieldMaxKeys  = "max_keys"
	fieldMaxBytes = "max_bytes"

	onPauseConflate = "conflate"
)

// literalKey serves the lint rule and the constructor alike.
const literalKey = "conflate.key: %q is the same for every message, of which one would be kept: an expression is expected, such as ${! json(\"symbol\") }"

const keyLintRule = `root = if this != "" && !this.contains("${!") {
  ["conflate.key: \"%s\" is the same for every message, of which one would be kept: an expression is expected, such as $" + "{! json(\"symbol\") }".format(this)]
}`

func conflateField() *service.ConfigField {
	return service.NewObjectField(fieldConflate,
		service.NewInterpolatedStringField(fieldKey).
			Description("What tells one instrument, sensor or account from another. By default the subject, which costs no expression. The expression sees the message with its metadata, "+
				"all headers included, and is evaluated only while the input is paused. A message for which it fails is dropped, and counted.").
			Default("").Example(`${! json("symbol") }`).Example(`${! @nats_subject.split(".").index(-1) }`).
			LintRule(keyLintRule),
		service.NewIntField(fieldMaxKeys).
			Description("How many messages are kept at most, one for each key. Beyond it the one that came first goes, and counts as dropped.").
			Default(100_000).Example(10_000).
			LintRule(atLeastLintRule("conflate.max_keys", 1)),
		service.NewIntField(fieldMaxBytes).
			Description(fmt.Sprintf("How many bytes of memory they take at most: the messages with subject and headers, and %d for each. Beyond it as beyond `max_keys`; "+
				"a message that is larger by itself is dropped, and counted.", keptCost)).
			Default(64<<20).Example(256<<20).
			LintRule(atLeastLintRule("conflate.max_bytes", 1)),
	).Description("What `on_pause: conflate` keeps.").Advanced()
}

// conflateConfig is what on_pause: conflate keeps.
type conflateConfig struct {
	enabled  bool
	key      *service.InterpolatedString // nil: the subject
	maxKeys  int
	maxBytes int
}

func parseConflate(conf *service.ParsedConfig) (c conflateConfig, err error) {
	p := fields{conf: conf}
	onPause := p.string(fieldOnPause)
	c.enabled = onPause == onPauseConflate
	c.maxKeys = p.int(fieldConflate, fieldMaxKeys)
	c.maxBytes = p.int(fieldConflate, fieldMaxBytes)
	if p.err != nil {
		return c, p.err
	}
	if !c.enabled && onPause != onPauseDrop && onPause != onPauseLeave {
		return c, fmt.Errorf("%s: %q is unknown: %s, %s and %s are what there is", fieldOnPause, onPause, onPauseDrop, onPauseConflate, onPauseLeave)
	}
	if c.key, err = parseKey(conf); err != nil {
		return c, err
	}
	switch {
	case c.maxKeys < 1:
		return c, fmt.Errorf("conflate.max_keys: %d is too small: at least 1 is required", c.maxKeys)
	case c.maxBytes < 1:
		return c, fmt.Errorf("conflate.max_bytes: %d is too small: at least 1 is required", c.maxBytes)
	}
	return c, nil
}
