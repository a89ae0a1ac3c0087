// The charts of the last hour, with what they say in words and as a table.

import { $, element, put, rows } from "./dom.js";
import { bytes, clock, count, latency, rate } from "./format.js";
import uPlot from "./vendor/uPlot.esm.js";

const hour = 3600;
const shortest = 120; // seconds that a chart spans at least
const height = 190;
const span = 300; // seconds of a row of the table

const probe = document.createElement("span");
const colours = new Map();

// colour resolves a variable of the style sheet, for the canvas.
function colour(name) {
  if (!colours.has(name)) {
    document.body.append(probe);
    probe.style.color = `var(--${name})`;
    colours.set(name, getComputedStyle(probe).color);
    probe.remove();
  }
  return colours.get(name);
}

const charts = {};
let stream;

function axes(format, incrs) {
  const look = { stroke: () => colour("muted"), font: "12px system-ui, sans-serif", ticks: { show: false } };
  const grid = { stroke: () => colour("line"), width: 1 };
  return [
    { ...look, grid: { show: false }, space: 80, size: 26, values: (_, all) => all.map((at) => clock(at * 1000).replace(/^.* /, "").slice(0, 5)), incrs: [60, 300, 600, 900] },
    { ...look, grid, size: 60, space: 40, values: (_, all) => all.map(format), ...(incrs && { incrs }) },
  ];
}

function line(name, paint, more = {}) {
  return { label: name, stroke: () => colour(paint), width: 1.75, points: { show: false }, ...more };
}

// shade marks the pauses behind the lines.
function shade(u) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.fillStyle = colour("warn-band");
  for (const pause of stream?.pauses.values() ?? []) {
    if (pause.reason === "operator") continue;
    const from = Math.max(u.valToPos(Date.parse(pause.start) / 1000, "x", true), bbox.left);
    const end = pause.end ? Date.parse(pause.end) / 1000 : u.scales.x.max;
    const to = Math.min(u.valToPos(end, "x", true), bbox.left + bbox.width);
    if (to > from) ctx.fillRect(from, bbox.top, Math.max(to - from, 2), bbox.height);
  }
  ctx.restore();
}

