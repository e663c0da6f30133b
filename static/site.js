// What a page can do beyond being read. Without this script everything is still there.
"use strict";

const root = document.documentElement;
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// Storage may be refused, as in private windows; the choice then lasts as long as the page.
const remember = (key, value) => {
  try { value === null ? localStorage.removeItem(key) : localStorage.setItem(key, value); } catch {}
};
const recall = (key) => {
  try { return localStorage.getItem(key); } catch { return null; }
};

function themes() {
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const show = () => button.setAttribute("aria-pressed", isDark());
  const stored = recall("theme");
  if (stored === "dark" || stored === "light") root.dataset.theme = stored;
  button.addEventListener("click", () => {
    const wanted = isDark() ? "light" : "dark";
    if ((wanted === "dark") === system.matches) delete root.dataset.theme;
    else root.dataset.theme = wanted;
    remember("theme", root.dataset.theme ?? null);
    show();
  });
  system.addEventListener("change", show);
  show();
  button.hidden = false;
}

function copying() {
  const status = document.createElement("div");
  status.className = "unseen";
  status.setAttribute("role", "status");
  document.body.append(status);
  for (const highlight of all(".highlight")) {
    const code = highlight.querySelector("code");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", "Copy this code");
    button.addEventListener("click", async () => {
      const done = await copy(runnable(code));
      button.textContent = done ? "Copied" : "Press Ctrl+C";
      status.textContent = done ? "Code copied" : "";
      if (!done) getSelection().selectAllChildren(code);
      setTimeout(() => { button.textContent = "Copy"; status.textContent = ""; }, 2000);
    });
    highlight.append(button);
  }
}

// A session with prompts becomes what was typed in it; all other code is copied as it is.
function runnable(code) {
  const lines = all(".line", code);
  const prompts = lines.map(promptLength);
  if (!prompts.some(Boolean) || !prompts[lines.findIndex((line) => line.textContent.trim())])
    return code.textContent;
  let goesOn = false;
  const typed = lines.map((line, index) => {
    const text = line.textContent.replace(/\n$/, "");
    const typedHere = prompts[index] || goesOn;
    goesOn = typedHere && text.endsWith("\\");
    return typedHere ? text.slice(prompts[index]) : null;
  });
  return typed.filter((text) => text !== null).join("\n") + "\n";
}

// How many characters of a line are its prompt, as the highlighter or its look says.
function promptLength(line) {
  const text = line.textContent;
  const sign = line.firstElementChild?.matches(".gp") ? line.firstElementChild.textContent : "";
  if (sign && text.startsWith(sign)) return sign.length + (!/\s$/.test(sign) && text[sign.length] === " ");
  return /^(>>>|\.\.\.)( |$)|^\$ /.exec(text.replace(/\n$/, ""))?.[0].length ?? 0;
}

async function copy(text) {
  try { await navigator.clipboard.writeText(text); return true; } catch { return false; }
}

// What of an element is shown: where profiles differ, each has its own text in it.
function shownText(element) {
  const copy = element.cloneNode(true);
  copy.querySelectorAll("[hidden]").forEach((part) => part.remove());
  return copy.textContent.trim();
}

// One choice of profile for all that a page shows: outputs, values, text; kept for the next page.
function profiles() {
  const bar = document.querySelector(".switch");
  if (!bar) return;
  for (const fold of all("details.result")) {
    const result = document.createElement("div");
    Object.assign(result.dataset, fold.dataset);
    result.className = fold.className;
    fold.querySelector("summary").remove();
    result.append(...fold.childNodes);
    fold.replaceWith(result);
  }
  const buttons = all("button", bar);
  const show = (profile) => {
    for (const part of all("[data-profile]", document.querySelector("main")))
      part.hidden = !part.dataset.profile.split(" ").includes(profile);
    for (const button of buttons) button.setAttribute("aria-pressed", button.value === profile);
    document.dispatchEvent(new Event("profile"));
  };
  // What the reader looks at stays where it is while the page changes around it.
  const choose = (profile) => {
    const kept = all(".prose > :not([data-profile])").find(
      (part) => part.getBoundingClientRect().bottom > bar.getBoundingClientRect().bottom,
    );
    const top = () => kept?.getBoundingClientRect().top ?? 0;
    const before = top();
    show(profile);
    remember("profile", profile);
    scrollBy({ top: top() - before, behavior: "instant" });
  };
  bar.addEventListener("click", ({ target }) => target.value && choose(target.value));
  const stored = recall("profile");
  show(buttons.some((button) => button.value === stored) ? stored : bar.dataset.lead);
  bar.hidden = false;
}

