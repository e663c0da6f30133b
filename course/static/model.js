// A GPT in plain JavaScript: the arithmetic of gptcore/model.py, one token at a time, with a cache.
// Its weights come from a file that gptcore/quantize.py wrote.
"use strict";

// The weights of such a file, its matrices multiplied out to float32.
function readWeights(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const { config, weights } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const start = 4 + length;
  const tensors = {};
  for (const [name, { shape, numbers, steps, values }] of Object.entries(weights)) {
    const size = shape.reduce((a, b) => a * b);
    if (values !== undefined) {
      tensors[name] = new Float32Array(buffer, start + values, size);
      continue;
    }
    const whole = new Int8Array(buffer, start + numbers, size);
    const step = new Float32Array(buffer, start + steps, shape[0]);
    const columns = size / shape[0];
    tensors[name] = Float32Array.from(whole, (number, place) => number * step[(place / columns) | 0]);
  }
  return { config, tensors };
}

class GPTModel {
  constructor({ config, tensors }) {
    this.config = config;
    this.tensors = tensors;
    const { n_layer, n_embd, block_size } = config;
    const room = () => new Float32Array(block_size * n_embd);
    this.cache = Array.from({ length: n_layer }, () => ({ keys: room(), values: room() }));
    this.forget();
  }

  // Begin anew: an empty cache.
  forget() {
    this.read = [];
    // attention[layer][head][t]: how much token t took from each token up to itself.
    this.attention = this.cache.map(() => Array.from({ length: this.config.n_head }, () => []));
  }

  // The logits after `ids`, of which the last block_size are read; what is known of them already
  // is not computed again.
  logits(ids) {
    const seen = ids.slice(-this.config.block_size);
    if (!this.read.every((id, place) => id === seen[place])) this.forget();
    for (let place = this.read.length; place < seen.length; place++) this.step(seen[place]);
    return this.last;
  }

  // Read one more token; the logits of the one after it.
  step(id) {
    const { n_layer, n_embd } = this.config;
    const place = this.read.length;
    const { "transformer.wte.weight": wte, "transformer.wpe.weight": wpe } = this.tensors;
    const x = new Float32Array(n_embd);
    for (let i = 0; i < n_embd; i++) x[i] = wte[id * n_embd + i] + wpe[place * n_embd + i];
    for (let layer = 0; layer < n_layer; layer++) {
      const part = (name) => `transformer.h.${layer}.${name}`;
      add(x, this.attend(layer, place, this.norm(x, part("ln_1")), part("attn")));
      const wide = this.linear(this.norm(x, part("ln_2")), part("mlp.c_fc"));
      for (let i = 0; i < wide.length; i++) wide[i] = gelu(wide[i]);
      add(x, this.linear(wide, part("mlp.c_proj")));
    }
    this.read.push(id);
    return (this.last = product(wte, this.norm(x, "transformer.ln_f"), null));
  }

  attend(layer, place, x, name) {
    const { n_embd, n_head } = this.config;
    const size = n_embd / n_head;
    const qkv = this.linear(x, `${name}.c_attn`);
    const { keys, values } = this.cache[layer];
    keys.set(qkv.subarray(n_embd, 2 * n_embd), place * n_embd);
    values.set(qkv.subarray(2 * n_embd), place * n_embd);
    const mixed = new Float32Array(n_embd);
    for (let head = 0; head < n_head; head++) {
      const from = head * size;
      const scores = new Float32Array(place + 1);
      for (let t = 0; t <= place; t++) {
        let sum = 0;
        for (let i = 0; i < size; i++) sum += qkv[from + i] * keys[t * n_embd + from + i];
        scores[t] = sum / Math.sqrt(size);
      }
      const weights = softmax(scores);
      for (let t = 0; t <= place; t++)
        for (let i = 0; i < size; i++) mixed[from + i] += weights[t] * values[t * n_embd + from + i];
      this.attention[layer][head].push(weights);
    }
    return this.linear(mixed, `${name}.c_proj`);
  }

  norm(x, name) {
    const { [`${name}.weight`]: scale, [`${name}.bias`]: shift } = this.tensors;
    let mean = 0;
    for (const value of x) mean += value / x.length;
    let variance = 0;
    for (const value of x) variance += (value - mean) ** 2 / x.length;
    const factor = 1 / Math.sqrt(variance + 1e-5);
    return x.map((value, i) => (value - mean) * factor * scale[i] + (shift ? shift[i] : 0));
  }

  linear(x, name) {
    return product(this.tensors[`${name}.weight`], x, this.tensors[`${name}.bias`]);
  }

  // The mean cross-entropy of a text in nats per token, cut into windows of block_size as in
  // training; the first token of each is given. NaN for fewer than two tokens.
  loss(ids) {
    let [sum, count] = [0, 0];
    for (let start = 0; start + 1 < ids.length; start += this.config.block_size) {
      const window = ids.slice(start, start + this.config.block_size + 1);
      this.forget();
      for (let t = 0; t + 1 < window.length; t++) {
        sum -= Math.log(softmax(this.step(window[t]))[window[t + 1]]);
        count += 1;
      }
    }
    this.forget();
    return sum / count;
  }
}

function add(x, more) {
  for (let i = 0; i < x.length; i++) x[i] += more[i];
}

// A matrix, (rows, columns), times a vector, and a bias.
function product(matrix, x, bias) {
  const columns = x.length;
  const found = new Float32Array(matrix.length / columns);
  for (let row = 0; row < found.length; row++) {
    let sum = bias ? bias[row] : 0;
    const from = row * columns;
    for (let i = 0; i < columns; i++) sum += matrix[from + i] * x[i];
    found[row] = sum;
  }
  return found;
}

function gelu(x) {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

function softmax(scores) {
  const most = scores.reduce((a, b) => Math.max(a, b));
  const found = scores.map((score) => Math.exp(score - most));
  const sum = found.reduce((a, b) => a + b);
  return found.map((value) => value / sum);
}

// What `sample` of gptcore/generate.py draws from: k first, then the temperature, then p.
// At temperature 0 all is on the likeliest. A top_k or top_p of 0 keeps all.
function chances(logits, temperature, topK, topP) {
  const order = [...logits.keys()].sort((a, b) => logits[b] - logits[a] || a - b);
  const found = new Float32Array(logits.length);
  if (temperature === 0) {
    found[order[0]] = 1;
    return found;
  }
  const kept = order.slice(0, topK || logits.length);
  const most = logits[order[0]];
  const shares = softmax(Float32Array.from(kept, (id) => (logits[id] - most) / temperature));
  let [reached, sum] = [0, 0];
  for (const [rank, id] of kept.entries()) {
    if (topP && reached >= topP) break;
    reached += shares[rank];
    sum += found[id] = shares[rank];
  }
  return found.map((share) => share / sum);
}

// One id by chance; `random` is from 0 to below 1.
function draw(shares, random) {
  let rest = random;
  for (const [id, share] of shares.entries()) {
    rest -= share;
    if (rest < 0) return id;
  }
  return shares.indexOf(shares.reduce((a, b) => Math.max(a, b)));
}
