package kafka

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// fields reads typed values out of a parsed config and keeps the first error,
// so that it is checked once.
type fields struct {
	conf *service.ParsedConfig
	err  error
}

func read[T any](f *fields, get func(...string) (T, error), path []string) T {
	v, err := get(path...)
	f.fail(err)
	return v
}

func (f *fields) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

func (f *fields) text(path ...string) string            { return read(f, f.conf.FieldString, path) }
func (f *fields) texts(path ...string) []string         { return read(f, f.conf.FieldStringList, path) }
func (f *fields) number(path ...string) int             { return read(f, f.conf.FieldInt, path) }
func (f *fields) flag(path ...string) bool              { return read(f, f.conf.FieldBool, path) }
func (f *fields) duration(path ...string) time.Duration { return read(f, f.conf.FieldDuration, path) }

func (f *fields) pairs(path ...string) map[string]string {
	return read(f, f.conf.FieldStringMap, path)
}

// timestamp reads a time of RFC 3339; empty is the zero time.
func (f *fields) timestamp(name string) time.Time {
	s := f.text(name)
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		f.fail(fmt.Errorf("%w: %w", complain(errBadTimestamp, s), err))
	}
	return t
}

// size reads a number of bytes that the protocol carries in 32 bits.
func (f *fields) size(path ...string) int32 {
	s := f.text(path...)
	n, err := humanize.ParseBytes(s)
	if err != nil || n < 1 || n > math.MaxInt32 {
		f.fail(fmt.Errorf("%s (%s) is no size from 1B to %dB: expected is one such as 1MiB", strings.Join(path, "."), s, math.MaxInt32))
		return 0
	}
	return int32(n)
}

// splitList expands items that hold several values, separated by commas.
func splitList(items []string) (out []string) {
	for _, item := range items {
		for s := range strings.SplitSeq(item, ",") {
			out = append(out, strings.TrimSpace(s))
		}
	}
	return out
}
