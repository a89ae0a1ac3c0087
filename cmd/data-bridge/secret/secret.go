// Package secret finds the values of a configuration that nobody is to see, and
// takes them out of what is shown.
package secret

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
	"gopkg.in/yaml.v3"
)

// Hidden stands where a secret was.
const Hidden = "***"

var (
	key      = regexp.MustCompile(`(?i)(password|passphrase|token|secret|jwt|authorization|api_?key)`)
	userinfo = regexp.MustCompile(`([a-z][a-z0-9+.-]*://)[^\s/@"]+@`)
)

// Values are the secrets of a configuration. They are immutable.
type Values []string

// Of finds the values of a parsed configuration that are secret: those whose keys
// say so, and those that the schema knows as secret. A schema of nil knows none.
func Of(root any, schema *service.ConfigSchema) Values {
	found := map[string]bool{}
	collect(root, false, found)
	if scrubbed, err := scrub(root, schema); err == nil {
		compare(root, scrubbed, found)
	}
	for value := range maps.Clone(found) {
		found[url.QueryEscape(value)] = true
		if quoted, err := json.Marshal(value); err == nil {
			found[string(quoted[1:len(quoted)-1])] = true
		}
	}
	// The longest first, of which a shorter one may be a part.
	return slices.SortedFunc(maps.Keys(found), func(a, b string) int { return len(b) - len(a) })
}

func collect(node any, secret bool, found map[string]bool) {
	switch node := node.(type) {
	case map[string]any:
		for k, value := range node {
			collect(value, secret || key.MatchString(k), found)
		}
	case []any:
		for _, item := range node {
			collect(item, secret, found)
		}
	case string:
		if secret && node != "" && !strings.HasPrefix(node, "${!") {
			found[node] = true
		}
	}
}

// scrub returns the configuration as the host shows it, by its schema.
func scrub(root any, schema *service.ConfigSchema) (scrubbed any, err error) {
	if schema == nil {
		return root, nil
	}
	text, err := schema.NewStreamConfigMarshaller().SetScrubSecrets(true).AnyToYAML(root)
	if err != nil {
		return nil, err
	}
	return scrubbed, yaml.Unmarshal([]byte(text), &scrubbed)
}

// compare finds the strings that differ between a configuration and its scrubbed
// form.
func compare(node, scrubbed any, found map[string]bool) {
	switch node := node.(type) {
	case map[string]any:
		other, _ := scrubbed.(map[string]any)
		for k, value := range node {
			if s, there := other[k]; there {
				compare(value, s, found)
			}
		}
	case []any:
		other, _ := scrubbed.([]any)
		for i := range min(len(node), len(other)) {
			compare(node[i], other[i], found)
		}
	case string:
		if s, ok := scrubbed.(string); ok && s != node && strings.HasPrefix(s, "!!!") && node != "" {
			found[node] = true
		}
	}
}

// Text takes the secrets, and the user info of URLs, out of a text.
func (v Values) Text(text string) string {
	for _, secret := range v {
		text = strings.ReplaceAll(text, secret, Hidden)
	}
	return userinfo.ReplaceAllString(text, "${1}"+Hidden+"@")
}

// Tree returns a copy of a parsed configuration without its secrets: a value that is
// one is hidden as a whole, and of the others the user info of URLs.
func (v Values) Tree(node any) any {
	switch node := node.(type) {
	case map[string]any:
		out := make(map[string]any, len(node))
		for k, value := range node {
			out[k] = v.Tree(value)
			switch value.(type) {
			case int, int64, uint64, float64:
				if key.MatchString(k) { // a password of digits that nobody quoted
					out[k] = Hidden
				}
			}
		}
		return out
	case []any:
		out := make([]any, len(node))
		for i := range node {
			out[i] = v.Tree(node[i])
		}
		return out
	case string:
		if slices.Contains(v, node) {
			return Hidden
		}
		return userinfo.ReplaceAllString(node, "${1}"+Hidden+"@")
	case map[any]any: // YAML with keys that are no strings
		out := make(map[string]any, len(node))
		for k, value := range node {
			out[fmt.Sprint(k)] = v.Tree(value)
		}
		return out
	}
	return node
}
