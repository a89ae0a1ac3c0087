package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/topology"
	"github.com/data-bridge-io/data-bridge/tests/harness"
)

const repository = "../.."

// page is one document.
type page struct {
	path, text string
	prose      string // without fenced blocks
	fenced     []block
}

// block is a fenced block, and the language behind its fence.
type block struct{ language, text string }

// pages are the documents that people read, by their path in the repository.
func pages(t *testing.T) map[string]page {
	t.Helper()
	texts, err := harness.Documents(repository)
	require.NoError(t, err)
	require.Greater(t, len(texts), 10, "the documents were not found")
	found := map[string]page{}
	for path, text := range texts {
		p := page{path: path, text: text}
		p.divide()
		found[path] = p
	}
	return found
}

func (p *page) divide() {
	var open *block
	for line := range strings.Lines(p.text) {
		language, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && open == nil:
			open = &block{language: language}
		case fence:
			p.fenced = append(p.fenced, *open)
			open = nil
		case open != nil:
			open.text += line
		default:
			p.prose += line
		}
	}
}

// anchors are those of the headings, as GitHub makes them.
func (p *page) anchors() map[string]bool {
	anchors := map[string]bool{}
	for _, m := range title.FindAllStringSubmatch(p.prose, -1) {
		anchors[notOfAnchors.ReplaceAllString(strings.ReplaceAll(strings.ToLower(strings.TrimSpace(m[1])), " ", "-"), "")] = true
	}
	return anchors
}

var (
	title        = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)
	notOfAnchors = regexp.MustCompile(`[^\p{L}\p{N}_-]`)
	link         = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	code         = regexp.MustCompile("`[^`\n]+`")
)

// Every link within the repository leads to a file, and to a heading of it where it
// names one.
func TestLinksOfTheDocumentsResolve(t *testing.T) {
	all := pages(t)
	for _, p := range all {
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(p.prose, ""), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue // not ours to keep
			}
			to := p.path
			if target != "" {
				to = filepath.ToSlash(filepath.Join(filepath.Dir(p.path), target))
			}
			_, err := os.Stat(filepath.Join(repository, to))
			if !assert.NoError(t, err, "%s: %s leads nowhere", p.path, m[1]) || anchor == "" {
				continue
			}
			other := all[to]
			assert.True(t, other.anchors()[anchor], "%s: %s leads to no heading", p.path, m[1])
		}
	}
}

// adviceLink is a link of the live page to a document.
var adviceLink = regexp.MustCompile(`link: \["[^"]+", "([^"]+)"\]`)

// Every link of the live page leads to a document, and to a heading of it where it
// names one.
func TestLinksOfThePageResolve(t *testing.T) {
	all := pages(t)
	text, err := os.ReadFile(filepath.Join(repository, "plugins/status/page/advice.js"))
	require.NoError(t, err)
	links := adviceLink.FindAllStringSubmatch(string(text), -1)
	assert.Len(t, links, strings.Count(string(text), "link: ["))
	assert.NotEmpty(t, links)
	for _, m := range links {
		target, anchor, _ := strings.Cut(m[1], "#")
		p, ok := all[target]
		if assert.True(t, ok, "%s is no document", m[1]) && anchor != "" {
			assert.True(t, p.anchors()[anchor], "%s leads to no heading", m[1])
		}
	}
}

// ourPath is what a document names in backquotes, below a folder of ours.
var ourPath = regexp.MustCompile("`((?:cmd|config|docs|plugins|tests)/[^`\\s]*)`")

// Files that the documents name are there.
func TestFilesOfTheDocumentsExist(t *testing.T) {
	for _, p := range pages(t) {
		for _, m := range ourPath.FindAllStringSubmatch(p.text, -1) {
			found, err := filepath.Glob(filepath.Join(repository, m[1]))
			require.NoError(t, err)
			assert.NotEmpty(t, found, "%s: %s", p.path, m[1])
		}
	}
}

// Pipelines in the documents are without a fault.
func TestPipelinesOfTheDocumentsLint(t *testing.T) {
	linter := schema().NewStreamConfigLinter().SetSkipEnvVarCheck(true)
	linted := 0
	for _, p := range pages(t) {
		for _, b := range p.fenced {
			if b.language != "yaml" || !pipelinePart.MatchString(b.text) {
				continue
			}
			linted++
			lints, err := linter.LintYAML([]byte(b.text))
			assert.NoError(t, err, "%s:\n%s", p.path, b.text)
			assert.Empty(t, lints, "%s:\n%s", p.path, b.text)
			conf, err := topology.Parse([]byte(b.text))
			assert.NoError(t, err, "%s:\n%s", p.path, b.text)
			assert.NoError(t, topology.Lint(conf), "%s:\n%s", p.path, b.text)
		}
	}
	assert.Greater(t, linted, 5, "the pipelines were not found")
}

// pipelinePart is a field that only configs of the bridge have.
var pipelinePart = regexp.MustCompile(`(?m)^(input|buffer|output):`)

// capitals are environment variables, and ClickHouse's error codes.
var capitals = regexp.MustCompile(`\b(?:[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|GOGC|GOMEMLIMIT)\b`)

// What the documents write in capitals, variables above all, stands in a config, in
// what the image and the compose file are made of, or in the code.
func TestVariablesOfTheDocumentsExist(t *testing.T) {
	known := sources(t, capitals)
	for _, p := range pages(t) {
		for _, name := range capitals.FindAllString(p.text, -1) {
			assert.True(t, known[name], "%s: nothing knows %s", p.path, name)
		}
	}
}

var testName = regexp.MustCompile(`\bTest[A-Z]\w+(?:\.\.\.)?`)

// Tests that the documents cite are there.
func TestTestsOfTheDocumentsExist(t *testing.T) {
	known := sources(t, regexp.MustCompile(`(?m)^func Test\w+`))
	cited := 0
	for _, p := range pages(t) {
		for _, name := range testName.FindAllString(p.text, -1) {
			cited++
			prefix, several := strings.CutSuffix(name, "...")
			there := known["func "+name] || several && slices.ContainsFunc(slices.Collect(maps.Keys(known)),
				func(f string) bool { return strings.HasPrefix(f, "func "+prefix) })
			assert.True(t, there, "%s: there is no %s", p.path, name)
		}
	}
	assert.Greater(t, cited, 20, "the citations were not found")
}

// sources finds what matches in everything that is neither a document nor this file.
func sources(t *testing.T, what *regexp.Regexp) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	take := func(path string) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, m := range what.FindAllString(string(text), -1) {
			found[m] = true
		}
	}
	for _, folder := range []string{"cmd", "config", "plugins", "tests", "docs/embedding"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(repository, folder), func(path string, _ fs.DirEntry, err error) error {
			if err == nil && slices.Contains([]string{".go", ".yaml", ".env"}, filepath.Ext(path)) {
				take(path)
			}
			return err
		}))
	}
	for _, file := range []string{"Dockerfile", "docker-compose.yml", "Makefile"} {
		take(filepath.Join(repository, file))
	}
	return found
}
