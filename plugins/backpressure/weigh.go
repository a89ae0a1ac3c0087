package backpressure

import "github.com/redpanda-data/benthos/v4/public/service"

// weigh estimates the memory that the body of a message holds, in bytes: exact
// for a body that nobody has parsed, which is the rule. A parsed body is walked
// and not encoded, which would cost a hundred times as much. The fixed cost of a
// message and its metadata are left to the bound in messages.
func weigh(m *service.Message) int64 {
	if m.HasStructured() {
		return weighParsed(m)
	}
	body, _ := m.AsBytes() // never an error, and nothing to encode
	return int64(len(body))
}

func weighParsed(m *service.Message) int64 {
	v, _ := m.AsStructured() // there already
	n := weighValue(v)
	if m.HasBytes() {
		body, _ := m.AsBytes()
		n += int64(len(body))
	}
	return n
}

const (
	weightOfValue = 16 // of an interface that holds a value
	weightOfWord  = 8  // of a number behind it, or of a part of a header
)

// weighValue estimates a value of the kinds that JSON and Bloblang know; any
// other counts as a number.
func weighValue(v any) int64 {
	switch v := v.(type) {
	case nil, bool:
		return weightOfValue
	case string:
		return weightOfValue + 2*weightOfWord + int64(len(v))
	case []byte:
		return weightOfValue + 3*weightOfWord + int64(len(v))
	case []any:
		n := int64(weightOfValue + 3*weightOfWord)
		for _, item := range v {
			n += weighValue(item)
		}
		return n
	case map[string]any:
		n := int64(weightOfValue + 6*weightOfWord)
		for key, item := range v {
			n += 2*weightOfWord + int64(len(key)) + weighValue(item)
		}
		return n
	}
	return weightOfValue + weightOfWord
}
