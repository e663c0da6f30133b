// A trained model to write with: its file is loaded when asked for, and everything is computed on
// the reader's device. Without this script the component shows what was recorded.
"use strict";

(() => {
  const make = (tag, fields = {}, ...children) => {
    const { data = {}, ...rest } = fields;
    const element = Object.assign(document.createElement(tag), rest);
    Object.assign(element.dataset, data);
    element.append(...children);
    return element;
  };

  // As a reader sees a byte.
  const sign = (id) => {
    if (id === 256) return "end";
    if (id === 10) return "↵";
    if (id === 32) return "␣";
    return id > 32 && id < 127 ? String.fromCharCode(id) : `\\x${id.toString(16).padStart(2, "0")}`;
  };
  const encode = (text) => [...new TextEncoder().encode(text)];
  const decode = (ids) => new TextDecoder().decode(Uint8Array.from(ids.filter((id) => id < 256)));

  const scripts = new Map();
  function load(file) {
    if (!scripts.has(file.value))
      scripts.set(file.value, new Promise((resolve, reject) => {
        const script = make("script", { src: file.dataset.script });
        script.onerror = (event) => {
          scripts.delete(file.value);
          script.remove();
          reject(event);
        };
        script.onload = () => {
          const bytes = Uint8Array.from(atob(self.artifacts[file.value]), (letter) => letter.charCodeAt(0));
          delete self.artifacts[file.value];
          resolve(new GPTModel(readWeights(bytes.buffer)));
        };
        document.head.append(script);
      }));
    return scripts.get(file.value);
  }

  function slider(words, min, max, step, value, told) {
    const input = make("input", { type: "range", min, max, step, value });
    const shown = make("span", { ariaHidden: "true" });
    const show = () => {
      shown.textContent = told(Number(input.value));
      input.setAttribute("aria-valuetext", shown.textContent);
    };
    input.addEventListener("input", show);
    show();
    return { element: make("label", { className: "knob" }, words, input, shown), value: () => Number(input.value) };
  }

  function playground(place) {
    const files = [...place.querySelectorAll("data")];
    const choose = make("select");
    files.forEach((file, index) => choose.append(make("option", { value: index, textContent: file.textContent })));
    choose.value = files.length - 1;
    const begin = make("button", { type: "button", className: "check", textContent: `Load the model (${files.at(-1).dataset.size})` });
    const told = make("p", { className: "told" });
    told.setAttribute("role", "status");
    place.replaceChildren(begin, told);
    place.hidden = false;
    begin.addEventListener("click", async () => {
      told.textContent = "Loading …";
      try {
        const model = await load(files.at(-1));
        place.replaceChildren();
        desk(place, files, choose, model);
      } catch {
        told.textContent = "Its file could not be loaded.";
      }
    });
  }

  function desk(place, files, choose, first) {
    let model = first;
    let running = 0;
    const text = make("textarea", { rows: 5, value: place.dataset.start.replaceAll("\\n", "\n"), spellcheck: false });
    const temperature = slider("Temperature", 0, 2, 0.05, place.dataset.temperature, (t) => (t ? t.toFixed(2) : "0: the likeliest"));
    const topK = slider("top-k", 0, 60, 1, 0, (k) => (k ? `${k}` : "all"));
    const topP = slider("top-p", 0.05, 1, 0.05, 1, (p) => (p < 1 ? p.toFixed(2) : "all"));
    const button = (words) => make("button", { type: "button", className: "tool", textContent: words });
    const [one, many, stop, loss] = ["One token", "Write 80", "Stop", "Loss of this text"].map(button);
    const status = make("p", { className: "told" });
    status.setAttribute("role", "status");
    const bars = make("ol", { className: "bars" });
    bars.setAttribute("aria-label", "The likeliest next tokens; choose one to add it");
    const map = heatmap();
    stop.disabled = true;
    place.append(
      make("div", { className: "knobs" }, make("label", { className: "knob" }, "Model", choose), temperature.element, topK.element, topP.element),
      make("label", { className: "typed" }, "The text: type a beginning, or go on from here", text),
      make("p", { className: "presses" }, one, many, stop, loss),
      status,
      make("p", { className: "part-title", textContent: "What comes next, and how likely" }),
      bars,
      map.element,
    );

    const ids = () => { const found = encode(text.value); return found.length ? found : [10]; };
    const shares = () => chances(model.logits(ids()), temperature.value(), topK.value(), topP.value() < 1 ? topP.value() : 0);
    const show = () => {
      const found = shares();
      const likeliest = [...found.keys()].filter((id) => found[id] > 0).sort((a, b) => found[b] - found[a]).slice(0, 10);
      bars.replaceChildren(...likeliest.map((id) => {
        const share = `${(100 * found[id]).toFixed(1)} %`;
        const bar = make("button", { type: "button" }, make("code", { textContent: sign(id) }), make("i"), make("span", { textContent: share }));
        bar.querySelector("i").style.setProperty("--share", found[id]);
        bar.addEventListener("click", () => { put(id); bars.querySelector("button")?.focus(); });
        return make("li", {}, bar);
      }));
      map.show(model);
    };
    const put = (id) => {
      text.value = decode([...encode(text.value), id]);
      text.scrollTop = text.scrollHeight;
      show();
    };
    const write = (left) => {
      const now = (running += 1);
      stop.disabled = false;
      const step = () => {
        if (now !== running) return;
        if (!left) { stop.disabled = true; return; }
        left -= 1;
        put(draw(shares(), Math.random()));
        setTimeout(step);
      };
      step();
    };
    const halt = () => { running += 1; stop.disabled = true; };
    one.addEventListener("click", () => { halt(); put(draw(shares(), Math.random())); });
    many.addEventListener("click", () => write(80));
    stop.addEventListener("click", () => { halt(); many.focus(); });
    loss.addEventListener("click", () => {
      halt();
      const found = model.loss(encode(text.value));
      const even = Math.log(model.config.vocab_size);
      status.textContent = Number.isNaN(found)
        ? "A text of two letters at least has a loss."
        : `Loss of this text: ${found.toFixed(2)} per token. Guessing evenly among ${model.config.vocab_size} costs ${even.toFixed(2)}.`;
      show();
    });
    choose.addEventListener("change", async () => {
      halt();
      status.textContent = "Loading …";
      const file = files[choose.value];
      try {
        model = await load(file);
        status.textContent = `${file.textContent}.`;
        show();
      } catch {
        status.textContent = "Its file could not be loaded.";
      }
    });
    text.addEventListener("input", () => { halt(); show(); });
    place.addEventListener("input", ({ target }) => target.type === "range" && show());
    show();
    text.focus({ preventScroll: true });
  }

  // What each token took from those before it, in one head: pointed at, tapped, or walked by keys.
  function heatmap() {
    const layer = make("select");
    const head = make("select");
    const canvas = make("canvas", { tabIndex: 0, className: "heatmap" });
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", "Attention: each row is a token, each column one that it can see. Arrow keys walk through it.");
    const said = make("p", { className: "told" });
    said.setAttribute("role", "status");
    let model;
    let at = [0, 0];

    const rows = () => model?.attention[layer.value]?.[head.value] ?? [];
    const say = () => {
      const row = rows()[at[0]];
      if (!row) return;
      const [from, to] = [at[0], Math.min(at[1], at[0])];
      said.textContent = `Token ${from + 1}, “${sign(model.read[from])}”, takes ${(100 * row[to]).toFixed(1)} % from token ${to + 1}, “${sign(model.read[to])}”.`;
    };
    const paint = () => {
      const found = rows();
      const size = Math.max(found.length, 1);
      const wide = Math.max(1, Math.round(Math.min(canvas.parentElement?.clientWidth || 400, 480) * devicePixelRatio));
      canvas.width = canvas.height = wide;
      const pen = canvas.getContext("2d");
      const style = getComputedStyle(canvas);
      const cell = wide / size;
      pen.fillStyle = style.color;
      found.forEach((row, t) => row.forEach((share, s) => {
        pen.globalAlpha = Math.max(0.05, share);
        pen.fillRect(s * cell, t * cell, Math.max(cell - 1, 0.5), Math.max(cell - 1, 0.5));
      }));
      pen.globalAlpha = 1;
      pen.strokeStyle = style.outlineColor;
      pen.lineWidth = 2 * devicePixelRatio;
      if (found.length) pen.strokeRect(at[1] * cell, at[0] * cell, cell, cell);
      say();
    };
    const go = (from, to) => {
      const last = rows().length - 1;
      at = [Math.min(Math.max(from, 0), last), 0];
      at[1] = Math.min(Math.max(to, 0), at[0]);
      paint();
    };
    const pointed = (event) => {
      const box = canvas.getBoundingClientRect();
      const size = rows().length;
      const place = (where, start, extent) => Math.floor((size * (where - start)) / extent);
      if (size) go(place(event.clientY, box.top, box.height), place(event.clientX, box.left, box.width));
    };
    canvas.addEventListener("pointermove", pointed);
    canvas.addEventListener("pointerdown", pointed);
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!step) return;
      event.preventDefault();
      go(at[0] + step[0], at[1] + step[1]);
    });
    for (const select of [layer, head]) select.addEventListener("change", paint);
    new MutationObserver(paint).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);

    return {
      element: make("div", { className: "attends" },
        make("p", { className: "part-title", textContent: "What each token attends to" }),
        make("div", { className: "knobs" }, make("label", { className: "knob" }, "Block", layer), make("label", { className: "knob" }, "Head", head)),
        canvas, said),
      show(shown) {
        if (model?.config !== shown.config) {
          const numbered = (select, number) => {
            const before = select.value;
            select.replaceChildren(...Array.from({ length: number }, (_, i) => make("option", { value: i, textContent: i + 1 })));
            if (before && before < number) select.value = before;
          };
          numbered(layer, shown.config.n_layer);
          numbered(head, shown.config.n_head);
        }
        model = shown;
        const last = rows().length - 1;
        at = [last, last];
        paint();
      },
    };
  }

  document.querySelectorAll(".playground").forEach(playground);
})();
