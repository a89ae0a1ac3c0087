package kafka

import "time"

// commitFailuresEvery is how often failed commits are logged at most.
const commitFailuresEvery = 10 * time.Second

func (s *session) warnCommit(err error) {
	repeats, tell := s.commitFailures.Tell(commitFailuresEvery)
	if !tell {
		return
	}
	s.log.With("cause", err, "repeats", repeats).Warn("Kafka offsets were not committed; records may be delivered again")
}

func (s *session) warnNack(err error) {
	s.nackOnce.Do(func() {
		s.log.With("cause", err).Warn("Kafka records were rejected: they and those behind them in their partitions " +
			"are not committed, and are delivered again after a restart (auto_replay_nacks delivers them at once)")
	})
}
