// Package report writes down what the runs have shown, as docs/robustness.md: what
// each fault did to each kind of source on each engine, and what was found on the
// way (findings.yaml). It knows results, and nothing of how they came about.
package report
