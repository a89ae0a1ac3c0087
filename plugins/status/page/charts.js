// The charts of the last hour, with what they say in words and as a table.

import { $, element, put, rows } from "./dom.js";
import { clock, count, rate } from "./format.js";
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

function axes(format) {
  const look = { stroke: () => colour("muted"), font: "12px system-ui, sans-serif", ticks: { show: false } };
  const grid = { stroke: () => colour("line"), width: 1 };
  return [
    { ...look, grid: { show: false }, space: 80, size: 26, values: (_, all) => all.map((at) => clock(at * 1000).replace(/^.* /, "").slice(0, 5)), incrs: [60, 300, 600, 900] },
    { ...look, grid, size: 52, space: 40, values: (_, all) => all.map(format) },
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
function thresholds(u) {
  if (!stream) return;
  const { ctx, bbox } = u;
  const b = stream.backpressure;
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  for (const [at, paint] of [[b.pause_threshold, "warn"], [b.yield_threshold, "muted"], [b.resume_threshold, "ok"]]) {
    if (!at) continue;
    const y = Math.round(u.valToPos(at, "y", true));
    ctx.strokeStyle = colour(paint);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}

function make(id, series, top, hooks) {
  const box = $(`${id}-chart`);
  const legend = $(`${id}-legend`);
  legend.replaceChildren(...series.map((s) => element("span", { class: "key", "data-paint": s.paint }, s.label, " ", element("b"))));
  const chart = new uPlot({
    width: box.clientWidth || 300,
    height,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: { x: { time: true, range: (_, from, to) => [Math.max(to - hour, Math.min(from, to - shortest)), to] }, y: { range: (_, __, most) => [0, top(most)] } },
    axes: axes(id === "level" ? compact : rate),
    series: [{}, ...series.map((s) => line(s.label, s.paint, s.more))],
    hooks: { ...hooks, setCursor: [(u) => readOut(u, legend, series)] },
  }, [[], ...series.map(() => [])], box);
  new ResizeObserver(() => chart.setSize({ width: box.clientWidth, height })).observe(box);
  return { chart, legend, series };
}

const compact = (n) => (n >= 1000 ? `${n / 1000}k` : String(n));

// readOut writes the figures at the cursor, or the latest, into the legend.
function readOut(u, legend, series) {
  const at = u.cursor.idx ?? u.data[0].length - 1;
  series.forEach((s, i) => put(legend.children[i].lastChild, u.data[i + 1][at] === undefined ? "" : s.format(u.data[i + 1][at])));
}

function begin() {
  const round = (most) => Math.max(10, most * 1.1);
  const bound = () => Math.max(stream?.backpressure.max_buffer_size ?? 1, 1);
  charts.level = make("level", [
    { label: "level", paint: "accent", column: "level", format: count, more: { fill: () => colour("accent-band") } },
  ], bound, { drawClear: [shade], draw: [thresholds] });
  charts.rate = make("rate", [
    { label: "received", paint: "accent", column: "received", format: rate },
    { label: "stored", paint: "ok", column: "stored", format: rate, more: { dash: [6, 3] } },
    { label: "discarded", paint: "bad", column: "discarded", format: rate },
  ], round, { drawClear: [shade] });
}

export function drawCharts(of) {
  stream = of;
  if (!charts.level) begin();
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

function words({ time, level, received, stored, discarded }) {
  if (time.length === 0) return;
  const peak = highest(level);
  put($("level-words"), `Highest ${count(peak)}, at ${clock(time[level.indexOf(peak)] * 1000)}. Shaded: paused by the buffer.`);
  put($("rate-words"), `On average ${rate(average(received))} received, ${rate(average(stored))} stored, ${rate(average(discarded))} discarded.`);
}

export function table(samples) {
  const parts = new Map();
  samples.time.forEach((at, i) => {
    const from = Math.floor(at / span) * span;
    parts.set(from, [...(parts.get(from) ?? []), i]);
  });
  const of = (column, at) => at.map((i) => samples[column][i]);
  rows($("hour-rows"), [...parts].reverse(), ([from]) => from, ([from, at]) => [
    clock(from * 1000).slice(0, -3),
    count(highest(of("level", at))),
    ...["received", "stored", "discarded"].map((column) => rate(average(of(column, at)))),
  ]);
}
