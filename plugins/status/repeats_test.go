package status_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

func TestRepeatsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r status.Repeats
		var told []int
		for range 25 {
			if skipped, tell := r.Tell(10 * time.Second); tell {
				told = append(told, skipped)
			}
			time.Sleep(time.Second)
		}
		assert.Equal(t, []int{0, 9, 9}, told)
	})
}
