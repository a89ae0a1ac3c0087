package variable

import (
	"context"
	"os"
	"slices"
)

// likely are values of the kinds that fields take. One of them suits most fields.
var likely = []string{"unknown", "127.0.0.1:9000", "http://127.0.0.1:8123", "50000", "1", "true", "1s", ""}

// Unknown has variables that are not set, and have no default, be whatever suits the
// files best, for who looks at them without knowing the values: what is refused of every
// likely value, and of all options, is refused, and nothing is said of what depends on
// it. faults counts what a file has against it with a lookup.
func (f *Files) Unknown(paths, options []string, faults func(text string, lookup Lookup) int) {
	values := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		set := Of(string(text))
		lookup := func(ctx context.Context, name string) (string, bool) {
			if value, ok := values[name]; ok {
				return value, true
			}
			return set(ctx, name)
		}
		for _, name := range unset(string(text)) {
			best, least := "", -1
			for i, value := range slices.Concat(likely, options) {
				if i >= len(likely) && least == 0 {
					break
				}
				values[name] = value
				if n := faults(string(text), lookup); least < 0 || n < least {
					best, least = value, n
				}
			}
			values[name] = best
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unknown = values
}

// unset are the variables of a text that are not set and have no default anywhere.
func unset(text string) (names []string) {
	defaults := map[string]bool{}
	for _, found := range reference.FindAllStringSubmatch(text, -1) {
		defaults[found[1]] = defaults[found[1]] || found[2] != ""
	}
	for name, has := range defaults {
		if _, ok := os.LookupEnv(name); !ok && !has {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
