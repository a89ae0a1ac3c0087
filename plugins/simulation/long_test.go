//go:build synctests && long

package simulation

import "testing"

// manyWorlds is how many the long test plays.
const manyWorlds = 100_000

func TestLongWorlds(t *testing.T) {
	n := *seedsFlag
	if n == 0 {
		n = manyWorlds
	}
	worlds(t, n)
}
