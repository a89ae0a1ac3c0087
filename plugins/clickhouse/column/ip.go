package column

import (
	"encoding/binary"
	"net/netip"
)

func parseIP(v *Value) (netip.Addr, error) {
	if v.Kind != KindString {
		return netip.Addr{}, WrongKind(v, "an IP address")
	}
	addr, err := netip.ParseAddr(v.Text())
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, ErrNotAnIP
	}
	return addr, nil
}

// parseIPv4 reads 192.0.2.1, and the IPv6 form that maps it.
func parseIPv4(v *Value) (uint32, error) {
	addr, err := parseIP(v)
	if err != nil {
		return 0, err
	}
	if addr = addr.Unmap(); !addr.Is4() {
		return 0, ErrRange
	}
	b := addr.As4()
	return binary.BigEndian.Uint32(b[:]), nil
}

// parseIPv6 reads 2001:db8::1; an IPv4 address is stored as the IPv6 one that
// maps it, as ClickHouse does.
func parseIPv6(v *Value) ([16]byte, error) {
	addr, err := parseIP(v)
	return addr.As16(), err
}
