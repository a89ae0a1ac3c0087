package stack

import (
	"context"
	"net"
	"strings"
)

var tsvUnescape = strings.NewReplacer(`\\`, `\`, `\t`, "\t", `\n`, "\n", `\'`, "'", `\r`, "\r", `\0`, "\x00", `\b`, "\b", `\f`, "\f")

// parseTSV reads ClickHouse's TabSeparated format. NULL stays \N.
func parseTSV(text string) [][]string {
	var rows [][]string
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		for i, field := range fields {
			fields[i] = tsvUnescape.Replace(field)
		}
		rows = append(rows, fields)
	}
	return rows
}

// dial is nil when something listens at addr.
func dial(ctx context.Context, addr string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return conn.Close()
}
