// Package validate finds out what became of the records of a source: it asks
// ClickHouse for every row, in the order in which it was inserted, and reads the
// dead letters. What that should have been is for package model to say.
//
// It knows the tables and the file, and how a record looks; no fault, and no bridge.
package validate
