// Package kafka is the input pausable_kafka: a consumer, as a rule the member of
// a group, that can be paused without losing its place.
//
// One session (session.go) is one connection. Its parts:
//
//	poller      one goroutine: polls records, builds messages, offers batches
//	assignment  who owns which partition now; pauses, hands out, settles
//	tracker     for one partition, the offset below which all is settled
//	intent      for one partition under exactly_once, what the group's commit is meant
//	            to say of it, and what of that it says
//	former      under exactly_once, makes chunks of what was polled
//	committer   under exactly_once, sends what the intents say
//	lagMeter    one goroutine: how far the brokers are ahead of the trackers, and
//	            what they have lost
//	rests       one goroutine: partitions that cannot be fetched for now
//	topicIDs    which topics were made anew; it outlives sessions
//	options.go  the config as options of the client
//	client.go   reachability and topic checks
//	link        whether the cluster is reached
//
// Records travel kgo → poller → ReadBatch → (acknowledgement) → assignment →
// offset mark → kgo's periodic commit. Only settled offsets are ever marked.
//
// Not obvious:
//
//   - A rebalance cannot run between the return of a poll and the look-up of
//     the partitions it returned: BlockRebalanceOnPoll opens that window and the
//     poller closes it microseconds later, before it offers the batch to anybody.
//     So a record is always tied to the assignment that it was fetched under,
//     and never to a later one of the same partition.
//   - A partition that is assigned again gets a new partition object. Identity
//     is the generation: what was fetched for an old object is not handed out,
//     and what was handed out for it no longer moves an offset.
//   - Records are tracked when they are handed out, not when they are polled: a
//     batch that nobody has taken when its partition is revoked is forgotten,
//     and its next owner fetches it.
//   - A pause in kgo outlives rebalances. Partitions that arrive during a pause
//     are paused on arrival, those that leave are resumed on departure.
//   - While paused the poller does not poll: what kgo has fetched already stays
//     in its bounded buffer and is delivered after the resume, not fetched twice.
//   - Under exactly_once kgo marks and commits nothing. Records travel kgo → poller →
//     former → intent → commit → ReadBatch → (acknowledgement) → intent → commit. One
//     partition that may not be committed stops there, with an error of its own, and is
//     not fetched until it may; no state of one partition is another's business.
//   - Nothing above depends on how the group balances: members may keep their
//     partitions in a rebalance, give them all up first, or be told by the
//     brokers. Partitions that the config names are assigned once, at the start,
//     and marking their offsets does nothing: without a group nobody commits.
//   - What lies below a log's start and was not polled is lost, and counted: when the
//     next fetch shows it, or when nothing comes, by the lagMeter, which looks twice.
//   - The client never reads a topic that was made anew: the session ends, and the
//     host opens another.
//   - The lag starts at the group's commit, which the client tells when it has
//     asked for it; a partition without one has its lag from where it starts.
//   - A record's value shares the memory of its fetched batch, which is freed
//     when the last record of it is settled.
//
// Lock order: the gate's lock, then assignment.mu, then kgo's own.
package kafka
