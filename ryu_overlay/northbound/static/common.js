// What all pages share: asking REST, making elements, telling amounts. It knows no page.

export const CLASSES = ["internet", "others", "own"];

export async function ask(path) {
  const answer = await fetch(path, { headers: { Accept: "application/json" } });
  const document = await answer.json();
  if (!answer.ok) throw new Error(document.detail || `${answer.status} for ${path}`);
  return document;
}

const EVERY = 2000;

// Do the work now, and every two seconds for as long as its page is shown.
export async function again(alive, work) {
  while (alive()) {
    await work();
    await new Promise((done) => setTimeout(done, EVERY));
  }
}

// An element with properties and children; text is never taken for HTML.
export function make(name, properties = {}, ...children) {
  const made = document.createElement(name);
  fill(made, properties, children);
  return made;
}

export function draw(name, properties = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  fill(made, properties, children);
  return made;
}

function fill(made, properties, children) {
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
}

export function table(caption, headers, rows) {
  const numeric = (index) => rows.some((row) => row[index] && row[index].number);
  const head = headers.map((text, index) => make("th", { scope: "col", class: numeric(index) ? "number" : null }, text));
  const body = rows.map((row) => make("tr", {}, ...row.map((cell) => {
    const value = cell && cell.number !== undefined ? cell.number : cell;
    return make("td", { class: cell && cell.number !== undefined ? "number" : null }, value ?? "-");
  })));
  const whole = make("table", { "aria-label": caption }, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body));
  return make("div", { class: "scroll" }, whole);
}

export const number = (text) => ({ number: text });

function scaled(value, units) {
  let at = 0;
  while (value >= 999.5 && at < units.length - 1) { value /= 1000; at += 1; }
  return at ? `${Number(value.toPrecision(3))} ${units[at]}` : `${Math.round(value)} ${units[0]}`;
}

export const octets = (value) => scaled(value, ["B", "kB", "MB", "GB", "TB", "PB"]);
export const bits = (value) => scaled(value, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"]);

export function link(words, text) {
  return make("a", { href: `#${words.map(encodeURIComponent).join("/")}` }, text);
}

export const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
