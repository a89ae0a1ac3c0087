package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/data-bridge-io/data-bridge/cmd/data-bridge/secret"
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

// hide takes the secrets out of all texts.
func hide(secrets secret.Values, findings []checkup.Finding) []checkup.Finding {
	out := slices.Clone(findings)
	for i := range out {
		f := &out[i]
		for _, text := range []*string{&f.Component, &f.Field, &f.Saw, &f.Do} {
			*text = secrets.Text(*text)
		}
	}
	return out
}
