package kafka

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// topicIDs knows under which id each topic is read: one that is deleted and made
// anew has another. The client never reads the new one, so a session ends when it
// sees that, and the next one reads it from its start: nothing of it was read yet,
// whatever start_offset says, and whatever a commit says that was on its way.
//
// It outlives sessions and is safe for concurrent use.
type topicIDs struct {
	mu    sync.Mutex
	known map[string]kadm.TopicID
	anew  map[string]*rebirth // topics that were made anew
}

// rebirth is what is known of a topic that was made anew.
type rebirth struct {
	seen    time.Time
	started map[int32]bool // partitions of it that were started since
}

// lateCommits is how long a commit of a topic that was made anew may be one of the
// topic before it, which was on its way.
const lateCommits = time.Minute

func newTopicIDs() *topicIDs {
	return &topicIDs{known: map[string]kadm.TopicID{}, anew: map[string]*rebirth{}}
}

// observe returns the topics that were made anew since they were observed last.
// Brokers before Kafka 2.8 know no ids.
func (ids *topicIDs) observe(topics kadm.TopicDetails) (anew []string) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	for name, topic := range topics {
		if topic.Err != nil || topic.ID == (kadm.TopicID{}) {
			continue
		}
		if before, ok := ids.known[name]; ok && before != topic.ID {
			anew = append(anew, name)
			ids.anew[name] = &rebirth{seen: time.Now(), started: map[int32]bool{}}
		}
		ids.known[name] = topic.ID
	}
	slices.Sort(anew)
	return anew
}

// same reports whether a topic is the one that is read.
func (ids *topicIDs) same(topic kadm.TopicDetail) bool {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	before, ok := ids.known[topic.Topic]
	return !ok || before == topic.ID
}

// names are the topics that were observed.
func (ids *topicIDs) names() []string {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	return slices.Sorted(maps.Keys(ids.known))
}

// first reports whether nothing was read yet of a partition that starts, since its
// topic was made anew, and takes note that it starts.
func (ids *topicIDs) first(tp topicPartition, committed bool) bool {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	topic := ids.anew[tp.topic]
	if topic == nil {
		return false
	}
	again := topic.started[tp.partition] || time.Since(topic.seen) > lateCommits
	topic.started[tp.partition] = true
	return !committed || !again
}
