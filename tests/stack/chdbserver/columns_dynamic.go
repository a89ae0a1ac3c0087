package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Versions of a Dynamic column. Version 1 repeats a limit that 2 leaves out; in
// 3, the flattened one, no type is shared.
const (
	dynamicV1        = 1
	dynamicV2        = 2
	dynamicFlattened = 3
)

// dynamicColumn names its alternatives in its prefix.
type dynamicColumn struct {
	flattened bool
	of        groupColumn
	variant   variantColumn
}

func (c *dynamicColumn) prefix(w *walker) {
	version := w.number()
	switch version {
	case dynamicV1:
		w.varint()
	case dynamicV2, dynamicFlattened:
	default:
		w.fail(fmt.Errorf("Dynamic has the version %d, known are 1 to 3", version))
	}
	types := w.names()
	c.flattened = version == dynamicFlattened
	if !c.flattened {
		types = append(types, sharedVariant)
		slices.Sort(types)
	}
	for _, typ := range types {
		if typ == sharedVariant {
			typ = "String"
		}
		of, err := columnOf(typ)
		if err != nil {
			w.fail(err)
			return
		}
		c.of = append(c.of, of)
	}
	if c.flattened {
		c.of.prefix(w)
		return
	}
	c.variant = variantColumn{c.of}
	c.variant.prefix(w)
}

// sharedVariant is the alternative that holds all values of types that are too rare to have one.
const sharedVariant = "SharedVariant"

// names hands a list of Strings on.
func (w *walker) names() []string {
	n := w.varint()
	if n > 1<<20 {
		w.fail(errTooLarge)
		return nil
	}
	var names []string
	for ; n > 0 && w.err == nil; n-- {
		names = append(names, w.text())
	}
	return names
}

func (c *dynamicColumn) body(w *walker, rows uint64) {
	if !c.flattened {
		c.variant.body(w, rows)
		return
	}
	n, width := uint64(len(c.of)), uint64(1)
	for n >= 1<<(8*width) && width < 4 { // n itself is the choice of NULL
		width *= 2
	}
	counts := w.alternatives(rows, width, n, n)
	for i, of := range c.of {
		of.body(w, counts[i])
	}
}

// Versions of a JSON column. In the text version each value is one String; 1
// and 2 differ as those of Dynamic do.
const (
	objectV1        = 0
	objectText      = 1
	objectV2        = 2
	objectFlattened = 3
)

// objectColumn is JSON: columns of the paths that have a type, then one Dynamic
// for each path that the prefix names, then what is left as pairs of texts.
type objectColumn struct {
	typed groupColumn
	of    groupColumn
}

// object reads the typed paths among a JSON's arguments, which go in the order of their names.
func object(args []string) (column, error) {
	var paths []objectPath
	for _, arg := range args {
		name, typ := cutName(arg)
		if name == "" || strings.HasSuffix(name, "=") || strings.HasPrefix(arg, "SKIP ") {
			continue
		}
		of, err := columnOf(typ)
		if err != nil {
			return nil, err
		}
		paths = append(paths, objectPath{unquote(name), of})
	}
	slices.SortFunc(paths, func(a, b objectPath) int { return cmp.Compare(a.name, b.name) })
	c := &objectColumn{}
	for _, path := range paths {
		c.typed = append(c.typed, path.of)
	}
	return c, nil
}

type objectPath struct {
	name string
	of   column
}

func (c *objectColumn) prefix(w *walker) {
	version := w.number()
	switch version {
	case objectText:
		c.of = groupColumn{textColumn{}}
		return
	case objectV1:
		w.varint()
	case objectV2, objectFlattened:
	default:
		w.fail(fmt.Errorf("JSON has the version %d, known are 0 to 3", version))
	}
	c.of = slices.Clone(c.typed)
	for range w.names() {
		c.of = append(c.of, &dynamicColumn{})
	}
	c.of.prefix(w)
	if version != objectFlattened {
		c.of = append(c.of, &arrayColumn{groupColumn{textColumn{}, textColumn{}}})
	}
}

func (c *objectColumn) body(w *walker, rows uint64) { c.of.body(w, rows) }
