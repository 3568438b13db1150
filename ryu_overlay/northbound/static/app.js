// Which page is shown, its theme, and what stands above all pages.

import { ask, make } from "./common.js";
import { fabric, topology } from "./fabric.js";
import { ports, show } from "./traffic.js";

const PAGES = { traffic: show, ports, topology, fabric };
const EVERY = 3000;
const main = document.getElementById("main");
let turn = 0;

async function open() {
  const [page, ...names] = (location.hash.slice(1) || "traffic").split("/").map(decodeURIComponent);
  const own = ++turn;
  const alive = () => own === turn;
  for (const each of document.querySelectorAll("nav a")) {
    if (each.dataset.page === page) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  }
  document.title = `overlay: ${[page, ...names].join(" ")}`;
  while (alive()) {
    try {
      await (PAGES[page] ?? show)(main, names, alive);
    } catch (error) {
      if (!alive()) return;
      main.replaceChildren(make("p", { class: "bad", role: "alert" }, `The controller did not answer: ${error.message}`));
      await new Promise((done) => setTimeout(done, EVERY));
    }
  }
}

async function head() {
  const health = document.getElementById("health"), state = document.getElementById("state");
  for (;;) {
    try {
      const [report, revision] = await Promise.all([ask("/v1/health"), ask("/v1/revision")]);
      const faults = report.faults.filter((fault) => fault.until === null && fault.provider && !fault.quiet);
      health.textContent = faults.length ? `● ${faults.length} fault${faults.length > 1 ? "s" : ""}` : "● healthy";
      health.className = faults.length ? "bad" : "good";
      state.textContent = `revision ${revision.revision}`;
    } catch (error) {
      health.textContent = "● no controller";
      health.className = "unknown";
    }
    await new Promise((done) => setTimeout(done, EVERY));
  }
}

const theme = document.getElementById("theme");
theme.value = localStorage.getItem("theme") ?? "";
function paint() {
  if (theme.value) document.documentElement.dataset.theme = theme.value;
  else delete document.documentElement.dataset.theme;
  localStorage.setItem("theme", theme.value);
}
theme.addEventListener("change", () => { paint(); open(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", open);
addEventListener("hashchange", open);
paint();
open();
head();
