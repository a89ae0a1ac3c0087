//go:build !race

package e2e

// raceDetector tells whether this test binary was built with it; data-bridge
// is then built with it too.
const raceDetector = false
