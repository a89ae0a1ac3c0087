package topology_test

import (
	"fmt"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// handled are mappings that say what to do without the key, or do not read it.
var handled = []string{
	`@kafka_offset | 0`,
	`@kafka_offset.number() | 0`,
	"root = @kafka_offset.number() |\n  0",
	"root = @kafka_offset.\n  or(0)\n",
	"root = @kafka_offset. # of the record\n  or(0)\n",
	"# @kafka_offset.number()\nroot = this.x.or(1)",
	"root = this.x.or(1) # and not @kafka_offset + 1\n",
	`"see @kafka_offset"`,
	`"""see " @kafka_offset + 1"""`,
	`"a \" @kafka_offset"`,
	`"metadata(\"kafka_offset\")"`,
	`(@kafka_offset).or(0)`,
	`((@kafka_offset).number()).or(0)`,
	`(@kafka_offset + 1).catch(0)`,
	`null == @kafka_offset`,
	`@kafka_offset != null`,
	`if @kafka_offset == null { 0 } else { @kafka_offset }`,
	`if @kafka_offset.type() == "null" { 0 } else { @kafka_offset.number() }`,
	`match @kafka_offset { null => 0, _ => @kafka_offset.number() }`,
	"match @kafka_offset {\n  null => 0\n  _ => this.number()\n}",
	"match { @kafka_offset == null => 0, _ => @kafka_offset }",
	"let o = @kafka_offset\nroot = $o.or(0)",
	"let o = @kafka_offset\nroot.a = $o.or(0)\nroot.b = 1",
	"let o = (@kafka_offset + 1).catch(0)\nroot = $o",
	`@kafka_offset.string().number().or(0)`,
	`@kafka_offset.number(5)`,
	`@kafka_offset.parse_json().get("a").or(0)`,
	`@kafka_offset.apply("zero").or(0)`,
	"map zero {\n  root = this.or(0)\n}\nroot = @kafka_offset.apply(\"zero\")",
	"map zero {\n  root.a = @kafka_offset.number()\n}\nroot = 1",
	`[@kafka_offset, 0].filter(x -> x != null).index(0)`,
	`{"a": @kafka_offset}.values().filter(x -> x != null).length()`,
	`this.x.or(@kafka_offset).or(0)`,
	`"a".replace_all("b", @kafka_offset.or("c"))`,
	`@kafka_offset.not_null().catch(0)`,
	`@kafka_offset.exists("a")`,
	`@.kafka_offset.or(0)`,
	`@.exists("kafka_offset")`,
	`metadata("kafka_offset").or(0)`,
	`metadata().get("kafka_offset").or(0)`,
	`meta("kafka_offset").or(0)`,
	`"a" + @kafka_offset.or("")`,
	`"a" + @kafka_offset.string()`,
	`[@kafka_offset.string()].join(",")`,
	`"%v".format(@kafka_offset)`,
	`false && @kafka_offset.contains("x")`,
	`root = if true { 0 } else { @kafka_offset.number() }`,
	"root.a = @kafka_offset\nroot.a = root.a.or(0)",
	"root.a = @kafka_offset\nroot.a = 0",
	"root.a = @kafka_offset\nroot = this",
	"root.a = @kafka_offset\nroot = root.map_each(x -> x.value.or(0))",
	"meta kafka_offset = 5\nroot.b = 1",
	"meta copy = @kafka_offset\nroot.b = 1",
	"root.b = 1\nmeta copy = @kafka_offset.or(0)",
	"root.kafka_offset = 1",
	`kafka_offset | 1`,
	"root.a = 1\nroot.b = (\n  @kafka_offset.number()\n) | 1",
}

// unhandled are some that give nothing but a null, or fail.
var unhandled = []string{
	`@kafka_offset`,
	"root = ( @kafka_offset ) # of the record\n",
	`@"kafka_offset"`,
	`metadata("kafka_offset").string()`,
	`@kafka_offset.number()`,
	`@kafka_offset.uppercase().trim()`,
	`"a" + @kafka_offset`,
	`1 + (@kafka_offset)`,
	`-@kafka_offset`,
	`2 * @kafka_offset.number()`,
	"root.a = @kafka_offset",
	"root.b = 1\nroot.a = @kafka_offset\nroot.c = \"@kafka_offset\"",
	"root = @kafka_offset.uppercase()",
	"root.a = this.x | 1\nroot.b = @kafka_offset.uppercase()\nroot.c = this.y.or(2)",
	`@kafka_offset.replace_all("a", "b")`,
	`metadata("kafka_offset").split(",")`,
}

// without runs a mapping on a message that has no metadata at all, and says whether
// that gives a value: no error, and neither null nor the text of it.
func without(t *testing.T, mapping string) (gives bool, what string) {
	t.Helper()
	exe, err := bloblang.Parse(mapping)
	require.NoError(t, err, mapping)
	got, err := service.NewMessage([]byte(`{}`)).BloblangQuery(exe)
	if err != nil || got == nil {
		return false, fmt.Sprint(err)
	}
	v, err := got.AsStructured()
	if err != nil {
		text, err := got.AsBytes()
		return err == nil && string(text) != "null", string(text)
	}
	fields, _ := v.(map[string]any)
	for _, field := range fields {
		if field == nil {
			return false, fmt.Sprint(v)
		}
	}
	return v != nil && v != "null", fmt.Sprint(v)
}

func refused(t *testing.T, conf string) bool {
	t.Helper()
	return len(judge(t, conf, "").Faults()) > 0
}

func inColumn(mapping string) string {
	return fmt.Sprintf("input: {pausable_kafka: {}}\noutput: {clickhouse: {columns: {src: %q}}}", mapping)
}

// No mapping that gives a value for a message without any metadata is refused, whatever
// it looks like.
func TestWhatGivesAValueWithoutMetadataIsNotRefused(t *testing.T) {
	found := 0
	for _, mapping := range append(append([]string{}, handled...), unhandled...) {
		gives, what := without(t, mapping)
		for _, conf := range []string{
			inColumn(mapping),
			fmt.Sprintf("input: {pausable_kafka: {}}\npipeline: {processors: [{mapping: %q}]}\noutput: {clickhouse: {}}", mapping),
			fmt.Sprintf("input: {pausable_kafka: {}}\npipeline: {processors: [{mutation: %q}]}\noutput: {clickhouse: {}}", mapping),
		} {
			if refused(t, conf) {
				found++
				assert.False(t, gives, "%s is refused, and gives %s in\n%s", mapping, what, conf)
			}
		}
	}
	assert.GreaterOrEqual(t, found, 2*len(unhandled))
}

// What is certain is found where it stands in a column.
func TestPlainReadsAreFound(t *testing.T) {
	for _, mapping := range handled {
		assert.False(t, refused(t, inColumn(mapping)), mapping)
	}
	for _, mapping := range unhandled {
		inMapping := fmt.Sprintf("input: {pausable_kafka: {}}\npipeline: {processors: [{mapping: %q}]}\noutput: {clickhouse: {}}", mapping)
		assert.True(t, refused(t, inColumn(mapping)) || refused(t, inMapping), mapping)
	}
}

// A field that is null is none of our business if something behind may know what to do.
func TestANullFieldMayBeHandledBehind(t *testing.T) {
	const head = "input: {pausable_kafka: {}}\npipeline: {processors: [{mapping: 'root.o = @kafka_offset'}"
	for behind, want := range map[string]bool{
		"]}\noutput: {clickhouse: {}}":                                                true,
		"]}\noutput: {clickhouse: {columns: {src: o}}}":                               true,
		"]}\noutput: {clickhouse: {columns: {src: this.o}}}":                          true,
		", {mutation: 'root.b = this.c'}]}\noutput: {clickhouse: {}}":                 true,
		", {mutation: 'root.o = this.o.or(0)'}]}\noutput: {clickhouse: {}}":           false,
		", {mutation: 'root.o = deleted()'}]}\noutput: {clickhouse: {}}":              false,
		", {mapping: 'root = this.filter(i -> i.value)'}]}\noutput: {clickhouse: {}}": false,
		", {branch: {processors: [{noop: {}}]}}]}\noutput: {clickhouse: {}}":          false,
		"]}\noutput: {clickhouse: {columns: {src: 'o | 0'}}}":                         false,
		"]}\noutput: {processors: [{mapping: 'root = this.o | 0'}], clickhouse: {}}":  false,
	} {
		assert.Equal(t, want, refused(t, head+behind), behind)
	}
}

// Of all methods only those count as plain that fail at null, with whatever arguments.
func TestMethodsFailAtNull(t *testing.T) {
	plain := 0
	bloblang.GlobalEnvironment().WalkMethods(func(name string, _ *bloblang.MethodView) {
		for _, args := range []string{"", "1", `"a"`, `"hex"`, `"sha1"`, `"a", "b"`, "1, 2", "[]", "x -> x", "true"} {
			mapping := fmt.Sprintf("root = @kafka_offset.%s(%s)", name, args)
			if exe, err := bloblang.Parse(mapping); err != nil || !refused(t, inColumn(mapping)) {
				continue
			} else if name != "string" {
				_, err = service.NewMessage([]byte(`{}`)).BloblangQuery(exe)
				require.Error(t, err, mapping)
				plain++
			}
		}
	})
	assert.Greater(t, plain, 20)
	for _, operator := range []string{"+", "-", "*", "/", "%"} {
		for _, mapping := range []string{"@kafka_offset %s 1", "1 %s @kafka_offset", "@kafka_offset %s @kafka_offset"} {
			gives, what := without(t, fmt.Sprintf(mapping, operator))
			require.False(t, gives, "%s gives %s", fmt.Sprintf(mapping, operator), what)
		}
	}
}
