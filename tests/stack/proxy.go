package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"
)

// Leaks are goroutines that proxies may leave behind for ever, for goleak to ignore: the
// library loses what stands in the way when a fault is taken away, and reads no further
// from a connection of which a fault has ended one direction.
func Leaks() []goleak.Option {
	const library = "github.com/Shopify/toxiproxy/v2"
	return []goleak.Option{
		goleak.IgnoreAnyFunction(library + "/toxics.(*ToxicStub).Run"),
		goleak.IgnoreAnyFunction(library + ".(*ToxicLink).read"),
	}
}

// FaultProxy forwards TCP to one server and breaks connections on demand.
// Its methods may be called from any goroutine.
type FaultProxy struct {
	proxy *toxiproxy.Proxy
	addr  string
}

// Proxy listens on a free loopback port and forwards to upstream (host:port).
func Proxy(upstream string) (*FaultProxy, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	proxy := toxiproxy.NewProxy(server, upstream, address(port), upstream)
	if err := proxy.Start(); err != nil {
		return nil, fmt.Errorf("starting a proxy to %s: %w", upstream, err)
	}
	return &FaultProxy{proxy: proxy, addr: address(port)}, nil
}

// Addr is host:port to connect to in place of the server.
func (p *FaultProxy) Addr() string { return p.addr }

// AddLatency delays every answer by d, give or take jitter.
func (p *FaultProxy) AddLatency(d, jitter time.Duration) error {
	return p.add("latency", "downstream", map[string]int64{"latency": d.Milliseconds(), "jitter": jitter.Milliseconds()})
}

// Bandwidth limits what clients send to this many bytes a second, at least 1,000.
func (p *FaultProxy) Bandwidth(bytesPerSecond int64) error {
	return p.add("bandwidth", "upstream", map[string]int64{"rate": max(1, bytesPerSecond/1000)})
}

// Downlink limits what the server sends to this many bytes a second, at least 1,000.
func (p *FaultProxy) Downlink(bytesPerSecond int64) error {
	return p.add("bandwidth", "downstream", map[string]int64{"rate": max(1, bytesPerSecond/1000)})
}

// ResetPeer resets every connection when its client has sent something and after has passed.
func (p *FaultProxy) ResetPeer(after time.Duration) error {
	return p.add("reset_peer", "upstream", map[string]int64{"timeout": after.Milliseconds()})
}

// CutAfter closes every connection when its client has sent so many more bytes.
func (p *FaultProxy) CutAfter(bytes int64) error {
	return p.add("limit_data", "upstream", map[string]int64{"bytes": bytes})
}

// Timeout swallows every answer, so that requests arrive and their outcome is
// not known, and closes the connection after d; with 0 it stays half-open until Clear.
func (p *FaultProxy) Timeout(d time.Duration) error {
	return p.add("timeout", "downstream", map[string]int64{"timeout": d.Milliseconds()})
}

// Clear takes all faults away.
func (p *FaultProxy) Clear() { p.proxy.Toxics.ResetToxics(context.Background()) }

// Down refuses connections and breaks those there are, until Up.
func (p *FaultProxy) Down() { p.proxy.Stop() }

// Up listens again after Down, on the same port.
func (p *FaultProxy) Up() error {
	if err := p.proxy.Start(); err != nil {
		return fmt.Errorf("starting the proxy again: %w", err)
	}
	return nil
}

// Close ends the proxy and its connections.
func (p *FaultProxy) Close() { p.proxy.Stop() }

// add puts one fault in; a kind that is there already has to be cleared first.
func (p *FaultProxy) add(kind, direction string, attributes map[string]int64) error {
	toxic, err := json.Marshal(map[string]any{
		"name": kind, "type": kind, "stream": direction, "toxicity": 1.0, "attributes": attributes,
	})
	if err != nil {
		return fmt.Errorf("adding the fault %s: %w", kind, err)
	}
	if _, err := p.proxy.Toxics.AddToxicJson(bytes.NewReader(toxic)); err != nil {
		return fmt.Errorf("adding the fault %s: %w", kind, err)
	}
	return nil
}
