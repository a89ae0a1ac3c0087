// Package machine says what the process may use of the machine that it runs on.
package machine

import "github.com/KimMachineGun/automemlimit/memlimit"

// Memory is how much memory the process may have before it is killed, in bytes, and what
// says so: its cgroup, as in a container or a service with a limit, or the machine. It is
// 0 where neither is known.
func Memory() (bytes int64, source string) { return least(memlimit.FromCgroup, memlimit.FromSystem) }

func least(cgroup, system memlimit.Provider) (bytes int64, source string) {
	for _, s := range []struct {
		limit memlimit.Provider
		name  string
	}{{system, "the machine's memory"}, {cgroup, "the cgroup's limit"}} {
		n, err := s.limit()
		if have := int64(n); err == nil && have > 0 && (bytes == 0 || have < bytes) { //nolint:gosec // a limit beyond int64 is none
			bytes, source = have, s.name
		}
	}
	return bytes, source
}
