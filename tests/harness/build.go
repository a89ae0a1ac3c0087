package harness

import (
	"fmt"
	"os/exec"
)

// Build builds data-bridge from the repository at root into path, with flags of go
// build such as -race.
func Build(root, path string, flags ...string) error {
	cmd := exec.Command("go", append(append([]string{"build", "-ldflags=-s -w"}, flags...), "-o", path, "./cmd/data-bridge")...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", path, err, out)
	}
	return nil
}
