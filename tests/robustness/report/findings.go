package report

import (
	_ "embed"
	"fmt"

	"gopkg.in/yaml.v3"
)

//go:embed findings.yaml
var findings []byte

// Finding is a fault that the harness has found, or must find again when its mend
// is taken out.
type Finding struct {
	What   string // in one sentence
	Setup  string
	Seed   uint64 // 0 where the script alone is enough
	Script string
	Cause  string
	State  string // mended, open, or of the harness itself
	Test   string // that holds the mend
}

// Findings are those of findings.yaml.
func Findings() (list []Finding, err error) {
	if err := yaml.Unmarshal(findings, &list); err != nil {
		return nil, fmt.Errorf("reading findings.yaml: %w", err)
	}
	return list, nil
}
