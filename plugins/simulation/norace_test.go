//go:build !race && synctests

package simulation

// someWorlds is how many worlds a test of everything has time for.
const someWorlds = 1000
