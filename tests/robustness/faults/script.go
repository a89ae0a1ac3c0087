package faults

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Step is one word of a script.
type Step struct {
	// Verb is begin, end, wait or recover.
	Verb  verb
	Fault string
	Wait  time.Duration
}

type verb byte

// The verbs, as they are written.
const (
	doBegin   verb = '+'
	doEnd     verb = '-'
	doWait    verb = '~'
	doRecover verb = '!'
)

// Script is a list of steps, written as words that spaces divide:
//
//	+clickhouse.stall ~800ms bridge.kill ~300ms -clickhouse.stall !
//
// +fault begins and -fault ends one, a fault alone is a single act, ~ waits, and !
// waits until something that was published after all that is stored, of each source.
type Script []Step

// Parse reads a script.
func Parse(text string) (Script, error) {
	var s Script
	for _, word := range strings.Fields(text) {
		step := Step{Verb: verb(word[0]), Fault: word[1:]}
		switch step.Verb {
		case doWait:
			d, err := time.ParseDuration(word[1:])
			if err != nil {
				return nil, fmt.Errorf("reading %q of a script: %w", word, err)
			}
			step.Wait, step.Fault = d, ""
		case doRecover, doBegin, doEnd:
		default:
			step.Verb, step.Fault = doBegin, word
		}
		if step.Fault != "" {
			if _, err := Find(step.Fault); err != nil {
				return nil, fmt.Errorf("reading %q of a script: %w", word, err)
			}
		}
		s = append(s, step)
	}
	return s, nil
}

// String writes the script as Parse reads it.
func (s Script) String() string {
	words := make([]string, len(s))
	for i, step := range s {
		words[i] = step.String()
	}
	return strings.Join(words, " ")
}

// String is the word of a step.
func (s Step) String() string {
	switch s.Verb {
	case doWait:
		return "~" + s.Wait.String()
	case doRecover:
		return "!"
	case doBegin:
		if f, err := Find(s.Fault); err == nil && f.End == nil {
			return s.Fault
		}
	}
	return string(s.Verb) + s.Fault
}

// Draw makes a script in which each of the faults happens once, in any order, some
// alone and some overlapping with the next one.
func Draw(faults []Fault, r *rand.Rand) Script {
	var s Script
	shuffled := append([]Fault(nil), faults...)
	r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	for len(shuffled) > 0 {
		first := shuffled[0]
		shuffled = shuffled[1:]
		other := -1
		if r.IntN(2) == 0 {
			other = partner(first, shuffled)
		}
		if other < 0 {
			s = append(s, alone(first, r)...)
			continue
		}
		second := shuffled[other]
		shuffled = append(shuffled[:other:other], shuffled[other+1:]...)
		s = append(s, overlapping(first, second, r)...)
	}
	return s
}

// partner is the first of some faults that may happen while another one lasts.
func partner(f Fault, others []Fault) int {
	if f.End == nil {
		return -1
	}
	for i, o := range others {
		if independent(f, o) {
			return i
		}
	}
	return -1
}

// independent tells whether two faults can be told apart, and put right in any order.
func independent(a, b Fault) bool {
	if a.Target() == b.Target() {
		return false
	}
	for _, pair := range [][2]string{
		{"clickhouse", "wire"},   // a server that is gone shows no faults
		{"clickhouse", "table"},  // and alters no table
		{"kafka", "topic"},       // nor does a broker
		{"nats", "stream"},       //
		{"cluster", "stream"},    //
		{"bridge", "operator"},   // a pause ends with the process
		{"bridge", "replica"},    // one that comes while another one starts
		{"operator", "replica"},  // two to operate
		{"replica", "kafka"},     // who cannot join does not start
		{"replica", "nats"},      //
		{"replica", "nats-link"}, //
	} {
		if (a.Target() == pair[0] && b.Target() == pair[1]) || (a.Target() == pair[1] && b.Target() == pair[0]) {
			return false
		}
	}
	return true
}

// lasting is how long a fault lasts.
func lasting(f Fault, r *rand.Rand) Step {
	most := 2000
	if f.Brief {
		most = 1000
	}
	return Step{Verb: doWait, Wait: time.Duration(100+r.IntN(most)) * time.Millisecond}
}

func alone(f Fault, r *rand.Rand) Script {
	s := Script{{Verb: doBegin, Fault: f.Name}}
	if f.End != nil {
		s = append(s, lasting(f, r), Step{Verb: doEnd, Fault: f.Name})
	}
	return append(s, Step{Verb: doRecover})
}

func overlapping(a, b Fault, r *rand.Rand) Script {
	s := Script{{Verb: doBegin, Fault: a.Name}, lasting(a, r), {Verb: doBegin, Fault: b.Name}}
	if b.End == nil {
		return append(s, lasting(a, r), Step{Verb: doEnd, Fault: a.Name}, Step{Verb: doRecover})
	}
	first, last := a, b
	if r.IntN(2) == 0 {
		first, last = b, a
	}
	return append(s, lasting(first, r), Step{Verb: doEnd, Fault: first.Name}, lasting(last, r),
		Step{Verb: doEnd, Fault: last.Name}, Step{Verb: doRecover})
}
