package nats

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFilterMatches(t *testing.T) {
	for filter, subjects := range map[string]struct{ yes, no []string }{
		"a.b":    {[]string{"a.b"}, []string{"a", "a.b.c", "axb"}},
		"a.*":    {[]string{"a.b"}, []string{"a", "a.b.c"}},
		"*.b":    {[]string{"a.b"}, []string{"b", "a.a.b"}},
		"a.>":    {[]string{"a.b", "a.b.c"}, []string{"a", "b.a"}},
		">":      {[]string{"a", "a.b"}, nil},
		"$K.+.(": {[]string{"$K.+.("}, []string{"K.a.b"}},
	} {
		for _, s := range subjects.yes {
			assert.True(t, within(s, filter), "%s %s", filter, s)
		}
		for _, s := range subjects.no {
			assert.False(t, within(s, filter), "%s %s", filter, s)
		}
	}
}
