package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/data-bridge-io/data-bridge/plugins/frame"
)

// errFramesSeen says that processors would take messages of many records for
// records. The host lints each component by itself; this takes the whole config.
var errFramesSeen = errors.New("would see messages of many records (records_per_message is above 1): put " + frame.UnframeName + " first, or set records_per_message to 1")

// lintFrames looks for processors that would see frames.
func lintFrames(root map[string]any) error {
	framed, err := framesOf(root["input"], "input")
	if err != nil || !framed {
		return err
	}
	pipeline, _ := root["pipeline"].(map[string]any)
	_, err = through(pipeline["processors"], "pipeline.processors")
	return err
}

// errFramesRejected says that a message of many records would come again for one of
// them.
var errFramesRejected = errors.New("clickhouse.dead_letter: reject hands a whole message back for one bad record, and messages hold many (records_per_message is above 1), whose other records would be stored again: choose another output, put " + frame.UnframeName + " first, or set records_per_message to 1")

// lintRejects looks for outputs that hand messages of many records back.
func lintRejects(root map[string]any) error {
	framed, err := framesOf(root["input"], "input")
	if err != nil || !framed {
		return nil //nolint:nilerr // which lintFrames says
	}
	pipeline, _ := root["pipeline"].(map[string]any)
	if framed, err = through(pipeline["processors"], "pipeline.processors"); err != nil || !framed {
		return nil //nolint:nilerr // likewise
	}
	return rejectsOf(root["output"], "output")
}

// rejectsOf looks for them in a part of an output's config.
func rejectsOf(node any, path string) error {
	var errs []error
	switch node := node.(type) {
	case []any:
		for i, item := range node {
			errs = append(errs, rejectsOf(item, fmt.Sprintf("%s.%d", path, i)))
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(node)) {
			if plugin, ok := node[key].(map[string]any); ok && key == "clickhouse" {
				letters, _ := plugin["dead_letter"].(map[string]any)
				if _, reject := letters["reject"]; reject {
					errs = append(errs, fmt.Errorf("%s.%w", path, errFramesRejected))
				}
				continue
			}
			errs = append(errs, rejectsOf(node[key], path+"."+key))
		}
	}
	return errors.Join(errs...)
}

// framesOf reports whether frames come out of a part of an input's config.
func framesOf(node any, path string) (framed bool, err error) {
	switch node := node.(type) {
	case []any:
		for i, item := range node {
			some, err := framesOf(item, fmt.Sprintf("%s.%d", path, i))
			if err != nil {
				return false, err
			}
			framed = framed || some
		}
		return framed, nil
	case map[string]any:
		return framesOfObject(node, path)
	}
	return false, nil
}

func framesOfObject(object map[string]any, path string) (framed bool, err error) {
	if n, set := object["records_per_message"]; set {
		framed = fmt.Sprint(n) != "1"
	}
	for key, value := range object {
		if key == "processors" {
			continue
		}
		some, err := framesOf(value, path+"."+key)
		if err != nil {
			return false, err
		}
		framed = framed || some
	}
	if !framed {
		return false, nil
	}
	return through(object["processors"], path+".processors")
}

// through reports whether frames come out of processors that they go into.
func through(processors any, path string) (framed bool, err error) {
	list, _ := processors.([]any)
	if len(list) == 0 {
		return true, nil
	}
	first, _ := list[0].(map[string]any)
	if _, apart := first[frame.UnframeName]; apart {
		return false, nil
	}
	return false, fmt.Errorf("%s %w", path, errFramesSeen)
}

// lintFiles adds to the host's lint what it cannot see, for the paths among the
// arguments of lint. It returns the exit code.
func lintFiles(args []string, w io.Writer) (code int) {
	for _, path := range configFiles(args) {
		if err := lintFile(path); err != nil {
			fmt.Fprintf(w, "%s: %v\n", path, err)
			code = 1
		}
	}
	return code
}

func lintFile(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	root := map[string]any{}
	if err := yaml.Unmarshal(withEnvironment(text), &root); err != nil {
		return nil //nolint:nilerr // for the host to say
	}
	return errors.Join(lintFrames(root), lintRejects(root))
}

// configFiles expands paths as the host's lint does: foo/... are the YAML files
// below foo.
func configFiles(args []string) (files []string) {
	for _, arg := range args {
		dir, all := strings.CutSuffix(arg, "...")
		switch {
		case strings.HasPrefix(arg, "-"):
		case !all:
			files = append(files, arg)
		default:
			_ = filepath.WalkDir(filepath.Clean(dir), func(path string, d fs.DirEntry, err error) error {
				if ext := filepath.Ext(path); err == nil && !d.IsDir() && (ext == ".yaml" || ext == ".yml") {
					files = append(files, path)
				}
				return nil
			})
		}
	}
	return files
}

var variable = regexp.MustCompile(`\$\{([A-Za-z0-9_.]+)(?::([^}]*))?\}`)

// withEnvironment replaces ${NAME:default}.
func withEnvironment(text []byte) []byte {
	return variable.ReplaceAllFunc(text, func(found []byte) []byte {
		m := variable.FindSubmatch(found)
		if v, ok := os.LookupEnv(string(m[1])); ok {
			return []byte(v)
		}
		return m[2]
	})
}
