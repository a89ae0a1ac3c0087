// Small helpers for the document. Nodes are kept and only what differs is
// written, so that what is selected or read aloud stays.

const svgSpace = "http://www.w3.org/2000/svg";

export const $ = (id) => document.getElementById(id);

export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function attributes(node, all) {
  for (const [name, value] of Object.entries(all)) {
    if (value === null) node.removeAttribute(name);
    else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
  }
  return node;
}

export function element(tag, all = {}, ...children) {
  const node = attributes(document.createElement(tag), all);
  node.append(...children);
  return node;
}

export const svg = (tag, all = {}) => attributes(document.createElementNS(svgSpace, tag), all);

// each keeps one child of parent for each item, in order, found by its key:
// make() makes a child, fill(child, item) brings it up to date.
export function each(parent, items, key, make, fill) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let before = null;
  for (const item of items) {
    const name = String(key(item));
    let child = old.get(name);
    if (child) old.delete(name);
    else {
      child = make(item);
      child.dataset.key = name;
    }
    const place = before ? before.nextSibling : parent.firstChild;
    if (child !== place) parent.insertBefore(child, place);
    fill(child, item);
    before = child;
  }
  for (const gone of old.values()) gone.remove();
}

// rows fills a table's body. A cell is a text, or {text, tone, title}; the first
// one heads its row.
export function rows(body, items, key, cells) {
  const heads = [...body.parentElement.querySelectorAll("thead th")];
  const make = () => {
    const row = element("tr", { role: "row" });
    heads.forEach((head, i) => {
      const cell = element(i === 0 ? "th" : "td", { role: i === 0 ? "rowheader" : "cell", "data-label": head.textContent });
      if (i === 0) cell.scope = "row";
      if (head.classList.contains("n")) cell.className = "n";
      row.append(cell);
    });
    return row;
  };
  each(body, items, key, make, (row, item) => {
    cells(item).forEach((value, i) => {
      const { text, tone = null, title = null, node } = typeof value === "object" ? value : { text: value };
      const cell = row.children[i];
      attributes(cell, { "data-tone": tone, title });
      if (node) node(cell);
      else put(cell, text);
    });
  });
}

// badge makes a node for rows that shows a state as a coloured word.
export const badge = (tone, text, more = "") => ({
  text,
  node(cell) {
    if (cell.children.length !== 2) cell.replaceChildren(element("span", { class: "badge" }), element("span", { class: "more" }));
    attributes(cell.firstChild, { "data-tone": tone });
    put(cell.firstChild, text);
    put(cell.lastChild, more);
  },
});
