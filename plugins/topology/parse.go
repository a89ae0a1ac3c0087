package topology

import (
	"context"
	"errors"
	"fmt"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Parse reads the parts of a stream from a config file, as the host reads it:
// variables are filled in, and missing ones that have no default are left out. More
// resources, such as those of other files, can be added with Join.
func Parse(text []byte) (Config, error) { return ParseWith(text, nil) }

// ParseWith is Parse with environment variables found by lookup, where it is not nil.
func ParseWith(text []byte, lookup func(ctx context.Context, name string) (string, bool)) (Config, error) {
	querier := service.GlobalEnvironment().FullConfigSchema("", "").NewConfigQuerier()
	if lookup != nil {
		querier.SetEnvVarLookupFunc(lookup)
	}
	file, err := querier.ParseYAML(string(text))
	if err != nil {
		return nil, err
	}
	return partsOf(func(part string) (any, error) {
		field, err := file.FieldAtPath(part)
		if err != nil {
			return nil, nil // not there
		}
		return field.FieldAny()
	})
}

// Parsed takes the parts of a stream from a configuration that the host has parsed.
func Parsed(conf *service.ParsedConfig) (Config, error) {
	return partsOf(func(part string) (any, error) {
		if !conf.Contains(part) {
			return nil, nil
		}
		return conf.FieldAny(part)
	})
}

func partsOf(get func(part string) (any, error)) (Config, error) {
	conf := Config{}
	for _, part := range append(parts[:len(parts):len(parts)], errorHandling) {
		v, err := get(part)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", part, err)
		}
		if v != nil {
			conf[part] = v
		}
	}
	return conf, nil
}

// Join returns the config with the resources of others.
func (c Config) Join(others ...Config) Config {
	joined := Config{}
	for part, v := range c {
		joined[part] = v
	}
	for _, other := range others {
		for _, part := range resourceParts {
			more, _ := other[part].([]any)
			have, _ := joined[part].([]any)
			if len(more) > 0 {
				joined[part] = append(have[:len(have):len(have)], more...)
			}
		}
	}
	return joined
}

// Lint returns the faults of a config as one error, each by its words.
func Lint(conf Config) error {
	t, err := New(conf, "")
	if err != nil {
		return err
	}
	errs := make([]error, len(t.Faults()))
	for i, f := range t.Faults() {
		errs[i] = f
	}
	return errors.Join(errs...)
}
