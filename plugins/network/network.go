// Package network lets whoever builds a stream put something else in the place of TCP,
// as a simulation does: the plugins make their connections to servers by it. Those with
// TLS they always make by themselves.
package network

import (
	"context"
	"net"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Dial makes a connection to an address, host:port, as net.Dialer.DialContext does. It
// may be called from several goroutines.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

type key struct{}

// Replace has the components that are built with these resources from now on make their
// connections by d.
func Replace(res *service.Resources, d Dial) { res.SetGeneric(key{}, d) }

// Of tells how components with these resources make connections; nil says that nobody
// has called Replace, and they make them as they do by themselves.
func Of(res *service.Resources) Dial {
	d, _ := res.GetGeneric(key{})
	dial, _ := d.(Dial)
	return dial
}
