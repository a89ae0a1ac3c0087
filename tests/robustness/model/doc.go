// Package model says what may become of each record by the promises of
// docs/delivery.md: exactly once, at least once, dropped and counted, dead-lettered,
// or lost at its source. It is pure: it knows the history of what was published, what
// happened meanwhile, and what was found in the end; it knows no server, no clock
// and no fault by name.
//
// What it does not judge: how long anything takes, and the order of records where
// docs/delivery.md promises none. It counts those that are out of order all the same.
package model
