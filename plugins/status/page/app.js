// The live page: takes the events of the bridge and shows them.

import { drawAdvice } from "./advice.js";
import { Bridge } from "./bridge.js";
import { drawCharts, repaintCharts, table } from "./charts.js";
import { drawConfig } from "./config.js";
import { $, attributes, each, element, put } from "./dom.js";
import { age, clock, count, latency, percent, rate, zone } from "./format.js";
import { drawFlow, drawGauge } from "./gauge.js";
import { Stream } from "./stream.js";
import { drawErrors, drawInputs, drawPauses, drawTables } from "./tables.js";

const root = document.documentElement;
const titles = { healthy: "Healthy", paused: "Paused", unhealthy: "Unhealthy", disconnected: "Disconnected" };
const worst = ["healthy", "paused", "unhealthy"];

let streams = new Map(); // by id
let picked = null; // id of the stream that somebody wants to see
let started = 0; // of the process, in ms
let skew = 0; // of this clock against the bridge's, in ms
let lostSince = null; // in ms; null while connected
let full = false; // the bridge refuses one more reader

const now = () => Date.now() - skew;

function take(update, fresh) {
  if (fresh) streams = new Map();
  skew = Date.now() - Date.parse(update.time);
  started = Date.parse(update.started);
  put($("build"), [update.version, update.host && `on ${update.host}`].filter(Boolean).join(" "));
  lostSince = null;
  const old = streams;
  streams = new Map();
  for (const one of update.streams) {
    const stream = old.get(one.id) ?? new Stream(one.id);
    stream.take(one);
    streams.set(one.id, stream);
  }
  draw();
}

function lose(since, refused) {
  lostSince ??= since;
  full = false;
  if (refused) fetch("health", { cache: "no-store" }).then(() => { full = true; drawLost(); }, () => {});
  drawState();
}

// chosen is the stream that is shown: the one that was picked, else the first.
const chosen = () => streams.get(picked) ?? streams.values().next().value;

function pick() {
  if (!location.hash.startsWith("#stream=")) return;
  const name = location.hash.slice("#stream=".length);
  try {
    picked = decodeURIComponent(name);
  } catch {
    picked = name; // somebody typed it
  }
  draw();
}

function draw() {
  drawState();
  const stream = chosen();
  if (!stream) return;
  drawTiles(stream);
  drawGauge(stream);
  drawFlow(stream);
  drawCharts(stream);
  drawPauses(stream, now());
  drawInputs(stream);
  drawTables(stream);
  drawErrors(stream);
  drawConfig(stream);
  drawAdvice(stream);
  put($("since-start"), `Figures count since the start at ${clock(started)}. Times are those of ${zone()}.`);
}

// drawState shows the one thing that has to be seen first. Its words are read
// aloud when they change, not when seconds pass.
function drawState() {
  const verdicts = [...streams.values()].map((stream) => ({ stream, ...stream.verdict }));
  const shown = verdicts.find((v) => v.stream === chosen());
  drawStreams(verdicts);
  drawLost();
  const lost = lostSince !== null;
  let state = lost ? "disconnected" : shown?.state ?? "disconnected";
  attributes(root, { "data-state": state });
  if (lost) put($("state"), "No connection to the bridge");
  else if (shown) put($("state"), shown.title);
  else put($("state"), "No stream is running");
  put($("state-since"), lost ? since(lostSince, Date.now()) : since(shown?.since && Date.parse(shown.since), now()));
  const why = lost ? [] : shown?.why ?? [];
  each($("state-why"), why.map((text, i) => ({ text, i })), (one) => one.i, () => element("li"), (node, one) => put(node, one.text));
  attributes($("state-icon"), { src: `page/icon-${state}.svg` });
  const title = $("state").textContent;
  put($("announce"), title.startsWith(titles[state]) ? title : `${titles[state]}: ${title}`);
  for (const verdict of verdicts) { // the tab speaks for all streams
    if (!lost && worst.indexOf(verdict.state) > worst.indexOf(state)) state = verdict.state;
  }
  document.title = `${titles[state]} – data-bridge`;
  attributes(document.querySelector("link[rel=icon]"), { href: `page/icon-${state}.svg` });
}

function since(at, present) {
  return at ? `since ${clock(at)}, for ${age((present - at) / 1000)}` : "";
}

function drawLost() {
  const lost = lostSince !== null;
  $("lost").hidden = !lost;
  attributes($("live"), { "data-live": lost ? "no" : "yes" });
  put($("live-text"), lost ? "offline" : "live");
  if (!lost) return;
  const why = full ? "Too many pages read it, and newer ones took the place of this one." : "Is it running? Is this host reachable?";
  const old = streams.size > 0 ? " What is below is from then." : "";
  put($("lost"), `Lost the bridge at ${clock(lostSince)}, ${age((Date.now() - lostSince) / 1000)} ago. ${why} The page tries again all the time.${old}`);
}