// thresholds draws the two lines that the level moves between, and how far sources that
// can wait fill the buffer.
const thresholds = (of) => (u) => {
  if (!stream) return;
  const { ctx, bbox } = u;
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  const [pause, yields, resume] = of(stream);
  for (const [at, paint] of [[pause, "warn"], [yields, "muted"], [resume, "ok"]]) {
    if (!at) continue;
    const y = Math.round(u.valToPos(at, "y", true));
    ctx.strokeStyle = colour(paint);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
};

function make(id, series, top, hooks = {}, incrs = null) {
  const box = $(`${id}-chart`);
  const legend = $(`${id}-legend`);
  legend.replaceChildren(...series.map((s) => element("span", { class: "key", "data-paint": s.paint }, s.label, " ", element("b"))));
  const chart = new uPlot({
    width: box.clientWidth || 300,
    height,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: { x: { time: true, range: (_, from, to) => [Math.max(to - hour, Math.min(from, to - shortest)), to] }, y: { range: (_, __, most) => [0, top(most)] } },
    axes: axes(series[0].axis ?? series[0].format, incrs),
    series: [{}, ...series.map((s) => line(s.label, s.paint, s.more))],
    hooks: { drawClear: [shade], ...hooks, setCursor: [(u) => readOut(u, legend, series)] },
  }, [[], ...series.map(() => [])], box);
  new ResizeObserver(() => box.clientWidth > 0 && chart.setSize({ width: box.clientWidth, height })).observe(box);
  return { chart, legend, series };
}

const compact = (n) => (n >= 1000 ? `${n / 1000}k` : String(n));

// readOut writes the figures at the cursor, or the latest, into the legend.
function readOut(u, legend, series) {
  const at = u.cursor.idx ?? u.data[0].length - 1;
  series.forEach((s, i) => put(legend.children[i].lastChild, (u.data[i + 1][at] ?? null) === null ? "" : s.format(u.data[i + 1][at])));
}

const filled = { fill: () => colour("accent-band") };
const dashed = { dash: [6, 3] };
const binary = Array.from({ length: 41 }, (_, i) => 2 ** i); // steps of an axis in bytes

// atLeast is a little above the highest, and never less than so much.
const atLeast = (least) => (most) => Math.max(least, most * 1.1);

function begin() {
  const bound = () => Math.max(stream?.backpressure.max_buffer_size ?? 1, 1);
  const heaviest = (most) => stream?.backpressure.max_bytes || atLeast(1024)(most);
  charts.level = make("level", [
    { label: "level", paint: "accent", column: "level", format: count, axis: compact, more: filled },
  ], bound, { draw: [thresholds(({ backpressure: b }) => [b.pause_threshold, b.yield_threshold, b.resume_threshold])] });
  charts.rate = make("rate", [
    { label: "received", paint: "accent", column: "received", format: rate },
    { label: "stored", paint: "ok", column: "stored", format: rate, more: dashed },
    { label: "discarded", paint: "bad", column: "discarded", format: rate },
  ], atLeast(10));
  charts.bytes = make("bytes", [
    { label: "level", paint: "accent", column: "bytes", format: bytes, more: filled },
  ], heaviest, { draw: [thresholds(({ gate }) => [gate.pause_bytes, gate.yield_bytes, gate.resume_bytes])] }, binary);
  charts.oldest = make("oldest", [{ label: "oldest", paint: "accent", column: "oldest", format: latency }], atLeast(1));
  charts.insert = make("insert", [{ label: "average", paint: "accent", column: "insert", format: latency }], atLeast(0.1));
  charts.lag = make("lag", [
    { label: "Kafka", paint: "accent", column: "lag_kafka", format: count, axis: compact },
    { label: "JetStream", paint: "ok", column: "lag_jetstream", format: count, axis: compact, more: dashed },
  ], atLeast(10));
}

const isKnown = (n) => n !== null;

// showLag leaves out what no source of the stream tells.
function showLag(samples) {
  const { legend, series } = charts.lag;
  const there = series.map((s) => samples[s.column].some(isKnown));
  there.forEach((is, i) => { legend.children[i].hidden = !is; });
  $("lag-figure").hidden = !there.includes(true);
}

export function drawCharts(of) {
  stream = of;
  if (!charts.level) begin();
  showLag(of.samples);
  for (const { chart, legend, series } of Object.values(charts)) {
    chart.setData([of.samples.time, ...series.map((s) => of.samples[s.column])]);
    readOut(chart, legend, series);
  }
  words(of.samples);
  if ($("as-table").open) table(of.samples);
}

export function repaintCharts() {
  colours.clear();
  for (const { chart } of Object.values(charts)) chart.redraw(false);
}

const highest = (list) => list.reduce((most, n) => Math.max(most, n), 0);
const average = (list) => (list.length === 0 ? 0 : list.reduce((sum, n) => sum + n, 0) / list.length);

// lags is the lag of all sources together; null where it is not known.
const lags = (samples) => samples.lag_kafka.map((n, i) => {
  const other = samples.lag_jetstream[i];
  return n === null && other === null ? null : (n ?? 0) + (other ?? 0);
});

function words(samples) {
  const { time, level, received, stored, discarded } = samples;
  if (time.length === 0) return;
  const at = (list, most) => `at ${clock(time[list.indexOf(most)] * 1000)}`;
  const peak = highest(level);
  put($("level-words"), `Highest ${count(peak)}, ${at(level, peak)}. Shaded: paused by the buffer.`);
  put($("rate-words"), `On average ${rate(average(received))} received, ${rate(average(stored))} stored, ${rate(average(discarded))} discarded.`);
  const heaviest = highest(samples.bytes);
  put($("bytes-words"), `Highest ${bytes(heaviest)}, ${at(samples.bytes, heaviest)}.${stream.backpressure.max_bytes ? ` The bound is ${bytes(stream.backpressure.max_bytes)}.` : " Bytes are not bounded."}`);
  const oldest = highest(samples.oldest);
  put($("oldest-words"), oldest > 0 ? `Highest ${latency(oldest)}, ${at(samples.oldest, oldest)}. From the arrival until ClickHouse has it.` : "Nothing has been held.");
  const took = samples.insert.filter(isKnown);
  put($("insert-words"), took.length > 0 ? `${latency(average(took))} on average, ${latency(highest(took))} at most, of inserts of five seconds each.` : "No insert has succeeded.");
  const lag = lags(samples);
  const most = highest(lag);
  put($("lag-words"), `Highest ${count(most)}${most > 0 ? `, ${at(lag, most)}` : ""}. What sources hold and ClickHouse has not yet.`);
}

const dash = (n, format) => (n.some(isKnown) ? format(n.filter(isKnown)) : "–");

export function table(samples) {
  const parts = new Map();
  const lag = lags(samples);
  samples.time.forEach((at, i) => {
    const from = Math.floor(at / span) * span;
    parts.set(from, [...(parts.get(from) ?? []), i]);
  });
  const of = (column, at) => at.map((i) => samples[column][i]);
  rows($("hour-rows"), [...parts].reverse(), ([from]) => from, ([from, at]) => [
    clock(from * 1000).slice(0, -3),
    count(highest(of("level", at))),
    ...["received", "stored", "discarded"].map((column) => rate(average(of(column, at)))),
    bytes(highest(of("bytes", at))),
    latency(highest(of("oldest", at))),
    dash(of("insert", at), (all) => latency(average(all))),
    dash(at.map((i) => lag[i]), (all) => count(highest(all))),
  ]);
}
