package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// conditions are what figures depend on beside what was measured.
type conditions struct {
	Date     time.Time `json:"date"`
	Machine  string    `json:"machine"`
	Software []string  `json:"software"`
}

// conditions are those of now, and of these servers.
func (s *servers) conditions(bin string) conditions {
	return conditions{Date: time.Now().UTC(), Machine: describeMachine(), Software: s.software(bin)}
}

// write says them at the head of a page.
func (c conditions) write(b *strings.Builder, rounds int) {
	fmt.Fprintf(b, "\n%s, %s, %d rounds.\n\n", c.Date.Format("2 January 2006"), c.Machine, rounds)
	for _, s := range c.Software {
		fmt.Fprintf(b, "- %s\n", s)
	}
}

// report is all that was measured, as results.json keeps it.
type report struct {
	conditions
	Plan    plan            `json:"plan"`
	Runs    []run           `json:"runs"`
	Latency []latencyResult `json:"latency"`
	Resumes []resumeResult  `json:"resumes"`
}

func readReport(path string) (*report, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading results: %w", err)
	}
	r := &report{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("reading results of %s: %w", path, err)
	}
	return r, nil
}

// deliver writes the table to w, and all forms of the results to a folder if
// there is one.
func (r *report) deliver(w io.Writer, dir string) error {
	table := r.markdown()
	if _, err := io.WriteString(w, table); err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	if dir == "" {
		return nil
	}
	raw, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	chart, err := r.svg()
	if err != nil {
		return err
	}
	return writeFiles(dir, map[string][]byte{
		"results.md": []byte(table), "results.svg": chart, "results.json": append(raw, '\n'),
	})
}

// failures is an error when something could not be measured.
func (r *report) failures() error {
	var errs []error
	for _, run := range r.Runs {
		if run.Failure != "" {
			errs = append(errs, fmt.Errorf("round %d: %s, %s: %s", run.Round, run.Source, run.Name, run.Failure))
		}
	}
	for _, resume := range r.Resumes {
		if resume.Failure != "" {
			errs = append(errs, fmt.Errorf("resumes from %s: %s", resume.Source, resume.Failure))
		}
	}
	return errors.Join(errs...)
}
