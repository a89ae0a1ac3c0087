package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
)

// write writes the results in the format that was asked for.
func write(w io.Writer, o Options, results []Result) error {
	if o.Format == formatJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(struct {
			Exit    int      `json:"exit"`
			Configs []Result `json:"configs"`
		}{exitCode(results, o.Strict), results})
	}
	var text strings.Builder
	for _, r := range results {
		writeText(&text, r)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func writeText(w *strings.Builder, r Result) {
	counts := map[checkup.Severity]int{}
	for _, f := range r.Findings {
		counts[f.Severity]++
		fmt.Fprintf(w, "%-8s %s\n", f.Severity, line(f))
	}
	if r.Unread != "" {
		fmt.Fprintf(w, "%s: could not be checked: %s\n", r.Config, r.Unread)
		return
	}
	fmt.Fprintf(w, "%s: errors %d, warnings %d, infos %d, ok %d\n", r.Config,
		counts[checkup.Error], counts[checkup.Warning], counts[checkup.Info], counts[checkup.OK])
}

// line is a finding but for its severity, in one line.
func line(f checkup.Finding) string {
	where := f.Component
	if f.Field != "" {
		where += " " + f.Field
	}
	text := fmt.Sprintf("[%s] %s: %s", f.Check, where, f.Saw)
	if f.Do != "" {
		text += " -> " + f.Do
	}
	return strings.Join(strings.Fields(text), " ")
}

// secrets are the values of a config that nobody is to see.
type secrets []string

const hidden = "***"

var (
	secretKey = regexp.MustCompile(`(?i)(password|passphrase|token|secret|jwt)`)
	userinfo  = regexp.MustCompile(`([a-z]+://)[^\s/@]+@`)
)

// secretsOf finds the values of a parsed config whose keys say that they are
// secret. The plugins hide their own; this is for errors that others word.
func secretsOf(node any) secrets {
	found := map[string]bool{}
	collect(node, false, found)
	// The longest first, of which a shorter one may be a part.
	return slices.SortedFunc(maps.Keys(found), func(a, b string) int { return len(b) - len(a) })
}

func collect(node any, secret bool, found map[string]bool) {
	switch node := node.(type) {
	case map[string]any:
		for key, value := range node {
			collect(value, secret || secretKey.MatchString(key), found)
		}
	case []any:
		for _, item := range node {
			collect(item, secret, found)
		}
	case string:
		if secret && node != "" && !strings.HasPrefix(node, "${!") {
			found[node] = true
			found[url.QueryEscape(node)] = true
		}
	}
}

// hide takes the secrets out of all texts.
func (s secrets) hide(findings []checkup.Finding) []checkup.Finding {
	out := slices.Clone(findings)
	for i := range out {
		f := &out[i]
		for _, text := range []*string{&f.Component, &f.Field, &f.Saw, &f.Do} {
			for _, secret := range s {
				*text = strings.ReplaceAll(*text, secret, hidden)
			}
			*text = userinfo.ReplaceAllString(*text, "${1}"+hidden+"@")
		}
	}
	return out
}
