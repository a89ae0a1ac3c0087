package nats

import (
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// fields reads typed values out of a parsed config and keeps the first error,
// so that it is checked once.
type fields struct {
	conf *service.ParsedConfig
	err  error
}

func field[T any](f *fields, read func(...string) (T, error), path []string) T {
	v, err := read(path...)
	if err != nil && f.err == nil {
		f.err = err
	}
	return v
}

func (f *fields) string(path ...string) string { return field(f, f.conf.FieldString, path) }

func (f *fields) strings(path ...string) []string       { return field(f, f.conf.FieldStringList, path) }
func (f *fields) int(path ...string) int                { return field(f, f.conf.FieldInt, path) }
func (f *fields) bool(path ...string) bool              { return field(f, f.conf.FieldBool, path) }
func (f *fields) duration(path ...string) time.Duration { return field(f, f.conf.FieldDuration, path) }

func (f *fields) pairs(path ...string) map[string]string {
	return field(f, f.conf.FieldStringMap, path)
}
