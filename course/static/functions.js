// Functions of gptcore for plots that are moved: schedule.py, laws.py, and what generate.py draws from.
"use strict";

function lrAt(step, { maxLr, minLr, warmup, steps }) {
  if (step < warmup) return (maxLr * (step + 1)) / warmup;
  const done = Math.min(1, (step - warmup) / Math.max(1, steps - warmup));
  return minLr + (maxLr - minLr) * 0.5 * (1 + Math.cos(Math.PI * done));
}

// The probabilities of scores at a temperature above 0; of all but the topK highest it is 0.
function probabilities(scores, temperature, topK) {
  const least = [...scores].sort((a, b) => b - a)[Math.min(topK, scores.length) - 1];
  const most = Math.max(...scores);
  const found = scores.map((score) => (score < least ? 0 : Math.exp((score - most) / temperature)));
  const sum = found.reduce((a, b) => a + b);
  return found.map((value) => value / sum);
}

const cacheBytes = (layers, width, tokens, batch, bytes) => 2 * layers * width * tokens * batch * bytes;

function positionsRead(prompt, count, cached) {
  if (!count) return 0;
  return cached ? prompt + count - 1 : count * prompt + (count * (count - 1)) / 2;
}

const attainable = (peak, bandwidth, intensity) => Math.min(peak, bandwidth * intensity);

const LAW = { E: 1.69, A: 406.4, B: 410.7, alpha: 0.34, beta: 0.28 }; // Hoffmann et al. 2022

const predictedLoss = (parameters, tokens) =>
  LAW.E + LAW.A / parameters ** LAW.alpha + LAW.B / tokens ** LAW.beta;

function bestSize(compute) {
  const both = LAW.alpha + LAW.beta;
  return ((LAW.alpha * LAW.A) / (LAW.beta * LAW.B)) ** (1 / both) * (compute / 6) ** (LAW.beta / both);
}
