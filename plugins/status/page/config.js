// What the stream is configured with, and what an operator has changed of it.

import { $, attributes, each, element, put } from "./dom.js";
import { count } from "./format.js";

const worded = (value) => {
  if (Array.isArray(value)) return value.join(", ");
  return Number.isInteger(value) ? count(value) : String(value);
};

const part = () => element("section", {}, element("h3"), element("dl"));
const pair = () => element("div", {}, element("dt"), element("dd"));

export function drawConfig(stream) {
  each($("config"), stream.config, (one) => one.component, part, (node, one) => {
    put(node.firstChild, one.component);
    each(node.lastChild, one.settings, (s) => s.name, pair, (row, { name, value }) => {
      const override = one.component === "buffer" ? stream.health.overrides.find((o) => o.setting === name) : null;
      put(row.firstChild, name);
      put(row.lastChild, override ? `${worded(value)}, now ${worded(override.current)}` : worded(value));
      attributes(row.lastChild, { "data-tone": override ? "warn" : null });
    });
  });
  $("config-card").hidden = stream.config.length === 0;
}
