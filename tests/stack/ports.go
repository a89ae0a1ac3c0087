package stack

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

const loopback = "127.0.0.1"

// Ports are taken from below the range that the kernel gives to outgoing
// connections, so that a stopped server finds its port free when it restarts. A
// process takes them from blocks that are its own while it lives: no other one
// gets the port of a server that is stopped just now.
const (
	firstPort = 20000
	lastPort  = 32000
	blockSize = 60 // the first port of a block is listened on, to claim it
)

var ports struct {
	sync.Mutex
	claims []net.Listener // one for each block that is ours; held to the end of the process
	given  int            // of the ports of the last block
}

// FreePort is a loopback TCP port that nobody listens on and that has not been
// given before, by this process or by another one that runs.
func FreePort() (int, error) {
	ports.Lock()
	defer ports.Unlock()
	for range 1000 {
		if n := len(ports.claims); n == 0 || ports.given == blockSize-1 {
			claimBlock()
			continue
		}
		ports.given++
		port := ports.claims[len(ports.claims)-1].Addr().(*net.TCPAddr).Port + ports.given
		if portIsFree(port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("finding a free port between %d and %d", firstPort, lastPort)
}

// claimBlock tries to make one more block ours.
func claimBlock() {
	block := rand.IntN((lastPort - firstPort) / blockSize)
	if claim, err := net.Listen("tcp", address(firstPort+block*blockSize)); err == nil {
		ports.claims = append(ports.claims, claim)
		ports.given = 0
	}
}

func portIsFree(port int) bool {
	l, err := net.Listen("tcp", address(port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func address(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }
