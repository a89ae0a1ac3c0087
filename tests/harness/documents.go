package harness

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Documents are those that people read, by their slashed path below the root of the
// repository: the README and its like, and all below docs.
func Documents(root string) (map[string]string, error) {
	texts := map[string]string{}
	take := func(path string) error {
		text, err := os.ReadFile(filepath.Join(root, path))
		texts[filepath.ToSlash(path)] = string(text)
		return err
	}
	for _, path := range []string{"README.md", "CHANGELOG.md", "CONTRIBUTING.md"} {
		if err := take(path); err != nil {
			return nil, fmt.Errorf("reading the documents: %w", err)
		}
	}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		path, err = filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return take(path)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the documents: %w", err)
	}
	return texts, nil
}
