// Search over all lessons. Loaded when it is first asked for, with its index.
"use strict";

(() => {
  const SHOWN = 20;
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const sections = self.searchIndex.map(([url, lesson, title, text]) => ({
    url, lesson, title, text, heading: plain(`${lesson} ${title}`), body: plain(text),
  }));

  // How many letters one would have to add, drop, change or swap; `most` + 1 if more than that.
  function apart(a, b, most) {
    if (Math.abs(a.length - b.length) > most) return most + 1;
    let [before, row] = [[], [...Array(b.length + 1).keys()]];
    for (let i = 1; i <= a.length; i++) {
      const next = [i];
      for (let j = 1; j <= b.length; j++) {
        const same = a[i - 1] === b[j - 1];
        next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + !same);
        if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
          next[j] = Math.min(next[j], before[j - 2] + 1);
      }
      if (Math.min(...next) > most) return most + 1;
      [before, row] = [row, next];
    }
    return row[b.length];
  }

  // A word that stands nowhere is taken for the nearest that does, the most frequent of those.
  let vocabulary;
  function meant(word) {
    if (word.length < 4 || sections.some(({ heading, body }) => heading.includes(word) || body.includes(word)))
      return word;
    if (!vocabulary) {
      vocabulary = new Map();
      for (const { heading, body } of sections)
        for (const [known] of `${heading} ${body}`.matchAll(/[\p{L}_]{4,}/gu))
          vocabulary.set(known, (vocabulary.get(known) ?? 0) + 1);
    }
    let [best, least, most] = [word, word.length < 8 ? 1 : 2, 0];
    for (const [known, often] of vocabulary) {
      const far = apart(word, known, least);
      if (far < least || (far === least && often > most)) [best, least, most] = [known, far, often];
    }
    return best;
  }

  // Every word has to be there; one that stands in a heading counts for more than many in the text.
  function find(query) {
    const asked = plain(query).split(/\s+/).filter(Boolean);
    const words = asked.map(meant);
    const score = (section) => {
      let sum = 0;
      for (const word of words) {
        const often = section.body.split(word).length - 1;
        const inHeading = section.heading.includes(word);
        if (!often && !inHeading) return 0;
        sum += (inHeading ? 8 : 0) + Math.log2(1 + often);
      }
      return sum;
    };
    const found = sections.map((section) => [score(section), section]).filter(([sum]) => sum > 0);
    return { asked, words, found: found.sort(([a], [b]) => b - a).map(([, section]) => section) };
  }

  // The text about the first of the words, which are marked.
  function excerpt(text, words) {
    const places = words.map((word) => plain(text).indexOf(word)).filter((place) => place >= 0);
    const start = Math.max(0, text.lastIndexOf(" ", Math.min(...places, text.length) - 60) + 1);
    const part = text.slice(start, start + 180);
    const line = document.createElement("small");
    line.append(start ? "…" : "");
    let rest = part;
    while (rest) {
      const next = words
        .map((word) => ({ word, at: plain(rest).indexOf(word) }))
        .filter(({ at }) => at >= 0)
        .sort((a, b) => a.at - b.at || b.word.length - a.word.length)[0];
      if (!next) break;
      const mark = document.createElement("mark");
      mark.textContent = rest.slice(next.at, next.at + next.word.length);
      line.append(rest.slice(0, next.at), mark);
      rest = rest.slice(next.at + next.word.length);
    }
    line.append(rest, start + 180 < text.length ? "…" : "");
    return line;
  }

  const dialog = document.createElement("dialog");
  dialog.className = "search";
  dialog.setAttribute("aria-label", "Search all lessons");
  const input = Object.assign(document.createElement("input"), {
    type: "search", placeholder: "Search all lessons", autocomplete: "off", spellcheck: false,
  });
  input.setAttribute("aria-label", "Search all lessons");
  const status = document.createElement("p");
  status.setAttribute("role", "status");
  const list = document.createElement("ol");
  dialog.append(input, status, list);
  document.body.append(dialog);

  function show() {
    const { asked, words, found } = find(input.value);
    const instead = words.filter((word, index) => word !== asked[index]).map((word) => `“${word}”`);
    const count = found.length === 1 ? "1 section" : `${found.length} sections`;
    const more = found.length > SHOWN ? `; the first ${SHOWN} are shown` : "";
    const told = found.length ? count + more : "Nothing found";
    status.textContent = words.length ? told + (instead.length ? ` for ${instead.join(", ")}` : "") : "";
    list.replaceChildren(
      ...found.slice(0, SHOWN).map(({ url, lesson, title, text }) => {
        const link = Object.assign(document.createElement("a"), { href: url });
        const place = document.createElement("span");
        place.textContent = title ? `${lesson} · ${title}` : lesson;
        link.append(place, excerpt(text, words));
        const item = document.createElement("li");
        item.append(link);
        return item;
      }),
    );
  }

  input.addEventListener("input", show);
  dialog.addEventListener("click", ({ target }) => {
    if (target === dialog || target.closest("a")) dialog.close();
  });
  dialog.addEventListener("keydown", (event) => {
    const stops = [input, ...list.querySelectorAll("a")];
    const here = stops.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) stops[Math.min(Math.max(here + step, 0), stops.length - 1)].focus();
    else if (event.key === "Escape") dialog.close(); // the field would only be emptied
    else if (event.key === "Enter" && here === 0 && stops.length > 1) stops[1].click();
    else return;
    event.preventDefault();
  });

  self.openSearch = () => {
    dialog.showModal();
    input.select();
  };
})();
