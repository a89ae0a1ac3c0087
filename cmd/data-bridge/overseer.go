package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/urfave/cli/v2"

	"github.com/data-bridge-io/data-bridge/cmd/data-bridge/variable"
	"github.com/data-bridge-io/data-bridge/plugins/topology"
)

// overseer looks at whole configurations, of which the host looks at each component
// by itself: it adds to what lint says of files, and tells of the resources that
// streams may name. The streams that are run are judged when they are built: see
// topology.Watch.
type overseer struct {
	linted    []string // files that lint is asked about
	resources []string // files of resources that the others may name

	lookup variable.Lookup // of variables, in place of those that are set; may be nil
}

// note takes the command line down. The host calls it once it has parsed that.
func (o *overseer) note(c *cli.Context) error {
	o.resources = expand(c.StringSlice("resources"))
	if c.Command.Name != "lint" {
		return nil
	}
	o.linted = append(expand(c.Args().Slice()), o.resources...)
	if path := c.String("config"); path != "" {
		o.linted = append(o.linted, path)
	}
	return nil
}

// announce tells of the resources of a configuration that is about to be run.
func (o *overseer) announce(conf *service.ParsedConfig) error {
	main, err := topology.Parsed(conf)
	if err != nil {
		return err
	}
	return topology.Announce(conf.Resources(), main.Join(o.shared()...))
}

// shared are the files of resources. What the host cannot read it says itself.
func (o *overseer) shared() (shared []topology.Config) {
	for _, path := range o.resources {
		if conf, ok := o.read(path); ok {
			shared = append(shared, conf)
		}
	}
	return shared
}

// lint looks at the files and returns the exit code. What the host cannot read it
// has said already.
func (o *overseer) lint(w io.Writer) (code int) {
	shared := o.shared()
	for _, path := range o.linted {
		conf, ok := o.read(path)
		if !ok {
			continue
		}
		if !slices.Contains(o.resources, path) {
			conf = conf.Join(shared...)
		}
		t, err := topology.New(conf, "")
		if err != nil {
			fmt.Fprintf(w, "%s(1,1) %v\n", path, err)
			code = 1
			continue
		}
		text, _ := os.ReadFile(path) // it was read a moment ago
		for _, f := range t.Faults() {
			fmt.Fprintf(w, "%s(%d,1) %v\n", path, lineOf(text, f.Path, f.Line), f)
			code = 1
		}
	}
	return code
}

func (o *overseer) read(path string) (topology.Config, bool) {
	text, err := os.ReadFile(path)
	if err != nil || bytes.HasPrefix(text, []byte("# BENTHOS LINT DISABLE")) {
		return nil, false
	}
	lookup := o.lookup
	if lookup == nil {
		lookup = variable.Of(string(text))
	}
	conf, err := topology.ParseWith(text, lookup)
	return conf, err == nil
}

// faultsOf counts what lint has against a file.
func faultsOf(text string, lookup variable.Lookup) int {
	const unreadable = 1000
	lints, err := schema().NewStreamConfigLinter().SetEnvVarLookupFunc(lookup).LintYAML([]byte(text))
	if err != nil {
		return unreadable
	}
	conf, err := topology.ParseWith([]byte(text), lookup)
	if err != nil {
		return unreadable
	}
	t, err := topology.New(conf, "")
	if err != nil {
		return unreadable
	}
	return len(lints) + len(t.Faults())
}

// expand expands paths as the host's lint does: foo/... are the YAML files below
// foo, and others are patterns.
func expand(args []string) (files []string) {
	for _, arg := range args {
		dir, all := strings.CutSuffix(arg, "...")
		if !all {
			found, err := filepath.Glob(arg)
			if err != nil || len(found) == 0 {
				found = []string{arg}
			}
			files = append(files, found...)
			continue
		}
		_ = filepath.WalkDir(filepath.Clean(dir), func(path string, d fs.DirEntry, err error) error {
			if ext := filepath.Ext(path); err == nil && !d.IsDir() && (ext == ".yaml" || ext == ".yml") {
				files = append(files, path)
			}
			return nil
		})
	}
	return files
}

// configsOf are the files that a command line names, or those that are read where it
// names none.
func configsOf(c *cli.Context) (files []string) {
	args := append(c.Args().Slice(), c.StringSlice("resources")...)
	for _, flag := range []string{"config", "observability"} {
		if path := c.String(flag); path != "" {
			args = append(args, path)
		}
	}
	for _, path := range expand(append(args, configPaths...)) {
		if info, err := os.Stat(path); err == nil && info.IsDir() { // as streams mode reads it
			files = append(files, expand([]string{filepath.Join(path, "...")})...)
			continue
		}
		files = append(files, path)
	}
	return files
}
