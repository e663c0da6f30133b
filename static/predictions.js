// A prediction takes a guess before it tells: a choice, a number or a text. What was guessed and
// how it went stays on this device. Without this script the answer is in a fold.
"use strict";

function predictions() {
  const slug = document.body.dataset.slug;
  const boxes = all(".predict[id]").filter((box) => box.querySelector(".reveal"));
  for (const box of boxes) prediction(box, slug);
  if (boxes.length) score(slug, boxes);
  for (const card of all("[data-predictions]")) {
    const { told } = tally(card.dataset.slug);
    if (!told) continue;
    const line = document.createElement("p");
    line.className = "score";
    line.textContent = `${told} of ${card.dataset.predictions} predicted`;
    card.append(line);
  }
}

function prediction(box, slug) {
  const reveal = box.querySelector(".reveal");
  const key = `${slug}#${box.id}`;
  const kind = box.dataset.guess || "text";
  const form = document.createElement("form");
  const check = Object.assign(document.createElement("button"), { textContent: "Check" });
  const verdict = document.createElement("p");
  form.className = "guess";
  check.className = "check";
  verdict.className = "verdict";
  verdict.setAttribute("role", "status");
  const folds = [...all(".asked", box), reveal];
  const field = (kind === "choice" && choices(box, reveal)) || written(kind, box.dataset.unit);
  form.append(field.element, check);
  (box.querySelector(":scope > :is(.block, .captioned)") ?? reveal).before(form);
  reveal.before(verdict);
  reveal.querySelector("summary").textContent = "Show me";

  const open = (wanted) => folds.forEach((fold) => { fold.open = wanted; });
  const show = () => {
    const guess = reveal.open ? field.value().trim() : "";
    verdict.replaceChildren();
    if (!guess) return;
    const answer = reveal.querySelector(".value");
    const { right, told } = field.judge(guess, answer && shownText(answer), reveal);
    verdict.append(...told);
    verdict.classList.toggle("right", right === true);
    remember(`told ${key}`, right === undefined ? "told" : right ? "right" : "wrong");
    document.dispatchEvent(new Event("prediction"));
  };
  const change = () => {
    check.disabled = !field.value().trim();
    remember(`guess ${key}`, field.value() || null);
    if (reveal.open) show();
  };
  field.set(recall(`guess ${key}`) ?? "");
  check.disabled = !field.value().trim();
  if (recall(`told ${key}`)) open(true);
  form.addEventListener("input", change);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (field.value().trim()) open(true);
  });
  for (const fold of folds) fold.addEventListener("toggle", () => { open(fold.open); show(); });
  document.addEventListener("profile", show);
  show();
}

// A field for a number or a text. A number is told how far off it was.
function written(kind, unit) {
  const label = document.createElement("label");
  const input = document.createElement(kind === "number" ? "input" : "textarea");
  if (kind === "number") Object.assign(input, { type: "text", autocomplete: "off", spellcheck: false });
  else input.rows = 1;
  label.append("Your guess", input, ...(unit ? [Object.assign(document.createElement("span"), { textContent: unit })] : []));
  return {
    element: label,
    value: () => input.value,
    set: (text) => { input.value = text; },
    judge(guess, answer) {
      if (kind !== "number" || !answer) return { told: [`Your guess: ${guess}`] };
      const [mine, right] = [number(guess), number(answer)];
      return {
        right: mine === right || Math.abs(mine / right - 1) <= 0.1,
        told: [`Your guess: ${guess} (${howFar(mine, right)})`],
      };
    },
  };
}

// The list that ends the question as radio buttons. The right choice is the one that the answer's
// first value names; of the answer's list, the item that begins with a choice replies to it.
function choices(box, reveal) {
  const list = all(":scope > ul", box).at(-1);
  if (!list) return undefined;
  const group = document.createElement("fieldset");
  const legend = Object.assign(document.createElement("legend"), { textContent: "Your guess" });
  group.append(legend);
  for (const item of list.children) {
    const label = document.createElement("label");
    const radio = Object.assign(document.createElement("input"), { type: "radio", name: box.id });
    const words = document.createElement("span");
    words.append(...item.childNodes);
    label.append(radio, words);
    group.append(label);
  }
  list.remove();
  const labels = all("label", group);
  const same = (a, b) => a.trim().toLowerCase() === b.trim().toLowerCase();
  const replyTo = (label) =>
    all("li > strong:first-child", reveal).find((strong) => same(shownText(strong), label))?.parentElement;
  return {
    element: group,
    value: () => {
      const chosen = labels.find((label) => label.control.checked);
      return chosen ? shownText(chosen) : "";
    },
    set: (text) => labels.forEach((label) => { label.control.checked = same(shownText(label), text); }),
    judge(guess, answer) {
      const right = same(guess, answer ?? "");
      const said = replyTo(guess);
      for (const item of all("li:has(> strong:first-child)", reveal)) item.classList.toggle("chosen", item === said);
      const reply = said && shownText(said).slice(guess.length).replace(/^[\s:.]+/, "");
      const words = reply && reply[0].toUpperCase() + reply.slice(1);
      return { right, told: [right ? `Right: ${guess}.` : `Your guess: ${guess}. ${words || `It is: ${answer}.`}`] };
    },
  };
}

const UNITS = { k: 1e3, thousand: 1e3, m: 1e6, million: 1e6, b: 1e9, billion: 1e9 };

function number(text) {
  const found = /(-?\d[\d,]*\.?\d*(?:e[+-]?\d+)?)\s*(k|thousand|m|million|b|billion)?\b/i.exec(text);
  return found ? Number(found[1].replaceAll(",", "")) * (UNITS[found[2]?.toLowerCase()] ?? 1) : NaN;
}

function howFar(guess, answer) {
  if (Number.isNaN(guess)) return "no number";
  if (guess === answer) return "exactly";
  const ratio = guess / answer;
  const way = guess > answer ? "too high" : "too low";
  if (ratio > 0.5 && ratio < 2) return `${Number((Math.abs(ratio - 1) * 100).toPrecision(2))} % ${way}`;
  if (ratio <= 0 || !Number.isFinite(ratio)) return way;
  const words = new Intl.NumberFormat("en", { notation: "compact", compactDisplay: "long", maximumSignificantDigits: 2 });
  return `${words.format(ratio > 1 ? ratio : 1 / ratio)} times ${way}`;
}

// How many predictions of a lesson were told, and how many of them right.
function tally(slug) {
  const found = { told: 0, right: 0 };
  try {
    for (const key of Object.keys(localStorage)) {
      if (!key.startsWith(`told ${slug}#`)) continue;
      found.told += 1;
      found.right += localStorage.getItem(key) === "right";
    }
  } catch {}
  return found;
}

function score(slug, boxes) {
  const line = document.createElement("p");
  const words = document.createElement("span");
  const forget = Object.assign(document.createElement("button"), { type: "button", textContent: "Forget them" });
  line.className = "score";
  forget.className = "tool";
  line.append(words, forget);
  document.querySelector(".turn").before(line);
  const show = () => {
    const { told, right } = tally(slug);
    line.hidden = !told;
    words.textContent = `${told} of ${boxes.length} predicted, ${right} right. Kept on this device alone. `;
  };
  forget.addEventListener("click", () => {
    for (const box of boxes) for (const name of ["told", "guess"]) remember(`${name} ${slug}#${box.id}`, null);
    location.reload();
  });
  document.addEventListener("prediction", show);
  show();
}

predictions();
