// What the page knows of one stream.

const kept = 3600; // seconds of samples
const mostIncidents = 100;

export class Stream {
  constructor(id) {
    this.id = id;
    this.samples = { time: [], level: [], bytes: [], received: [], stored: [], discarded: [], oldest: [], insert: [], lag_kafka: [], lag_jetstream: [] };
    this.config = []; // what the components were configured with
    this.pauses = new Map(); // by what tells them apart, oldest first
    this.incidents = new Map(); // by key, the latest last
  }

  // take adds what an update tells.
  take(update) {
    this.verdict = update.verdict;
    this.health = update.health;
    this.gate = update.gate;
    this.rates = update.rates;
    this.total = update.pauses.total;
    this.forgotten = update.pauses.forgotten;
    this.config = update.config ?? this.config;
    for (const pause of update.pauses.pauses) {
      this.pauses.set([pause.start, pause.reason, pause.input].join(), pause);
    }
    for (const one of update.incidents) {
      this.incidents.delete(one.key); // to stand at the end
      this.incidents.set(one.key, one);
    }
    for (const key of [...this.incidents.keys()].slice(0, -mostIncidents)) this.incidents.delete(key);
    this.takeSamples(update.samples);
    this.forget();
  }

  takeSamples(fresh) {
    const mine = this.samples;
    for (const name of Object.keys(mine)) mine[name].push(...fresh[name]);
    const old = mine.time.findIndex((at) => at > mine.time.at(-1) - kept);
    if (old > 0) for (const name of Object.keys(mine)) mine[name].splice(0, old);
  }

  forget() {
    const yesterday = Date.now() - 25 * kept * 1000;
    for (const [key, pause] of this.pauses) {
      if (pause.end && Date.parse(pause.end) < yesterday) this.pauses.delete(key);
    }
  }

  get backpressure() {
    return this.health.metrics.backpressure;
  }

  // inputs and outputs are pairs of label and figures: the stream's id in front
  // of labels is for those who see all streams at once.
  get inputs() {
    return this.pairs(this.health.inputs, this.rates.inputs);
  }

  get outputs() {
    return this.pairs(this.health.outputs, this.rates.outputs);
  }

  pairs(figures, rates) {
    const prefix = this.id === "" ? "" : `${this.id}.`;
    return Object.entries(figures ?? {}).map(([name, of]) => ({
      label: name.startsWith(prefix) ? name.slice(prefix.length) : name,
      ...of,
      rate: rates?.[name] ?? { received: 0, discarded: 0, rows: 0, tables: {} },
    }));
  }

  get received() {
    return this.inputs.reduce((sum, one) => sum + one.rate.received, 0);
  }

  get stored() {
    return this.outputs.reduce((sum, one) => sum + one.rate.rows, 0);
  }

  get discarded() {
    return this.inputs.reduce((sum, one) => sum + discardedOf(one), 0);
  }

  // lost is what nobody delivers again: discarded at the sources before it was read, and
  // lost at stops; the latter by the whole process, streams that are gone included.
  get lost() {
    return { source: this.inputs.reduce((sum, one) => sum + one.records_lost, 0), stops: this.health.lost_at_stop };
  }

  get deadLetters() {
    return this.outputs.reduce((sum, one) => sum + one.dead_letters, 0);
  }

  // waiting are rows that have reached an output and are not settled, by what they wait
  // for; held are those that are, and wait with others of their batch.
  get waiting() {
    const sum = (name) => this.outputs.reduce((all, one) => all + one[name], 0);
    return { retry: sum("retry_rows"), letters: sum("dead_letters_waiting"), parked: sum("parked_rows"), held: sum("held_rows") };
  }

  get processorErrors() {
    return this.outputs.reduce((sum, one) => sum + one.processor_errors, 0);
  }

  // insertSeconds is how long inserts take, into the slowest output; null for none of late.
  get insertSeconds() {
    return this.outputs.reduce((most, one) => (one.insert_seconds === null ? most : Math.max(most ?? 0, one.insert_seconds)), null);
  }

  // running are the pauses that last.
  get running() {
    return [...this.pauses.values()].filter((p) => p.end === null);
  }
}

export const discardedOf = (input) => input.dropped + input.conflated + input.slow_consumer;