// The entry of the section being read.
function contents() {
  const links = new Map();
  for (const link of all(".side .contents a")) links.set(decodeURIComponent(link.hash.slice(1)), link);
  const headings = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
  if (!headings.length) return;
  let current;
  const mark = () => {
    const above = headings.filter((heading) => heading.getBoundingClientRect().top < 120);
    const link = above.length ? links.get(above.at(-1).id) : undefined;
    if (link === current) return;
    current?.removeAttribute("aria-current");
    link?.setAttribute("aria-current", "true");
    current = link;
    const side = document.querySelector(".side");
    if (link) {
      const place = link.getBoundingClientRect();
      if (place.top < 40 || place.bottom > innerHeight - 40)
        side.scrollTop += place.top - innerHeight / 2;
    }
  };
  const observer = new IntersectionObserver(mark, { rootMargin: "-110px 0px -30% 0px" });
  headings.forEach((heading) => observer.observe(heading)); // which calls it for the first time

  const small = document.querySelector(".contents-small");
  small?.addEventListener("click", (event) => {
    if (event.target.closest("a")) small.open = false;
  });
}

// A box is a stop for the Tab key only while there is something in it to scroll to.
function scrollers() {
  const boxes = all("[tabindex='0']").filter((box) => box.closest(".prose"));
  const observer = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const scrolls = target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight + 1;
      scrolls ? target.setAttribute("tabindex", "0") : target.removeAttribute("tabindex");
    }
  });
  boxes.forEach((box) => observer.observe(box));
}

// A small copy of the drawing of classes stands in the margin and lights the one being read.
function miniature() {
  const drawing = document.querySelector(".prose .diagram:has([data-class])");
  if (!drawing) return;
  const classes = new Set(all("[data-class]", drawing).map((part) => part.dataset.class));
  const blocks = all(".prose .block").flatMap((block) => {
    const name = all(".highlight .nc", block).map((word) => word.textContent).find((word) => classes.has(word));
    return name ? [{ block, name }] : [];
  });
  if (!blocks.length) return;
  const small = drawing.cloneNode(true);
  all("[id]", small).forEach((part) => part.removeAttribute("id"));
  all("title, desc, text", small).forEach((part) => part.remove());
  small.removeAttribute("aria-labelledby");
  const place = document.createElement("div");
  place.className = "miniature";
  place.setAttribute("aria-hidden", "true");
  const label = document.createElement("p");
  place.append(small, label);
  document.querySelector(".layout").append(place);
  const parts = all("[data-class]", small);
  const asides = all(".prose > .aside, .prose > .compare, .prose > .table, .output.html");
  const show = () => {
    if (!place.getClientRects().length) return; // not beside the code, where there is no room
    const inView = (element, from, to) => {
      const box = element.getBoundingClientRect();
      return box.bottom > from * innerHeight && box.top < to * innerHeight;
    };
    const read = blocks.filter(({ block }) => inView(block, 0.15, 0.6)).at(-1);
    const own = place.getBoundingClientRect();
    const covered = asides.some((element) => {
      const box = element.getBoundingClientRect();
      return box.right > own.left && box.bottom > own.top && box.top < own.bottom;
    });
    place.classList.toggle("shown", Boolean(read) && !covered && !inView(drawing, 0, 1));
    label.textContent = read?.name ?? "";
    for (const part of parts) part.classList.toggle("current", part.dataset.class === read?.name);
  };
  addEventListener("scroll", show, { passive: true });
  addEventListener("resize", show);
  requestAnimationFrame(show); // a page is laid out once, after all has been put into it
}

