package kafka

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// startDefault stands for the offset that start_offset and start_timestamp name.
const startDefault = -1

// partitionSet is the partitions that the config names, each with the offset
// to start at or startDefault.
type partitionSet map[topicPartition]int64

// namesPartitions reports whether topics name their partitions, as in foo:0.
func (c *config) namesPartitions() bool {
	return !c.regexp && slices.ContainsFunc(c.topics, func(t string) bool { return strings.Contains(t, ":") })
}

// A list of partitions, and what follows a topic's name when it has one.
var (
	partitionRange = regexp.MustCompile(`^([0-9]{1,9})(?:-([0-9]{1,9}))?$`)
	startOffset    = regexp.MustCompile(`^[0-9]{1,18}$`)
)

// maxPartitions bounds a range, against slips of the pen.
const maxPartitions = 100_000

// parsePartitions reads topics that name their partitions: foo:0, foo:2-5,
// foo:0:10 to start at offset 10. A number or a range alone goes on with the
// topic before it, so that foo:0,1,2-5 can be written.
func parsePartitions(items []string) (partitionSet, error) {
	set := partitionSet{}
	topic := ""
	for _, item := range items {
		name, rest, named := strings.Cut(item, ":")
		switch {
		case named:
			topic = name
		case topic != "" && partitionRange.MatchString(item):
			rest = item
		default:
			return nil, complain(errMixedTopics, item)
		}
		if err := set.add(item, topic, rest); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// add reads the part of an item behind the topic.
func (s partitionSet) add(item, topic, text string) error {
	list, at, hasOffset := strings.Cut(text, ":")
	offset := int64(startDefault)
	if hasOffset {
		if !startOffset.MatchString(at) {
			return complain(errBadPartition, item)
		}
		offset, _ = strconv.ParseInt(at, 10, 64)
	}
	m := partitionRange.FindStringSubmatch(list)
	if m == nil || !validTopic.MatchString(topic) {
		return complain(errBadPartition, item)
	}
	first, _ := strconv.Atoi(m[1])
	last := first
	if m[2] != "" {
		last, _ = strconv.Atoi(m[2])
	}
	if last < first || last-first >= maxPartitions {
		return complain(errBadPartition, item)
	}
	for p := first; p <= last; p++ {
		s[topicPartition{topic, int32(p)}] = offset
	}
	return nil
}

// topics are the names in the set, in order and each once.
func (s partitionSet) topics() []string {
	var names []string
	for tp := range s {
		names = append(names, tp.topic)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// byTopic is the set in the form that the client takes it.
func (s partitionSet) byTopic() map[string][]int32 {
	m := map[string][]int32{}
	for tp := range s {
		m[tp.topic] = append(m[tp.topic], tp.partition)
	}
	return m
}

// offsets says where to start in each partition.
func (s partitionSet) offsets(start kgo.Offset) map[string]map[int32]kgo.Offset {
	m := map[string]map[int32]kgo.Offset{}
	for tp, at := range s {
		if m[tp.topic] == nil {
			m[tp.topic] = map[int32]kgo.Offset{}
		}
		o := start
		if at != startDefault {
			o = kgo.NewOffset().At(at)
		}
		m[tp.topic][tp.partition] = o
	}
	return m
}

// checkTopics checks which topics are read, and in which way.
func (c *config) checkTopics() (errs []error) {
	if len(c.topics) == 0 || slices.ContainsFunc(c.topics, func(t string) bool { return strings.TrimSpace(t) == "" }) {
		return []error{errors.New(errNoTopics)}
	}
	switch {
	case c.topicsTwice:
		errs = append(errs, errors.New(errTopicsTwice))
	case c.regexp:
		errs = append(checkRegexps(errBadRegexp, c.topics), checkRegexps(errBadExclude, c.exclude)...)
	case len(c.exclude) > 0:
		errs = append(errs, errors.New(errExclude))
	case c.namesPartitions():
		_, err := parsePartitions(c.topics)
		errs = append(errs, err)
	default:
		errs = checkNames(c.topics)
	}
	return append(errs, c.checkGroup())
}

func (c *config) checkGroup() error {
	switch group := strings.TrimSpace(c.group); {
	case group == "" && !c.namesPartitions():
		return errors.New(errNoGroup)
	case group != "" && c.namesPartitions():
		return complain(errGroupAndPartitions, group)
	case c.exactlyOnce && c.namesPartitions():
		return errors.New(errOnceNeedsGroup)
	case c.exactlyOnce && c.regexp:
		return errors.New(errOnceRegexp)
	}
	return nil
}

func checkRegexps(format string, patterns []string) (errs []error) {
	for _, p := range patterns {
		if _, err := regexp.Compile(p); err != nil {
			errs = append(errs, fmt.Errorf("%w: %w", complain(format, p), err))
		}
	}
	return errs
}

func checkNames(topics []string) (errs []error) {
	for _, t := range topics {
		if !validTopic.MatchString(t) {
			errs = append(errs, complain(errBadTopic, t))
		}
	}
	return errs
}
