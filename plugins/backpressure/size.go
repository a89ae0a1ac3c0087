package backpressure

import (
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// sizePattern is what a number of bytes looks like: 256MiB, 1.5 GB, 0. The empty
// size is zero.
const sizePattern = `^\s*(?:([0-9]+(?:\.[0-9]+)?)\s*((?:[kKmMgGtT][iI]?)?)[bB]?)?\s*$`

var sizeForm = regexp.MustCompile(sizePattern)

// parseSize reads a number of bytes.
func parseSize(p *service.ParsedConfig, path ...string) (int64, error) {
	text, err := p.FieldString(path...)
	if err != nil {
		return 0, err
	}
	bad := fmt.Errorf("%s (%s) must be a size, for example 256MiB", strings.Join(path, "."), text)
	if !sizeForm.MatchString(text) {
		return 0, bad
	}
	if strings.TrimSpace(text) == "" {
		return 0, nil
	}
	n, err := humanize.ParseBytes(text)
	if err != nil || n > math.MaxInt64 {
		return 0, bad
	}
	return int64(n), nil
}

// formatSize words a number of bytes for people: 102.4 MiB.
func formatSize(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, prefix := float64(n)/unit, 0
	for value >= unit && prefix < 3 {
		value /= unit
		prefix++
	}
	return strings.Replace(fmt.Sprintf("%.1f %ciB", value, "KMGT"[prefix]), ".0 ", " ", 1)
}

// lintSize says of a field what parseSize says.
func lintSize(field string) string {
	return `root = if !this.string().re_match("""` + sizePattern + `""") || (` + lintBytes("this") + `) > 9200000000000000000 { "` + field + ` (%v) must be a size, for example 256MiB".format(this) }`
}

// lintBytes is the Bloblang that turns a size into a number of bytes; what is no
// size, or empty, becomes zero.
func lintBytes(path string) string {
	return strings.ReplaceAll(`PATH.string().re_find_all_submatch("""`+sizePattern+`""").map_each(m -> m.1.number() * {
  "": 1, "K": 1000, "M": 1000000, "G": 1000000000, "T": 1000000000000,
  "KI": 1024, "MI": 1048576, "GI": 1073741824, "TI": 1099511627776
}.get(m.2.uppercase())).index(0).catch(0)`, "PATH", path)
}
