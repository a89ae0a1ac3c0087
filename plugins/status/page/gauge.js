// The gate as a picture: sources on the left, the level between the two
// thresholds, servers on the right.

import { $, attributes, badge, each, element, put, svg } from "./dom.js";
import { age, bytes, count, percent, rate } from "./format.js";

const tank = { x: 60, top: 14, width: 96, height: 188 };
const bottom = tank.top + tank.height;
const labelX = tank.x + tank.width + 14;

let parts;

function draw() {
  const all = $("gauge");
  const clip = svg("clipPath", { id: "tank" });
  clip.append(svg("rect", { x: tank.x, y: tank.top, width: tank.width, height: tank.height, rx: 10 }));
  const inside = svg("g", { "clip-path": "url(#tank)" });
  parts = {
    band: svg("rect", { class: "band", x: tank.x, width: tank.width }),
    fill: svg("rect", { class: "fill", x: tank.x, y: tank.top, width: tank.width, height: tank.height }),
    pause: svg("line", { class: "mark", x1: tank.x - 8, x2: labelX - 4 }),
    yield: svg("line", { class: "mark", x1: tank.x - 8, x2: labelX - 4 }),
    resume: svg("line", { class: "mark", x1: tank.x - 8, x2: labelX - 4 }),
    pauseText: svg("text", { class: "strong", x: labelX }),
    pauseMore: svg("text", { x: labelX }),
    yieldText: svg("text", { class: "strong", x: labelX }),
    yieldMore: svg("text", { x: labelX }),
    resumeText: svg("text", { class: "strong", x: labelX }),
    resumeMore: svg("text", { x: labelX }),
    boundText: svg("text", { x: labelX, y: tank.top + 8 }),
    bytesBack: svg("rect", { class: "glass", x: tank.x - 24, y: tank.top, width: 8, height: tank.height, rx: 4 }),
    bytes: svg("rect", { class: "bytes", x: tank.x - 24, width: 8, rx: 4 }),
  };
  inside.append(svg("rect", { class: "glass", x: tank.x, y: tank.top, width: tank.width, height: tank.height }), parts.band, parts.fill);
  const frame = svg("rect", { class: "frame", x: tank.x, y: tank.top, width: tank.width, height: tank.height, rx: 10 });
  const { pause, resume, pauseText, pauseMore, yieldText, yieldMore, resumeText, resumeMore, boundText } = parts;
  const records = svg("text", { class: "under", x: tank.x + tank.width / 2, y: bottom + 16 });
  records.textContent = "records";
  parts.bytesWord = svg("text", { class: "under", x: tank.x - 20, y: bottom + 16 });
  parts.bytesWord.textContent = "bytes";
  all.append(records, parts.bytesWord, clip, inside, frame, parts.bytesBack, parts.bytes, pause, parts.yield, resume, pauseText, pauseMore, yieldText, yieldMore, resumeText, resumeMore, boundText);
}

// fillTo moves the level, by a transform so that it can be animated.
function fillTo(rect, share) {
  rect.style.transform = `scaleY(${Math.min(1, Math.max(0, share))})`;
}

export function drawGauge(stream) {
  if (!parts) draw();
  const b = stream.backpressure;
  const max = b.max_buffer_size || 1;
  const at = (n) => bottom - (tank.height * n) / max;
  fillTo(parts.fill, b.current_buffer / max);
  attributes(parts.fill, { "data-high": b.active ? "" : null });
  attributes(parts.band, { y: at(b.pause_threshold), height: Math.max(0, at(b.resume_threshold) - at(b.pause_threshold)) });
  for (const [name, n, word] of [["pause", b.pause_threshold, "pauses above"], ["yield", b.yield_threshold, "yields there"], ["resume", b.resume_threshold, "resumes below"]]) {
    attributes(parts[name], { y1: at(n), y2: at(n) });
    attributes(parts[`${name}Text`], { y: at(n) + 1 });
    attributes(parts[`${name}More`], { y: at(n) + 15 });
    put(parts[`${name}Text`], count(n));
    put(parts[`${name}More`], word);
  }
  // Where there is no room for its words they are left out: the thresholds of a pause matter more.
  const near = (n) => Math.abs(at(n) - at(b.yield_threshold)) < 30;
  attributes(parts.yield, { visibility: b.yield_threshold ? null : "hidden" });
  const crowded = !b.yield_threshold || near(b.pause_threshold) || near(b.resume_threshold);
  for (const part of [parts.yieldText, parts.yieldMore]) attributes(part, { visibility: crowded ? "hidden" : null });
  put(parts.boundText, `bound ${count(max)}`);
  const heavy = b.max_bytes > 0 ? Math.min(1, b.current_bytes / b.max_bytes) : 0;
  attributes(parts.bytes, { y: bottom - tank.height * heavy, height: tank.height * heavy });
  for (const part of [parts.bytesBack, parts.bytesWord]) attributes(part, { visibility: b.max_bytes > 0 ? null : "hidden" });
  words(b);
}

function words(b) {
  const text = $("gauge-words");
  if (text.children.length === 0) text.append(element("strong"), element("span"));
  put(text.firstChild, `${count(b.current_buffer)} records held`);
  const weight = b.max_bytes > 0 ? `, ${bytes(b.current_bytes)} of ${bytes(b.max_bytes)}` : "";
  put(text.lastChild, ` – ${percent(b.current_buffer, b.max_buffer_size)} of the bound${weight}`);
}

const chip = () => element("li", {}, element("span", { class: "name" }), element("span", { class: "state" }), element("span", { class: "speed" }));

function fillChip(node, name, state, speed) {
  const [title, word, figure] = node.children;
  put(title, name);
  state.node(word);
  put(figure, speed);
}

// pausedBy words who holds an input.
const pausedBy = (input) =>
  input.paused_by.map((by) => (by.reason === "operator" ? "by an operator" : "by the buffer")).join(", ");

export const inputState = (one) => {
  if (!one.connected) return badge("bad", "Disconnected");
  if (one.paused) return badge("warn", "Paused", pausedBy(one));
  if (one.group === "joining") return badge("warn", "Joining", "waits for its group");
  if (one.group === "rebalancing") return badge("warn", "Rebalancing", "its group shares out anew");
  return one.yielding ? badge("ok", "Yielding", "can wait") : badge("ok", "Running");
};

const slowInsert = 10; // seconds that an insert may take before it is told

// outputState is how inserts into some tables of an output go.
export function outputState(one, tables) {
  const waits = Math.max(0, ...tables.map((t) => t.insert_oldest_seconds ?? 0));
  if (waits >= slowInsert) return badge("warn", "No answer", `an insert for ${age(waits)}`);
  return one.connected ? badge("ok", "Connected") : badge("bad", "Disconnected");
}

export function drawFlow(stream) {
  each($("flow-inputs"), stream.inputs, (one) => `${one.kind} ${one.label}`, chip, (node, one) =>
    fillChip(node, one.label, inputState(one), `${rate(one.rate.received)}/s`));
  each($("flow-outputs"), stream.outputs, (one) => one.label, chip, (node, one) =>
    fillChip(node, one.label, outputState(one, Object.values(one.tables)), `${rate(one.rate.rows)}/s`));
  const reads = stream.inputs.some((one) => one.connected && !one.paused && one.rate.received > 0);
  attributes($("pipe-in"), { "data-flow": reads ? "on" : "off" });
  attributes($("pipe-out"), { "data-flow": stream.stored > 0 ? "on" : "off" });
}
