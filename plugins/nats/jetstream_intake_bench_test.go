package nats

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
)

// BenchmarkIntake is what one message costs the intake from its delivery to the
// confirmation of its acknowledgement.
func BenchmarkIntake(b *testing.B) {
	for _, all := range []bool{false, true} {
		b.Run(fmt.Sprint("all=", all), func(b *testing.B) {
			k := newIntake(intakeConfig{messages: 10000, bytes: 64 << 20, count: 5000}, all)
			m := &nats.Msg{Subject: "feed.a", Reply: "$JS.ACK.FEED.bridge.1.1.1.1.1", Data: make([]byte, 100)}
			b.ReportAllocs()
			for n := 0; n < b.N; {
				for range 5000 {
					n++
					k.offer(m, delivery{count: 1, stream: uint64(n), consumer: uint64(n)})
				}
				_, runs, _, _ := k.look(b.Context())
				r := k.settle(runs)
				k.confirmed(r.id)
			}
		})
	}
}
