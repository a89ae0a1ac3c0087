// The figures of inputs and tables, the pauses and the errors.

import { $, attributes, badge, each, put, rows, svg } from "./dom.js";
import { age, bytes, clock, count, latency, length, rate } from "./format.js";
import { inputState, outputState } from "./gauge.js";

const mostRows = 12; // pauses and errors that are listed
const day = 86400; // seconds

const quiet = (n) => ({ text: count(n), tone: n === 0 ? "quiet" : null });
const alarming = (n, tone) => ({ text: count(n), tone: n === 0 ? "quiet" : tone });
const kinds = { nats: "NATS", jetstream: "JetStream", kafka: "Kafka" };

// named is a name with what kind of thing it is in small letters.
const named = (name, kind) => ({
  text: name,
  node(cell) {
    if (cell.children.length === 0) cell.append(document.createElement("span"), document.createElement("small"));
    put(cell.firstChild, name);
    put(cell.lastChild, kind);
  },
});

// kindOf says what kind of source it is, and how much of it is read where that is shared.
function kindOf(one) {
  const kind = kinds[one.kind] ?? one.kind;
  if ((one.partitions ?? null) === null) return kind;
  return `${kind}, ${count(one.partitions)} ${one.partitions === 1 ? "partition" : "partitions"}`;
}

export function drawInputs(stream) {
  rows($("inputs-rows"), stream.inputs, (one) => `${one.kind} ${one.label}`, (one) => [
    named(one.label, kindOf(one)),
    inputState(one),
    { text: rate(one.rate.received), tone: one.rate.received === 0 ? "quiet" : null },
    quiet(one.received),
    quiet(one.accepted),
    alarming(one.dropped, "warn"),
    alarming(one.conflated, "warn"),
    alarming(one.slow_consumer, "bad"),
    alarming(one.records_lost, "bad"),
    alarming(one.lost_at_stop, "bad"),
    quiet(one.buffered),
    (one.lag ?? null) === null ? { text: "–", tone: "quiet", title: one.partitions === null ? "This kind of source does not tell" : `Not known: ${one.group === "joining" ? "the input waits for its consumer group" : "it has no partitions"}` } : quiet(one.lag),
  ]);
}

export function drawTables(stream) {
  const all = stream.outputs.flatMap((output) =>
    Object.entries(output.tables).map(([name, of]) => ({ name, output, speed: output.rate.tables[name] ?? 0, ...of })));
  rows($("tables-rows"), all, (t) => `${t.output.label} ${t.name}`, (t) => [
    named(t.name, t.output.label),
    t.retry_queue_size > 0 ? badge("warn", "Retrying", `attempt ${count(t.retry_attempts)}`)
      : outputState(t.output, [t]),
    { text: rate(t.speed), tone: t.speed === 0 ? "quiet" : null },
    quiet(t.rows),
    quiet(t.batches),
    t.insert_seconds === null ? { text: "–", tone: "quiet", title: "No insert within the last seconds" } : { text: latency(t.insert_seconds) },
    alarming(t.retries, "warn"),
    alarming(t.retry_queue_size, "warn"),
    alarming(t.retry_rows, "warn"),
    alarming(t.held_rows, "warn"),
    t.retry_oldest_seconds === null ? { text: "–", tone: "quiet" } : { text: age(t.retry_oldest_seconds), tone: "warn" },
    alarming(t.processor_errors, "bad"),
    alarming(t.dead_letters, "bad"),
  ]);
  $("tables-none").hidden = all.length > 0;
  $("tables-rows").parentElement.hidden = all.length === 0;
}

const causes = { level: "Too many records held", bytes: "Too many bytes held", operator: "An operator" };

const droppedIn = (pause) => Object.values(pause.dropped).reduce((sum, n) => sum + n, 0);

const secondsOf = (pause, now) => ((pause.end ? Date.parse(pause.end) : now) - Date.parse(pause.start)) / 1000;

export function drawPauses(stream, now) {
  const all = [...stream.pauses.values()].reverse();
  const shown = all.slice(0, mostRows);
  rows($("pauses-rows"), shown, (p) => [p.start, p.reason, p.input].join(), (p) => [
    { text: clock(Date.parse(p.start)), title: p.start },
    p.end ? length(secondsOf(p, now)) : badge("warn", age(secondsOf(p, now)), "still paused"),
    causes[p.reason] ?? p.reason,
    p.input ?? "all",
    { text: count(p.peak_level), title: bytes(p.peak_bytes) },
    alarming(droppedIn(p), "warn"),
  ]);
  $("pauses-table").hidden = all.length === 0;
  const t = stream.total;
  const longest = t.count > 1 ? `, the longest ${length(t.longest_seconds)}` : "";
  put($("pauses-sum"), t.count === 0 ? "None: nothing has been paused."
    : `${count(t.count)} ${t.count === 1 ? "pause" : "pauses"}, ${length(t.paused_seconds)} in all${longest}; ${count(t.dropped)} records discarded because of them.`);
  const hidden = all.length - shown.length;
  $("pauses-more").hidden = hidden + stream.forgotten === 0;
  put($("pauses-more"), `${count(hidden)} earlier ones are in /pauses${stream.forgotten ? `, ${count(stream.forgotten)} were too many to keep` : ""}.`);
  strip(all, now);
}

// strip draws the last 24 hours, a pixel of a pause at least.
function strip(all, now) {
  const base = $("strip");
  each(base, [{ key: "base" }, ...all], (p) => p.key ?? [p.start, p.reason, p.input].join(),
    () => svg("rect", { y: 0, height: 34 }),
    (node, p) => {
      if (p.key) return attributes(node, { class: "glass", x: 0, width: 1000 });
      const x = Math.max(0, 1000 - (1000 * (now - Date.parse(p.start))) / 1000 / day);
      const width = Math.max(3, (1000 * secondsOf(p, now)) / day);
      return attributes(node, { class: p.reason === "operator" ? "held" : "full", x: Math.min(x, 997), width: Math.min(width, 1000 - x + 3) });
    });
}

// what words a class of incident for people.
const classes = {
  disconnected: ["bad", "Disconnected"],
  "dead letter": ["bad", "Dead letter"],
  "dead letter output": ["bad", "Dead letters refused"],
  rejected: ["bad", "Rejected"],
  retry: ["warn", "Will retry"],
  "retry and slow down": ["warn", "Overloaded"],
  "unknown outcome": ["warn", "No answer"],
  "row fault": ["warn", "Row fault"],
  "schema fault": ["bad", "Schema fault"],
  "access fault": ["bad", "No access"],
};

export function drawErrors(stream) {
  const shown = [...stream.incidents.values()].reverse().slice(0, mostRows);
  rows($("errors-rows"), shown, (one) => one.key, (one) => [
    { text: clock(Date.parse(one.last)), title: one.first === one.last ? one.last : `first ${one.first}, last ${one.last}` },
    [one.component.replace("output ", "").replace("input ", ""), one.table, one.column].filter(Boolean).join(" › "),
    badge(...(classes[one.class] ?? ["warn", one.class])),
    one.message,
    `×${count(one.count)}`,
  ]);
  $("errors-table").hidden = shown.length === 0;
  $("errors-none").hidden = shown.length > 0;
}
