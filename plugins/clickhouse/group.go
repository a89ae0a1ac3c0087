package clickhouse

// group is the records of a batch that go to one table of one shard.
type group struct {
	table  string
	shard  int
	sealed bool  // they are stored alone
	rows   []int // indexes of records; nil means all
}

// of returns the records of the group.
func (g group) of(all []record) []record {
	if g.rows == nil {
		return all
	}
	out := make([]record, len(g.rows))
	for i, row := range g.rows {
		out[i] = all[row]
	}
	return out
}

// each calls fn with the index of every record of the group.
func (g group) each(all []record, fn func(row int)) {
	if g.rows == nil {
		for row := range all {
			fn(row)
		}
	}
	for _, row := range g.rows {
		fn(row)
	}
}

// badRow is a record that cannot be stored, and why.
type badRow struct {
	index int
	table string
	err   error
}

// split groups records by table, in order of appearance. A record whose table
// cannot be told, or has an impossible name, is a bad row.
func (n *tableNamer) split(all []record) (groups []group, bad []badRow) {
	if n.literal() != "" {
		return []group{{table: n.literal()}}, nil
	}
	at := map[string]int{}
	current := -1 // the group of the record before
	var name string
	var err error
	for i, r := range all {
		if n.ofRecord || i == 0 || r.msg != all[i-1].msg { // those of a frame share their metadata
			name, err = n.name(r)
		}
		if err == nil && current >= 0 && groups[current].table == name {
			groups[current].rows = append(groups[current].rows, i)
			continue
		}
		if err == nil {
			err = checkTableName(name)
		}
		if err != nil {
			current = -1
			bad = append(bad, badRow{index: i, table: name, err: err})
			continue
		}
		g, known := at[name]
		if !known {
			g = len(groups)
			at[name] = g
			groups = append(groups, group{table: name, rows: make([]int, 0, len(all)-i)})
		}
		groups[g].rows = append(groups[g].rows, i)
		current = g
	}
	return groups, bad
}
