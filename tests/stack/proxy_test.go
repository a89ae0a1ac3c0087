package stack

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// echo listens and sends everything back.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn); _ = conn.Close() }()
		}
	}()
	return listener.Addr().String()
}

func proxied(t *testing.T) *FaultProxy {
	t.Helper()
	proxy, err := Proxy(echo(t))
	require.NoError(t, err)
	t.Cleanup(proxy.Close)
	return proxy
}

// ask sends one line through the proxy and reads it back within d.
func ask(t *testing.T, proxy *FaultProxy, d time.Duration) error {
	t.Helper()
	conn, err := net.Dial("tcp", proxy.Addr())
	if err != nil {
		return err
	}
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(d)))
	if _, err := conn.Write([]byte("tick\n")); err != nil {
		return err
	}
	answer := make([]byte, 5)
	_, err = io.ReadFull(conn, answer)
	return err
}

func TestProxyForwards(t *testing.T) {
	require.NoError(t, ask(t, proxied(t), patience))
}

func TestProxyResets(t *testing.T) {
	proxy := proxied(t)
	require.NoError(t, proxy.ResetPeer(0))
	require.Error(t, ask(t, proxy, patience))
	proxy.Clear()
	require.NoError(t, ask(t, proxy, patience))
}

func TestProxySwallowsAnswers(t *testing.T) {
	proxy := proxied(t)
	require.NoError(t, proxy.Timeout(0))
	var timeout net.Error
	require.ErrorAs(t, ask(t, proxy, 200*time.Millisecond), &timeout)
	assert.True(t, timeout.Timeout())
	proxy.Clear()
	require.NoError(t, ask(t, proxy, patience))
}

func TestProxyDelaysAndThrottles(t *testing.T) {
	proxy := proxied(t)
	require.NoError(t, proxy.AddLatency(time.Second, 0))
	require.Error(t, ask(t, proxy, 100*time.Millisecond))
	require.NoError(t, ask(t, proxy, patience))
	proxy.Clear()
	require.NoError(t, proxy.Bandwidth(1000))
	require.NoError(t, ask(t, proxy, patience))
}

func TestProxyDownAndUp(t *testing.T) {
	proxy := proxied(t)
	addr := proxy.Addr()
	proxy.Down()
	require.Error(t, ask(t, proxy, time.Second))
	require.NoError(t, proxy.Up())
	require.Equal(t, addr, proxy.Addr())
	require.NoError(t, ask(t, proxy, patience))
}
