package stack

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(Main(m), Leaks()...) }

// patience bounds every wait for an event: a machine that does other things beside
// may be slow.
const patience = 3 * time.Minute

// within is a context for one step that may hang.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// closing closes c at the end of the test.
func closing(t *testing.T, c interface{ Close() error }) {
	t.Helper()
	t.Cleanup(func() { require.NoError(t, c.Close()) })
}

var used atomic.Int64

// unique is a name that no other test has used on a shared server, for -count.
func unique(name string) string { return name + "-" + strconv.FormatInt(used.Add(1), 10) }
