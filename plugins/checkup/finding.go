// Package checkup is how the plugins tell `data-bridge doctor` what they find
// when they look at their servers without running: each plugin knows its own
// servers best, and examines itself.
//
// A doctor opens a Roster in the resources that components are built with. The
// constructor of a plugin joins it, which does nothing in a process without a
// doctor; so doctor meets each component where it stands in the configuration,
// however deep in brokers, and with its own settings.
//
// Whatever is done for a checkup only reads: nothing is stored, acknowledged,
// committed or made, and no consumer group or queue group is joined.
package checkup

import (
	"fmt"
	"slices"
)

// Severity says what a finding asks for.
type Severity string

// The severities, from the mildest to the worst.
const (
	OK      Severity = "ok"      // looked at, and well
	Info    Severity = "info"    // good to know, or could not be looked at
	Warning Severity = "warning" // works, and will hurt under load or in an outage
	Error   Severity = "error"   // does not work, or loses records
)

var order = []Severity{OK, Info, Warning, Error}

// AtLeast reports whether s is as bad as other, or worse.
func (s Severity) AtLeast(other Severity) bool {
	return slices.Index(order, s) >= slices.Index(order, other)
}

// Finding is one thing that was seen.
type Finding struct {
	Severity  Severity `json:"severity"`
	Check     string   `json:"check"`           // what was looked at: connection, records, retention, ...
	Component string   `json:"component"`       // the label of the component, or its path
	Field     string   `json:"field,omitempty"` // of the component, or the setting of a server
	Saw       string   `json:"saw"`
	Do        string   `json:"do,omitempty"` // what to do about it; empty where there is nothing to do
}

// Report collects the findings on one component. It is for one goroutine.
type Report struct {
	component string
	findings  []Finding
}

// NewReport returns an empty report on a component.
func NewReport(component string) *Report { return &Report{component: component} }

// Findings are what was reported, in its order.
func (r *Report) Findings() []Finding { return r.findings }

// Add reports a finding; doing is what to do about it.
func (r *Report) Add(severity Severity, check, field, saw, doing string) {
	r.findings = append(r.findings, Finding{Severity: severity, Check: check, Component: r.component, Field: field, Saw: saw, Do: doing})
}

// OK reports something that is well.
func (r *Report) OK(check, field, format string, args ...any) {
	r.Add(OK, check, field, fmt.Sprintf(format, args...), "")
}

// Warn reports something that will hurt, and what to do about it.
func (r *Report) Warn(check, field, saw, doing string) { r.Add(Warning, check, field, saw, doing) }

// Fail reports something that does not work, and what to do about it.
func (r *Report) Fail(check, field, saw, doing string) { r.Add(Error, check, field, saw, doing) }

// Info reports something that is good to know.
func (r *Report) Info(check, field, format string, args ...any) {
	r.Add(Info, check, field, fmt.Sprintf(format, args...), "")
}

// Unchecked reports what could not be looked at, such as for want of a right.
// That is no fault of the configuration.
func (r *Report) Unchecked(check, field string, err error) {
	r.Add(Info, check, field, "could not check: "+err.Error(), "")
}
