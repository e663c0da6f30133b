// Renews a page in place while its author edits. Sent by --serve with every page, in no site.
"use strict";

(() => {
  const own = document.currentScript.dataset;
  const all = (selector) => [...document.querySelectorAll(selector)];
  const file = (url) => decodeURIComponent(new URL(url, location).pathname.slice(1));
  let digest = own.digest; // of this page as it was sent
  let known = {}; // the hash of every other file when it was last heard of
  let state; // what the server said last
  let fixed; // what of a page can't be taken back once it is there
  let times = 0;

  function loaded(page) {
    const parts = page.querySelectorAll("script[src], link[rel=stylesheet], meta[http-equiv]");
    return [...parts]
      .map((part) => part.content || part.getAttribute("src") || part.getAttribute("href"))
      .join();
  }

  document.addEventListener("DOMContentLoaded", () => { fixed = loaded(document); listen(); });

  // A hidden page keeps no connection: a browser allows only a few.
  let source;
  function listen() {
    source?.close();
    if (document.hidden) return;
    source = new EventSource("/.serve/events");
    let turn = Promise.resolve();
    source.onmessage = ({ data }) => {
      state = JSON.parse(data);
      turn = turn.then(renew).catch(console.error);
    };
  }
  document.addEventListener("visibilitychange", listen);

  // What the page's scripts listen to from here on ends with the page that it was for.
  let life = new AbortController();
  for (const target of [window, document]) {
    const add = target.addEventListener;
    target.addEventListener = (type, listener, options) => {
      const given = typeof options === "object" ? options : { capture: Boolean(options) };
      add.call(target, type, listener, { ...given, signal: life.signal });
    };
  }

  async function renew() {
    const { files, notes } = state;
    const changed = (url) => known[file(url)] && known[file(url)] !== files[file(url)];
    if (all("script[src]").some((script) => changed(script.src))) return location.reload();
    for (const link of all("link[rel=stylesheet]").filter((one) => changed(one.href))) restyle(link);
    for (const image of all("main img").filter((one) => changed(one.src)))
      image.src = `${image.src.split("?")[0]}?${++times}`;
    known = files;
    if ((files[own.file] ?? "") !== digest) await replace();
    tell(notes);
  }

  // The old style goes when the new one is there, so that the page never stands without.
  function restyle(link) {
    const fresh = link.cloneNode();
    fresh.href = `${link.href.split("?")[0]}?${++times}`;
    fresh.onload = () => link.remove();
    link.after(fresh);
  }

  async function replace() {
    const answer = await fetch(location.pathname, { cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (loaded(page) !== fixed) return location.reload();
    digest = page.querySelector("script[data-digest]").dataset.digest;
    const open = new Map(folds().map(([name, fold]) => [name, fold.open]));
    const scripts = [...page.querySelectorAll("script[src]:not([data-digest])")];
    const back = place();
    life.abort();
    life = new AbortController();
    document.title = page.title;
    document.body.replaceWith(document.adoptNode(page.body));
    for (const [name, fold] of folds()) fold.open = open.get(name) ?? fold.open;
    back();
    // As modules, scripts can run again: what they declare stays their own.
    for (const { src } of scripts) await import(`${src}?${++times}`);
    back();
  }

  // Everything that folds, by its place below what has a name.
  function folds() {
    const count = {};
    return all("main details").map((fold) => {
      const within = fold.closest("[id]")?.id ?? "";
      count[within] = (count[within] ?? 0) + 1;
      return [`${within} ${count[within]}`, fold];
    });
  }

  // What scrolls back to where the reader is: the last thing with a name that he has passed.
  function place() {
    const passed = all("main :is(h2, h3, h4, figure)[id]").filter(
      (part) => part.getBoundingClientRect().top < innerHeight / 3,
    );
    const id = passed.at(-1)?.id;
    const top = () => document.getElementById(id)?.getBoundingClientRect().top;
    const [before, y] = [top(), scrollY];
    return () => {
      const now = top();
      scrollTo({ top: now === undefined ? y : scrollY + now - before, behavior: "instant" });
    };
  }

  function tell(notes) {
    all(".serve-note").forEach((box) => box.remove());
    all(".serve-old").forEach((old) => old.classList.remove("serve-old", "failed", "running"));
    for (const note of notes)
      if (!note.page || note.page === own.file) put(note, cell(note.cell));
  }

  const cell = (id) =>
    id ? document.querySelector(`[data-block="${CSS.escape(id)}"], [data-inline="${CSS.escape(id)}"]`) : null;

  function put({ kind, message, detail }, place) {
    const box = document.createElement("div");
    box.className = `serve-note ${kind}`;
    box.setAttribute("role", kind === "failed" ? "alert" : "status");
    const line = document.createElement("p");
    line.textContent = message;
    box.append(line);
    if (detail) {
      const text = document.createElement("pre");
      text.textContent = detail;
      box.append(text);
    }
    const figure = place?.matches("figure") ? place : null;
    const paragraph = figure ? null : place?.closest("p");
    if (figure) {
      const code = figure.querySelector(".code");
      code ? code.after(box) : figure.prepend(box);
    } else if (paragraph) paragraph.after(box);
    else if (kind === "failed") {
      box.classList.add("top");
      document.body.prepend(box);
    }
    const outputs = figure ? figure.querySelectorAll(":scope > .result") : place ? [place] : [];
    outputs.forEach((output) => output.classList.add("serve-old", kind));
    if (kind === "failed")
      for (let fold = place?.closest("details"); fold; fold = fold.parentElement.closest("details"))
        fold.open = true;
  }
})();
