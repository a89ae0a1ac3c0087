package status_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// An insert that the server has taken and does not answer is seen at once, and a reason
// to be unhealthy after the grace, long before it is given up.
func TestAnInsertThatIsNotAnsweredIsUnhealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := status.NewBoard("")
		b.SetBuffer(func() status.Buffer { return status.Buffer{LinkGrace: 30 * time.Second} })
		out := b.Output("clickhouse")
		out.Link.Up()
		first := out.Table("ticks").AwaitInsert(10_000)
		time.Sleep(12 * time.Second)
		second := out.Table("candles").AwaitInsert(1)
		time.Sleep(time.Second)
		h := status.HealthOf(b)
		assert.Empty(t, h.Reasons)
		assert.Equal(t, status.Age(13*time.Second), *h.Outputs["clickhouse"].InsertOldest)
		assert.Equal(t, status.Age(time.Second), *h.Outputs["clickhouse"].Tables["candles"].InsertOldest)
		time.Sleep(18 * time.Second)
		assert.Equal(t, []string{`output "clickhouse": ClickHouse has not answered an insert into table "ticks" for 31s`}, status.HealthOf(b).Reasons)
		first.Done()
		second.Done()
		h = status.HealthOf(b)
		assert.Empty(t, h.Reasons)
		assert.Nil(t, h.Outputs["clickhouse"].InsertOldest)
	})
}

// Rows that the dead-letter output does not take are counted at once, and a reason
// to be unhealthy after the grace, whether it says why or says nothing.
func TestDeadLettersThatNobodyTakesAreUnhealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := status.NewBoard("")
		b.SetBuffer(func() status.Buffer { return status.Buffer{LinkGrace: 30 * time.Second} })
		out := b.Output("clickhouse")
		out.Link.Up()
		first := out.AwaitLetters(3)
		time.Sleep(20 * time.Second)
		second := out.AwaitLetters(4)
		h := status.HealthOf(b)
		assert.Empty(t, h.Reasons)
		assert.EqualValues(t, 7, h.Outputs["clickhouse"].DeadLettersWaiting)
		time.Sleep(11 * time.Second)
		assert.Equal(t, []string{`output "clickhouse": dead_letter has not taken 7 rows for 31s`}, status.HealthOf(b).Reasons)
		second.Failed(errors.New("no space left on device"))
		assert.Equal(t, []string{`output "clickhouse": dead_letter has not taken 7 rows for 31s: no space left on device`}, status.HealthOf(b).Reasons)
		first.Done()
		assert.Empty(t, status.HealthOf(b).Reasons, "the other does not wait for long yet")
		second.Done()
		h = status.HealthOf(b)
		assert.Zero(t, h.Outputs["clickhouse"].DeadLettersWaiting)
		assert.Equal(t, "healthy", h.Status)
	})
}
