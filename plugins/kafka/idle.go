package kafka

// idleReason is why a partition is not fetched, whether the input is paused or not. There
// may be several, and none ends another.
type idleReason uint8

const (
	idleFetch   idleReason = 1 << iota // its fetches fail; see rests
	idleCommit                         // its commits are refused; see committer
	idleCrowded                        // too many chunks of it are not settled; see former
)

func (tp topicPartition) alone() map[string][]int32 {
	return map[string][]int32{tp.topic: {tp.partition}}
}

// idle stops fetching a partition, if it is owned.
func (a *assignment) idle(tp topicPartition, why idleReason) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := a.owned[tp]; p != nil {
		a.sleep(p, why)
	}
}

// wake ends that, unless there are other reasons for it.
func (a *assignment) wake(tp topicPartition, why idleReason) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := a.owned[tp]; p != nil {
		a.rouse(p, why)
	}
}

func (a *assignment) sleep(p *partition, why idleReason) {
	p.idle |= why
	a.client.PauseFetchPartitions(p.alone())
}

func (a *assignment) rouse(p *partition, why idleReason) {
	p.idle &^= why
	if p.idle == 0 && !a.paused && a.owned[p.topicPartition] == p {
		a.client.ResumeFetchPartitions(p.alone())
	}
}
