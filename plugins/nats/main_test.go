package nats

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// toxiproxy loses what stands in the way when faults are taken away.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"))
}
