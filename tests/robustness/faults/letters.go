package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// filler takes the room of the dead letters.
const filler = "filler"

var letterFaults = []Fault{
	{
		Name:   "letters.full",
		Cannot: needs("small disk for the dead letters", func(s *Scene) bool { return s.Letters != "" }),
		Begin:  func(_ context.Context, s *Scene) error { return fill(filepath.Join(s.Letters, filler)) },
		End:    func(_ context.Context, s *Scene) error { return os.Remove(filepath.Join(s.Letters, filler)) },
	},
}

// fill writes a file until the disk has no more room.
func fill(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("filling the disk of the dead letters: %w", err)
	}
	defer file.Close()
	for size := 1 << 20; size > 0; size /= 2 { // down to the last byte
		for err = nil; err == nil; {
			_, err = file.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			return fmt.Errorf("filling the disk of the dead letters: %w", err)
		}
	}
	return nil
}
