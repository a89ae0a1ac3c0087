package backpressure

// passesOriginals reports whether nothing behind the buffer changes messages. Then
// it hands out the messages that it keeps for a retry, and not copies, which spares
// three allocations a record. Where nobody knows what the stream is made of, it hands
// out copies.
func (b *buffer) passesOriginals() bool { return b.stream.Topology().Originals() }
