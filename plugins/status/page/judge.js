// What the figures of a stream mean: a state, a headline, since when, and why.

import { count, bytes, rate } from "./format.js";

const stillFor = 10; // seconds before nothing stored is worth a word

// judge returns {state, title, since, why}: one of healthy, paused and unhealthy,
// the headline, since when in ms (null when not known), and reasons in words.
export function judge(stream, started) {
  const { health, backpressure: b } = stream;
  const held = stream.running;
  const level = held.find((p) => p.reason !== "operator");
  const why = [...health.reasons, ...observations(stream, level)];
  if (health.status !== "healthy") {
    const title = level ? "Unhealthy, and paused" : "Unhealthy";
    return { state: "unhealthy", title, since: level ? Date.parse(level.start) : null, why };
  }
  if (level) {
    const title = level.reason === "bytes" ? "Paused: the buffer is heavy" : "Paused: the buffer is full";
    return { state: "paused", title, since: Date.parse(level.start), why };
  }
  if (held.length > 0) {
    const since = Math.min(...held.map((p) => Date.parse(p.start)));
    return { state: "paused", title: "Paused by an operator", since, why };
  }
  const since = Math.max(started, b.last_resume ? Date.parse(b.last_resume) : 0);
  return { state: "healthy", title: flowing(stream) ? "Data is flowing" : "Ready, nothing arrives", since, why };
}

export const flowing = (stream) => stream.received > 0 || stream.stored > 0;

function observations(stream, level) {
  const { backpressure: b, health } = stream;
  const why = [];
  const away = [...stream.inputs, ...stream.outputs].filter((one) => !one.connected).map((one) => one.label);
  if (away.length > 0 && health.reasons.length === 0) why.push(`Not connected: ${away.join(", ")}.`);
  if (level) {
    const to = level.reason === "bytes" ? bytes(stream.gate.resume_bytes) : `${count(b.resume_threshold)} records`;
    why.push(`Sources are not read until the level falls below ${to}; that happens by itself.`);
  }
  const yielding = stream.inputs.filter((one) => one.yielding && !one.paused);
  if (yielding.length > 0) {
    why.push(`Yielding: ${yielding.map((one) => one.label).join(", ")}. What can wait leaves room for what cannot; that is no fault.`);
  }
  const held = stream.inputs.filter((one) => one.paused_by.some((by) => by.reason === "operator"));
  if (held.length > 0) {
    why.push(`Held by an operator: ${held.map((one) => one.label).join(", ")}. That ends when somebody resumes them.`);
  }
  if (stream.still >= stillFor) {
    why.push(`Nothing has been stored for ${stream.still} s while ${count(b.current_buffer)} records wait: ClickHouse does not answer, or is slow.`);
  }
  const queue = stream.health.metrics.retry_queue_size;
  if (queue > 0) why.push(`${count(queue)} ${queue === 1 ? "batch waits" : "batches wait"} to be tried again.`);
  if (stream.discardedRate > 0) why.push(`Inputs discard ${rate(stream.discardedRate)} records per second, counted.`);
  if (stream.gate.pausing_off) {
    const by = health.overrides.some((one) => one.setting === "enabled") ? " by an operator, until the stream stops" : "";
    why.push(`Pausing is switched off (enabled: false)${by}: a full buffer blocks the inputs instead.`);
  }
  for (const one of health.overrides.filter((o) => o.setting !== "enabled" || !stream.gate.pausing_off)) {
    why.push(`Changed by an operator until the stream stops: ${one.setting} is ${one.current}, configured is ${one.configured}.`);
  }
  if (health.alerts?.error) why.push(`Alerts are not delivered (${count(health.alerts.lost)} lost): ${health.alerts.error}`);
  return why;
}

// pausedBy words who holds an input.
export const pausedBy = (input) =>
  input.paused_by.map((by) => (by.reason === "operator" ? "by an operator" : "by the buffer")).join(", ");
