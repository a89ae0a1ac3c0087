package clickhouse

import (
	"context"
	"io"
	"net"
	"strings"
	"time"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
)

// hintTimeout bounds the question that protocolHint asks.
const hintTimeout = time.Second

// protocolHint says that an address speaks the other protocol, where its server's answer
// shows it; else it is empty. err is why it could not be connected to.
func (s *serverConfig) protocolHint(address string, err error) string {
	if s.protocol() == protocolHTTP {
		for _, said := range []string{"is for clickhouse-client program", "malformed HTTP"} {
			if strings.Contains(err.Error(), said) {
				return " (this is not a port for HTTP: use " + fieldProtocol + ": " + protocolNative + ", or the port for HTTP, usually 8123)"
			}
		}
		return ""
	}
	if s.server.TLS != nil || server.NeverSent(err) && isDial(err) || !answersHTTP(address) {
		return ""
	}
	return " (this is a port for HTTP: use " + fieldProtocol + ": " + protocolHTTP + ", or the port of the native protocol, usually 9000)"
}

// isDial reports whether nobody listens, or nobody was reached.
func isDial(err error) bool { return strings.Contains(err.Error(), "dial tcp") }

// answersHTTP asks an address for a sign of life by HTTP.
func answersHTTP(address string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), hintTimeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(hintTimeout)) // a connection that cannot has failed
	if _, err := io.WriteString(conn, "GET /ping HTTP/1.0\r\n\r\n"); err != nil {
		return false
	}
	answer := make([]byte, len("HTTP/1."))
	_, err = io.ReadFull(conn, answer)
	return err == nil && string(answer) == "HTTP/1."
}