function drawStreams(verdicts) {
  const nav = $("streams");
  nav.hidden = verdicts.length < 2;
  each(nav, verdicts, (v) => v.stream.id, () => element("a"), (node, v) => {
    attributes(node, {
      href: `#stream=${encodeURIComponent(v.stream.id)}`,
      "data-state": v.state,
      "aria-current": v.stream === chosen() ? "true" : null,
    });
    put(node, `${v.stream.id || "(main)"}: ${titles[v.state].toLowerCase()}`);
  });
}

const tile = () => element("div", {}, element("dt"), element("dd"), element("dd"));

function drawTiles(stream) {
  const b = stream.backpressure;
  const tiles = [
    { name: "Received", value: `${rate(stream.received)}/s`, more: `${count(stream.inputs.reduce((sum, one) => sum + one.received, 0))} in all` },
    { name: "Stored", value: `${rate(stream.stored)}/s`, more: `${count(stream.outputs.reduce((sum, one) => sum + one.rows, 0))} rows in all` },
    { name: "Level", value: percent(b.current_buffer, b.max_buffer_size), more: `${count(b.current_buffer)} records held` },
    { name: "Oldest record", value: b.oldest_seconds === null ? "–" : age(b.oldest_seconds), more: b.oldest_seconds === null ? "nothing is held" : "is held for so long" },
    { name: "Insert latency", value: stream.insertSeconds === null ? "–" : latency(stream.insertSeconds), more: stream.insertSeconds === null ? "no insert of late" : "on average, of late" },
    waitingTile(stream.waiting),
    { name: "Discarded", value: count(stream.discarded), more: "by pauses or overrun", tone: stream.discarded ? "warn" : null },
    lostTile(stream.lost),
    { name: "Dead letters", value: count(stream.deadLetters), more: deadLettersOf(stream), tone: stream.deadLetters ? "bad" : null },
  ];
  if (stream.health.alerts) tiles.push(alertsTile(stream.health.alerts));
  each($("tiles"), tiles, (t) => t.name, tile, (node, t) => {
    const [name, value, more] = node.children;
    put(name, t.name);
    put(value, t.value);
    put(more, t.more);
    attributes(value, { "data-tone": t.tone ?? null });
  });
}

function waitingTile({ retry, letters, parked, held }) {
  const parts = [[retry, "to be tried again"], [letters, "for the dead-letter output"], [parked, "parked"], [held, "held with them"]];
  const words = parts.filter(([n]) => n > 0).map(([n, what]) => `${count(n)} ${what}`);
  const rows = retry + letters + parked;
  return { name: "Waiting rows", value: count(rows), more: words.join(", ") || "none", tone: parked > 0 ? "bad" : rows > 0 ? "warn" : null };
}

function lostTile({ source, stops }) {
  const words = [[source, "at the source"], [stops, "at stops"]].filter(([n]) => n > 0).map(([n, where]) => `${count(n)} ${where}`);
  return { name: "Lost", value: count(source + stops), more: words.join(", ") || "none, as far as is known", tone: words.length ? "bad" : null };
}

function deadLettersOf(stream) {
  const errors = stream.processorErrors;
  const failed = errors > 0 ? `${count(errors)} ${errors === 1 ? "record" : "records"} failed in a processor` : "";
  if (stream.deadLetters === 0) return failed || "every row fitted";
  return failed || "rows that did not fit";
}

function alertsTile({ sent, waiting, lost }) {
  const more = lost || waiting ? `${count(waiting)} waiting, ${count(lost)} lost` : sent ? "all were delivered" : "none so far";
  return { name: "Alerts sent", value: count(sent), more, tone: lost ? "bad" : waiting ? "warn" : null };
}

// The theme follows the system until somebody chooses.
const themes = ["auto", "light", "dark"];
const theme = () => root.dataset.theme ?? "auto";

function drawTheme() {
  put($("theme"), `Theme: ${theme()}`);
  repaintCharts();
}

$("theme").addEventListener("click", () => {
  const next = themes[(themes.indexOf(theme()) + 1) % themes.length];
  attributes(root, { "data-theme": next === "auto" ? null : next });
  try {
    localStorage.setItem("theme", next);
  } catch {
    // Storage is off: the choice holds until the page is closed.
  }
  drawTheme();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawTheme);
addEventListener("hashchange", pick);
$("as-table").addEventListener("toggle", () => chosen() && table(chosen().samples));

drawTheme();
pick();
setInterval(() => lostSince !== null && drawState(), 1000);
new Bridge({ begin: (u) => take(u, true), update: (u) => take(u, false), lost: lose });