// Pointing at a part, or going to it by Tab, lights it wherever it stands: a class in code and in a
// diagram, a weight in the table and its arrow.
function lights() {
  const groups = new Map();
  const name = (part) => part.dataset.class ?? part.dataset.map ?? part.textContent;
  for (const part of all(":is(svg, table) :is([data-class], [data-map])"))
    groups.set(name(part), [...(groups.get(name(part)) ?? []), part]);
  if (!groups.size) return;
  for (const part of all(".prose :is(.diagram [data-class], tr[data-map])")) {
    part.tabIndex = 0;
    if (!part.matches("[data-class]")) continue;
    part.closest("svg").setAttribute("role", "group"); // in an image nothing is to be focused
    part.setAttribute("role", "img");
    part.setAttribute("aria-label", part.dataset.class);
  }
  for (const word of all(".highlight :is(.n, .nc)")) groups.get(word.textContent)?.push(word);
  let lit = [];
  const light = ({ target }) => {
    const part = target.closest?.("[data-class], [data-map], .highlight :is(.n, .nc)");
    lit.forEach((element) => element.classList.remove("lit"));
    lit = (part && groups.get(name(part))) || [];
    lit.forEach((element) => element.classList.add("lit"));
  };
  document.addEventListener("pointerover", light);
  document.addEventListener("focusin", light);
}

// Milestones come one at a time, chosen with a slider. Groups of a figure above them whose ids
// end with stage-0, stage-1, ... belong to them.
function slides() {
  for (const list of all(".milestones > ol")) {
    const stages = [...list.children];
    const title = (stage) => {
      const found = stage.querySelector(".part-title");
      return found ? shownText(found) : "";
    };
    const slider = document.createElement("input");
    Object.assign(slider, { type: "range", min: 0, max: stages.length - 1, value: 0 });
    slider.className = "slider";
    slider.setAttribute("aria-label", "Milestone");
    const points = all("svg [id*='stage-']", list.parentElement);
    const show = () => {
      const now = Number(slider.value);
      stages.forEach((stage, index) => { stage.hidden = index !== now; });
      points.forEach((point) => point.classList.toggle("lit", point.id.endsWith(`stage-${now}`)));
      slider.setAttribute("aria-valuetext", title(stages[now]));
    };
    slider.addEventListener("input", show);
    document.addEventListener("profile", show);
    list.addEventListener("reveal", ({ target }) => {
      slider.value = stages.findIndex((stage) => stage.contains(target));
      show();
    });
    list.before(slider);
    list.parentElement.classList.add("sliding");
    show();
  }
}

// The search comes when it is first asked for.
function searching() {
  const button = document.getElementById("search");
  const folder = document.querySelector("script[src$='site.js']").src.replace(/site\.js$/, "");
  const load = (file) => new Promise((resolve, reject) => {
    const script = document.createElement("script");
    Object.assign(script, { src: folder + file, onload: resolve, onerror: reject });
    document.head.append(script);
  });
  let loaded;
  const open = async () => {
    loaded ??= load("search-index.js").then(() => load("search.js"));
    await loaded;
    self.openSearch();
  };
  button.addEventListener("click", open);
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, dialog");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    open();
  });
  button.hidden = false;
}

// How much of the text has been read, as a line along the top.
function progress() {
  if (!document.querySelector("main > article")) return;
  const bar = document.createElement("div");
  bar.className = "read";
  bar.setAttribute("aria-hidden", "true");
  document.body.append(bar);
  const show = () => {
    const length = root.scrollHeight - innerHeight;
    bar.style.transform = `scaleX(${length > 0 ? Math.min(scrollY / length, 1) : 0})`;
  };
  addEventListener("scroll", show, { passive: true });
  addEventListener("resize", show);
  requestAnimationFrame(show);
}

// A link into something folded or hidden shows it.
function unfold() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  target.dispatchEvent(new Event("reveal", { bubbles: true }));
  for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details"))
    fold.open = true;
  target.scrollIntoView();
}

root.classList.add("js");
themes();
copying();
contents();
scrollers();
miniature();
lights();
slides();
profiles();
searching();
progress();
unfold();
addEventListener("hashchange", unfold);
