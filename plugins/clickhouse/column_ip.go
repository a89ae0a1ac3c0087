package clickhouse

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

var errNotAnIP = errors.New("not an IP address")

func parseIP(v *value) (netip.Addr, error) {
	if v.kind != kindString {
		return netip.Addr{}, wrongKind(v, "an IP address")
	}
	addr, err := netip.ParseAddr(v.text())
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, errNotAnIP
	}
	return addr, nil
}

// parseIPv4 reads 192.0.2.1, and the IPv6 form that maps it.
func parseIPv4(v *value) (uint32, error) {
	addr, err := parseIP(v)
	if err != nil {
		return 0, err
	}
	if addr = addr.Unmap(); !addr.Is4() {
		return 0, errRange
	}
	b := addr.As4()
	return binary.BigEndian.Uint32(b[:]), nil
}

// parseIPv6 reads 2001:db8::1; an IPv4 address is stored as the IPv6 one that
// maps it, as ClickHouse does.
func parseIPv6(v *value) ([16]byte, error) {
	addr, err := parseIP(v)
	return addr.As16(), err
}
