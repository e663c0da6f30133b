// Plots that can be moved. What was recorded stands first; a control computes another in its place.
"use strict";

(() => {
  const SIZE = { width: 420, height: 260, left: 58, right: 12, top: 14, bottom: 44 };
  const COLOURS = ["--figure-27508f", "--figure-b0256b", "--figure-5b6b12", "--figure-8a3b1f"];
  const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
  const told = (value) => {
    if (value === 0) return "0";
    if (value >= 1e15 || value < 1e-2) return value.toExponential(1).replace("e+", "e").replace(".0e", "e");
    return value < 1000 ? `${Number(value.toPrecision(3))}` : short.format(value);
  };
  const bytes = (value) => {
    const [unit, size] = [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]].find(([, least]) => value >= least) ?? ["bytes", 1];
    return `${Number((value / size).toPrecision(3))} ${unit}`;
  };

  function svg(tag, attributes = {}, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  // From values to places; `log` for scales whose steps are factors.
  function scale(from, to, start, end, log) {
    const place = log ? Math.log10 : (value) => value;
    const [a, b] = [place(from), place(to)];
    const at = (value) => start + ((place(value) - a) / (b - a || 1)) * (end - start);
    const marks = [];
    if (log) {
      const step = Math.max(1, Math.ceil((b - a) / 5));
      for (let power = Math.ceil(a); power <= b + 1e-9; power += step) marks.push(10 ** power);
    } else {
      const rough = (b - a) / 4 || 1;
      const unit = 10 ** Math.floor(Math.log10(rough));
      const step = [1, 2, 5, 10].map((factor) => factor * unit).find((one) => one >= rough);
      for (let value = Math.ceil(a / step) * step; value <= b + step * 1e-6; value += step) marks.push(value);
    }
    return { at, marks };
  }

  function chart({ x, y, lines = [], points = [], title, says }) {
    const { width, height, left, right, top, bottom } = SIZE;
    const across = scale(x.from, x.to, left, width - right, x.log);
    const up = scale(y.from, y.to, height - bottom, top, y.log);
    const drawn = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "figure", role: "img", "aria-label": `${title}. ${says}` });
    const words = (text, attributes) => drawn.append(svg("text", { "font-size": 12, ...attributes }, text));
    for (const mark of across.marks) {
      drawn.append(svg("path", { class: "grid", d: `M${across.at(mark)} ${top}V${height - bottom}` }));
      words(told(mark), { x: across.at(mark), y: height - bottom + 16, "text-anchor": "middle" });
    }
    for (const mark of up.marks) {
      drawn.append(svg("path", { class: "grid", d: `M${left} ${up.at(mark)}H${width - right}` }));
      words(told(mark), { x: left - 6, y: up.at(mark) + 4, "text-anchor": "end" });
    }
    words(x.label, { x: (left + width - right) / 2, y: height - 8, "text-anchor": "middle" });
    const inside = (value, { from, to }) => Math.min(Math.max(value, from), to);
    lines.forEach(({ values, name }, index) => {
      const path = values.map(([a, b], i) => `${i ? "L" : "M"}${across.at(a).toFixed(2)} ${up.at(inside(b, y)).toFixed(2)}`).join("");
      drawn.append(svg("path", { class: "curve", d: path, style: `stroke:var(${COLOURS[index % 4]})` }));
      if (name) words(name, { x: left + 8, y: top + 12 + 16 * index, style: `fill:var(${COLOURS[index % 4]})` });
    });
    for (const [a, b] of points)
      drawn.append(svg("circle", { class: "point", cx: across.at(inside(a, x)), cy: up.at(inside(b, y)), r: 6 }));
    return drawn;
  }

  const bars = ({ values, names, title, says }) => {
    const drawn = svg("svg", { viewBox: `0 0 ${SIZE.width} ${30 * values.length + 8}`, class: "figure", role: "img", "aria-label": `${title}. ${says}` });
    values.forEach((value, index) => {
      const y = 4 + 30 * index;
      drawn.append(
        svg("text", { x: 4, y: y + 17, "font-size": 13 }, names[index]),
        svg("rect", { x: 90, y, width: Math.max(1, 250 * value), height: 22, rx: 3, style: "fill:var(--figure-27508f)" }),
        svg("text", { x: 98 + 250 * value, y: y + 16, "font-size": 13 }, `${(100 * value).toFixed(1)} %`),
      );
    });
    return drawn;
  };

  const growth = (prompt, count) => {
    const [pitch, row] = [Math.min(26, 330 / (prompt + count)), 26];
    const says = `${count} passes. With the cache ${positionsRead(prompt, count, true)} positions are computed, without it ${positionsRead(prompt, count, false)}.`;
    const drawn = svg("svg", { viewBox: `0 0 ${SIZE.width} ${row * count + 8}`, class: "diagram", role: "img", "aria-label": `Growth of a KV cache. ${says}` });
    for (let pass = 0; pass < count; pass++) {
      drawn.append(svg("text", { class: "ink", x: 4, y: 4 + row * pass + 16, "font-size": 12 }, pass ? `token ${pass}` : "prompt"));
      const cached = pass ? prompt + pass - 1 : 0;
      for (let place = 0; place < prompt + pass; place++)
        drawn.append(svg("rect", { class: place < cached ? "kept" : "attention", x: 74 + place * pitch, y: 4 + row * pass, width: pitch * 0.88, height: row - 6, rx: 3 }));
    }
    return { drawn, says };
  };

  const span = (from, to, count, log) =>
    Array.from({ length: count + 1 }, (_, i) => (log ? from * (to / from) ** (i / count) : from + ((to - from) * i) / count));

  // Each: its controls, [name, least, most, first, step or "log", how it is told], and what they draw.
  // What is first comes from the values that its text gives, in their order, where it has any.
  const PLOTS = {
    schedule: {
      controls: [
        ["Peak", 1e-5, 1e-1, 3e-3, "log", told],
        ["Warmup, updates", 0, 500, 22, 1, told],
        ["Updates in all", 20, 5000, 450, 10, told],
        ["Floor, share of the peak", 0, 1, 0.1, 0.05, told],
      ],
      draw(maxLr, warmup, steps, floor) {
        const plan = { maxLr, minLr: floor * maxLr, warmup: Math.min(warmup, steps), steps };
        const values = span(0, steps, Math.min(steps, 400)).map((step) => [step, lrAt(step, plan)]);
        const says = `Update ${plan.warmup} has ${told(lrAt(plan.warmup, plan))}, half way ${told(lrAt(Math.round(steps / 2), plan))}, the last ${told(lrAt(steps - 1, plan))}.`;
        return { says, drawn: chart({ title: "Learning rate", says, x: { from: 0, to: steps, label: "update" }, y: { from: 0, to: 1.1 * maxLr }, lines: [{ values }] }) };
      },
    },
    temperature: {
      controls: [["Temperature", 0.05, 5, 1, "log", told], ["top-k", 1, 4, 4, 1, told]],
      draw(temperature, topK) {
        const values = probabilities([2, 1, 0.5, -1], temperature, topK);
        const names = ["first", "second", "third", "fourth"];
        const says = names.map((name, i) => `${name} ${(100 * values[i]).toFixed(1)} %`).join(", ");
        return { says: `${says}.`, drawn: bars({ values, names, title: "Probabilities of four tokens", says }) };
      },
    },
    cache: {
      controls: [
        ["Layers", 1, 96, 12, 1, told],
        ["Width", 64, 16384, 768, 64, told],
        ["Context, tokens", 64, 131072, 1024, "log", (value) => told(Math.round(value))],
        ["Batch", 1, 256, 1, 1, told],
        ["Bytes for a number", 1, 4, 2, 1, told],
      ],
      draw(layers, width, context, batch, each) {
        const tokens = Math.round(context);
        const total = cacheBytes(layers, width, tokens, batch, each);
        const values = span(1, tokens, 40).map((t) => [t, cacheBytes(layers, width, t, batch, each) / 1e6]);
        const says = `${bytes(cacheBytes(layers, width, 1, 1, each))} for a token, ${bytes(total)} in all.`;
        return { says, drawn: chart({ title: "Cache in MB over the length", says, x: { from: 0, to: tokens, label: "tokens; the cache in MB" }, y: { from: 0, to: total / 1e6 }, lines: [{ values }] }) };
      },
    },
    growth: {
      controls: [["Prompt", 1, 12, 4, 1, told], ["Passes", 1, 12, 6, 1, told]],
      draw: (prompt, count) => growth(prompt, count),
    },
    roofline: {
      controls: [
        ["Operations per byte", 0.05, 2000, 1, "log", told],
        ["Peak, operations per second", 1e9, 2e15, 1e11, "log", told],
        ["Bandwidth, bytes per second", 1e9, 1e13, 1e10, "log", told],
      ],
      draw(intensity, peak, bandwidth) {
        const speed = attainable(peak, bandwidth, intensity);
        const [from, to] = [0.05, 2000];
        const values = span(from, to, 80, true).map((x) => [x, attainable(peak, bandwidth, x)]);
        const bound = intensity < peak / bandwidth ? "memory-bound" : "compute-bound";
        const says = `At ${told(intensity)} operations per byte at most ${told(speed)} a second: ${bound}; the ridge is at ${told(peak / bandwidth)}.`;
        return { says, drawn: chart({ title: "Roofline", says, x: { from, to, log: true, label: "operations per byte" }, y: { from: attainable(peak, bandwidth, from) / 2, to: peak * 2, log: true }, lines: [{ values }], points: [[intensity, speed]] }) };
      },
    },
    scaling: {
      controls: [
        ["Compute, operations", 1e18, 1e26, 5.9e23, "log", told],
        ["Parameters, times the best", 0.02, 50, 1, "log", told],
      ],
      draw(compute, off) {
        const best = bestSize(compute);
        const loss = (size) => predictedLoss(size, compute / (6 * size));
        const values = span(best / 100, best * 100, 120, true).map((size) => [size, loss(size)]);
        const size = best * off;
        const says = `${told(size)} parameters on ${told(compute / (6 * size))} tokens: a loss of ${loss(size).toFixed(3)}. The best, with ${told(best)} on ${told(compute / (6 * best))}, has ${loss(best).toFixed(3)}.`;
        return { says, drawn: chart({ title: "Predicted loss over the size of the model", says, x: { from: best / 100, to: best * 100, log: true, label: "parameters, at this compute" }, y: { from: LAW.E, to: Math.max(loss(best / 100), loss(best * 100)) }, lines: [{ values }], points: [[size, loss(size)]] }) };
      },
    },
  };

  function control([name, least, most, first, step, tell], changed) {
    const log = step === "log";
    const input = document.createElement("input");
    const shown = document.createElement("span"); // what assistive technology reads is the input's
    shown.setAttribute("aria-hidden", "true");
    const label = document.createElement("label");
    Object.assign(input, log ? { type: "range", min: 0, max: 1000, step: 1 } : { type: "range", min: least, max: most, step });
    let exact = first;
    const show = () => {
      shown.textContent = tell(exact);
      input.setAttribute("aria-valuetext", shown.textContent);
    };
    const set = (value) => {
      exact = value;
      input.value = log ? (1000 * Math.log(value / least)) / Math.log(most / least) : value;
      show();
    };
    input.addEventListener("input", () => {
      exact = log ? least * (most / least) ** (input.value / 1000) : Number(input.value);
      show();
      changed();
    });
    label.className = "knob";
    label.append(name, input, shown);
    set(first);
    return { label, set, value: () => exact };
  }

  function plot(box) {
    const { controls, draw } = PLOTS[box.dataset.plot];
    const recorded = all(".output.svg", box);
    const place = document.createElement("div");
    const says = document.createElement("p");
    const knobs = document.createElement("div");
    const back = Object.assign(document.createElement("button"), { type: "button", className: "tool", textContent: "As recorded" });
    place.className = "moved";
    says.className = "told";
    says.setAttribute("role", "status");
    knobs.className = "knobs";
    let moved = false;
    const show = () => {
      const found = draw(...made.map((one) => one.value()));
      place.replaceChildren(found.drawn);
      const first = recorded.length && !moved;
      place.hidden = Boolean(first);
      back.hidden = !moved;
      recorded.forEach((output) => { output.hidden = !first; });
      says.textContent = first ? "As recorded; a control computes it anew, in your browser." : `Computed in your browser. ${found.says}`;
    };
    const made = controls.map((one) => control(one, () => { moved = true; show(); }));
    const begin = () => {
      moved = false;
      const values = all(".first .value", box).map((value) => Number(shownText(value)));
      made.forEach((one, index) => one.set(Number.isFinite(values[index]) ? values[index] : controls[index][3]));
      show();
    };
    knobs.append(...made.map((one) => one.label));
    box.append(place, says, knobs, back);
    back.addEventListener("click", begin);
    document.addEventListener("profile", begin);
    begin();
  }

  all(".plot[data-plot]").forEach(plot);
})();
