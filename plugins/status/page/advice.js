// What somebody who looks at the page can do, for the state that it shows.

import { $, each, element, put } from "./dom.js";
import { count } from "./format.js";

const docs = "https://github.com/data-bridge-io/data-bridge/blob/main/";

// Each piece of advice says when it applies to a stream; the first come first.
const all = [
  {
    key: "clickhouse-away",
    when: (s) => s.outputs.some((one) => !one.connected),
    title: "ClickHouse is not reached",
    text: () => "Is it up, and reachable from this host? Did the user, the password or the table change? The last errors above say what it answered. The bridge tries again by itself, and what waits is not lost.",
    code: () => "clickhouse-client --host <address> -q 'SELECT 1'",
  },
  {
    key: "buffer-full",
    when: (s) => s.running.some((p) => p.reason !== "operator") || s.verdict.stalled_seconds !== null,
    title: "The buffer is full: look at ClickHouse",
    text: (s) => `It takes less than arrives. Look for merges that do not keep up, a full disk, or heavy queries. Kafka and JetStream keep what is not read; core NATS inputs discard it and count (so far ${count(s.discarded)}). Nothing has to be restarted: the inputs go on by themselves.`,
    code: () => "clickhouse-client -q 'SELECT query_id, elapsed, query FROM system.processes ORDER BY elapsed DESC'\n" +
      "clickhouse-client -q 'SELECT table, count() AS parts FROM system.parts WHERE active GROUP BY table ORDER BY parts DESC'\n" +
      "clickhouse-client -q 'SELECT name, formatReadableSize(free_space) FROM system.disks'",
    link: ["What a pause means", "docs/delivery.md#what-a-pause-means"],
  },
  {
    key: "input-away",
    when: (s) => s.inputs.some((one) => !one.connected),
    title: "An input is not connected",
    text: (s) => `${s.inputs.filter((one) => !one.connected).map((one) => one.label).join(", ")}: is the server up, and are address and credentials right? The bridge connects again by itself.`,
    link: ["Settings", "docs/configuration.md"],
  },
  {
    key: "held",
    when: (s) => s.running.some((p) => p.reason === "operator"),
    title: "An operator paused inputs",
    text: () => "They stay paused until somebody resumes them; a restart ends it too.",
    code: (s) => curl(s, "resume"),
  },
  {
    key: "lost-at-stop",
    when: (s) => s.lost.stops > 0,
    title: "Records of core NATS were lost at stops",
    text: (s) => `${count(s.lost.stops)}, in all streams since the process started: a stream or an input was stopped or replaced before ClickHouse had stored what it had, and core NATS delivers nothing again. What the publishers still have has to be sent again.`,
    link: ["Lost at stops", "docs/runbook.md#databridgelostatstop"],
  },
  {
    key: "lost-at-source",
    when: (s) => s.lost.source > 0,
    title: "The source deleted records before they were read",
    text: (s) => `${count(s.lost.source)} in this stream: the bridge was paused or stopped for longer than the source keeps what it has, or somebody deleted them. What the producers still have has to be sent again.`,
    link: ["Lost at the source", "docs/runbook.md#databridgerecordslost"],
  },
  {
    key: "letters",
    when: (s) => s.deadLetters > 0,
    title: "Rows went to the dead letters",
    text: (s) => `${count(s.deadLetters)} rows did not fit their tables. They are kept by the dead_letter output with the reason; mend the cause, then replay them.`,
    code: () => "jq -r '[.table, .column, (.error // \"\" | sub(\" value .*:\"; \"\"))] | @tsv' dead_letter.jsonl | sort | uniq -c | sort -rn\n" +
      "data-bridge replay -c config/bridge.yaml dead_letter.jsonl",
    link: ["Dead letters and their replay", "docs/operating.md#dead-letters-and-their-replay"],
  },
  {
    key: "operate",
    when: () => true,
    title: "Pause and resume inputs by hand",
    text: (s) => (s.gate.admin_enabled
      ? `One input, or all without its label. The token is that of status_server.admin.token${s.gate.admin_remote ? "" : "; only from the bridge's own host"}.`
      : "Switched off here: set status_server.admin.enabled and a token (ADMIN_ENABLED and ADMIN_TOKEN in the shipped pipeline)."),
    code: (s) => !s.gate.admin_enabled ? "" : [`/${s.inputs[0]?.label ?? "<label>"}`, ""].map((label) => curl(s, "pause", label)).concat(curl(s, "resume")).join("\n"),
    link: ["Pausing an input by hand", "docs/operating.md#pausing-an-input-by-hand"],
  },
  {
    key: "tune",
    when: (s) => s.gate.admin_enabled,
    title: "Change thresholds while it runs, or switch pausing off",
    text: () => "At once, and until the stream stops: what is to stay belongs into the config. Reset goes back to it.",
    code: (s) => [change(s, { pause_threshold: "60%", resume_threshold: "30%" }), change(s, { enabled: false }), post(s, "backpressure/reset")].join("\n"),
    link: ["Changing thresholds while it runs", "docs/operating.md#changing-thresholds-while-it-runs"],
  },
  {
    key: "look",
    when: () => true,
    title: "Look closer",
    text: () => "The same figures for machines, and the bridge's log, where each pause, resume and failed insert is a line.",
    code: () => `curl -s ${here("health")}\ncurl -s ${here("pauses")}`,
    link: ["What this page means", "docs/page.md"],
  },
];

const here = (path) => new URL(path, location.href.replace(/#.*/, "")).href;

const curl = (stream, action, label = "") => post(stream, `inputs${label}/${action}`);

const change = (stream, settings) => `${post(stream, "backpressure")} -d '${JSON.stringify(settings)}'`;

function post(stream, path) {
  const query = stream.id === "" ? "" : `?stream=${encodeURIComponent(stream.id)}`;
  const url = `${here(path)}${query}`.replaceAll("'", "%27");
  return `curl -X POST -H "Authorization: Bearer $ADMIN_TOKEN" '${url}'`;
}

function make(piece) {
  const parts = [element("h3"), element("p")];
  if (piece.code) parts.push(element("pre", { tabindex: 0, "aria-label": "Commands" }, element("code")));
  if (piece.link) parts.push(element("p", {}, element("a", { href: docs + piece.link[1], rel: "noreferrer" }, piece.link[0])));
  return element("article", {}, ...parts);
}

export function drawAdvice(stream) {
  each($("advice"), all.filter((piece) => piece.when(stream)), (piece) => piece.key, make, (node, piece) => {
    const [title, text, code] = node.children;
    put(title, piece.title);
    put(text, piece.text(stream));
    if (!piece.code) return;
    put(code.firstChild, piece.code(stream));
    code.hidden = code.textContent === "";
  });
}
