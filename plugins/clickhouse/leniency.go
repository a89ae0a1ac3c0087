package clickhouse

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

// coercions are the values of the field coerce: the forms of values that are taken
// only if somebody asks for it.
var coercions = map[string]struct {
	what string
	set  func(*column.Rules)
}{
	"number_to_string": {"a number for a String, as it is spelt in the record", func(r *column.Rules) { r.NumberToString = true }},
	"bool_to_string":   {"`true` and `false` for a String", func(r *column.Rules) { r.BoolToString = true }},
	"number_to_bool":   {"`0` and `1` for a Bool", func(r *column.Rules) { r.NumberToBool = true }},
	"string_to_epoch":  {"a string that holds a number for a DateTime or a DateTime64, as that number", func(r *column.Rules) { r.StringToEpoch = true }},
	"basic_offset":     {"the offsets `+0000` and `+00` in times", func(r *column.Rules) { r.BasicOffset = true }},
	"empty_to_null":    {"an empty string for null, where the column is Nullable and its type does not take that string", func(r *column.Rules) { r.EmptyToNull = true }},
}

// leniencyFields are the fields that say what is done with records that do not
// have what columns want.
func leniencyFields() []*service.ConfigField {
	var list []string
	names := slices.Sorted(maps.Keys(coercions))
	for _, name := range names {
		list = append(list, "`"+name+"`: "+coercions[name].what)
	}
	return []*service.ConfigField{
		service.NewStringEnumField(fieldMissingFields, missingDefault, missingError).
			Description("What to do with a record that lacks the field of a column that has neither a default on the server nor null: store the type's zero, as ClickHouse does, or reject the record as a dead letter. " +
				"With `" + missingError + "`, a record that no column takes anything of is rejected too.").
			Default(missingDefault).Example(missingError),
		service.NewBoolField(fieldNullAsDefault).
			Description("Whether `null` for a column that is not Nullable is as good as no field at all, as with ClickHouse's `input_format_null_as_default`. Without it such a record is a dead letter.").
			Default(false).Example(true),
		service.NewStringListField(fieldCoerce).
			Description("Forms of values that are taken beside those that a column takes anyway: " + strings.Join(list, "; ") + ".").
			Default([]any{}).Example([]any{"number_to_string", "basic_offset"}).
			LintRule(`root = if this.type() == "string" && !["` + strings.Join(names, `","`) + `"].contains(this) {
  [ "` + fieldCoerce + `: %v is not known, ` + strings.Join(names, ", ") + ` are".format(this) ]
}`),
	}
}

func (c *config) readLeniency(p *parser) {
	c.rejectMissing = read(p, p.conf.FieldString, fieldMissingFields) == missingError
	c.nullAsDefault = read(p, p.conf.FieldBool, fieldNullAsDefault)
	for _, name := range read(p, p.conf.FieldStringList, fieldCoerce) {
		coercion, ok := coercions[name]
		if !ok {
			if p.err == nil {
				p.err = fmt.Errorf("%s.%s: %q is not known, %s are", pluginName, fieldCoerce, name, strings.Join(slices.Sorted(maps.Keys(coercions)), ", "))
			}
			return
		}
		coercion.set(&c.times)
	}
}
