package record

// Source says where a column's value comes from: a field of the record, or
// something that is worked out for the record as a whole. It is not changed by
// its use.
type Source struct {
	Text string // as it was configured, for messages
	// Path is the names of the fields that lead to the value; empty, not nil, for
	// the record as a whole. Formats read it without Compute.
	Path []string
	// Compute returns the value for the record of an index, as Go's maps, slices,
	// texts, numbers, booleans and times; found is false if there is none.
	Compute func(index int) (value any, found bool, err error)
	// OfRecord says that Compute looks into the record: a value that it finds is
	// taken of it.
	OfRecord bool
}
