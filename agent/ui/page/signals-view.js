import { byId, element, setText } from "./dom.js";
import { clock, count, counted, numberText, valueOf } from "./format.js";
import { TimePlot } from "./plot.js";

/** @typedef {import("./store.js").Signal} Signal */

/** Rows of the table: more of them are found by the filter. */
const MAX_ROWS = 300;
const MAX_PLOTS = 12;
const HEIGHT = 130;
const COLORS = 6;
/** Signals that are plotted before anybody has chosen. */
const FIRST_PLOTS = 2;
const STORE = "causeway.plots";
const RATE_S = 5;
const order = new Intl.Collator("en", { numeric: true });

/** The table of signals, and the plots of those that are ticked. */
export class SignalsView {
  #store;
  /** @type {Map<string, { row: HTMLTableRowElement, box: HTMLInputElement, value: Element, rate: Element, isShown: boolean }>} */
  #rows = new Map();
  /** @type {Map<string, { place: HTMLElement, now: HTMLElement, plot: TimePlot, hasTexts: boolean }>} */
  #plots = new Map();
  #filter = "";
  #sorted = 0;
  #filtered = "";
  /** @type {number | undefined} */
  #pausedAt;
  /** Chosen on an earlier visit of this tab; undefined when nobody has chosen yet. @type {Set<string> | undefined} */
  #chosen = chosenBefore();

  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.#store = store;
    byId("filter").addEventListener("input", ({ target }) => {
      if (target instanceof HTMLInputElement) this.#filter = target.value.trim().toLowerCase();
      this.fill();
    });
    byId("pause").addEventListener("click", ({ currentTarget }) => {
      this.#pausedAt = this.#pausedAt === undefined ? this.#now() : undefined;
      if (!(currentTarget instanceof HTMLElement)) return;
      currentTarget.setAttribute("aria-pressed", String(this.#pausedAt !== undefined));
    });
    byId("clear").addEventListener("click", () => {
      for (const signal of this.#store.signals.values()) if (signal.isPlotted) this.#choose(signal, false);
    });
  }

  /** The table: new signals, their values, their rates. */
  fill() {
    const { signals } = this.#store;
    if (this.#sorted !== signals.size || this.#filtered !== this.#filter) this.#sort();
    for (const [key, { value, rate, box, isShown }] of this.#rows) {
      const signal = signals.get(key);
      if (signal === undefined || !isShown) continue;
      setText(value, valueOf(signal));
      setText(rate, this.#rateOf(signal));
      box.checked = signal.isPlotted;
    }
    setText(byId("signals-note"), this.#noteOf());
  }

  #noteOf() {
    const { signals, agent, newest } = this.#store;
    if (signals.size === 0) return "None yet.";
    if (agent.state === "down") return `As of ${clock(newest.t)}: the agent is away.`;
    const live = [...signals.values()].filter(({ ring }) => ring.lastTime > this.#now() - 10).length;
    return `${count(live)} of ${counted(signals.size, "signal")} came in the last 10 s.`;
  }

  /** The plots. */
  draw() {
    const now = this.#pausedAt ?? this.#now();
    const window = byId("window");
    const seconds = window instanceof HTMLSelectElement ? Number(window.value) : 60;
    for (const [key, { place, now: label, plot }] of this.#plots) {
      const signal = this.#store.signals.get(key);
      if (signal === undefined || !isInSight(place)) continue;
      const { times, values } = signal.ring.since(now - seconds);
      setText(label, labelOf(signal, plot.pointed));
      plot.draw([times, values], [now - seconds, now], { words: () => wordsOf(signal, values, seconds) });
    }
  }

  #now() {
    const { t, atMs } = this.#store.newest;
    // Nothing comes from an agent that is away: time stands still then.
    return t + Math.min(2, (performance.now() - atMs) / 1000);
  }

  /** @param {Signal} signal */
  #rateOf({ ring }) {
    const now = this.#now();
    const points = ring.count - ring.indexOf(now - RATE_S);
    return points === 0 ? "-" : (points / RATE_S).toFixed(points / RATE_S < 10 ? 1 : 0);
  }

  #sort() {
    const { signals } = this.#store;
    const all = [...signals.values()].sort((a, b) => order.compare(a.key, b.key));
    const found = all.filter((signal) => this.#isFound(signal));
    const shown = found.slice(0, MAX_ROWS);
    for (const entry of this.#rows.values()) entry.isShown = false;
    byId("signal-rows").replaceChildren(...shown.map((signal) => this.#rowOf(signal)));
    const hidden = found.length - shown.length;
    byId("signals-more").hidden = hidden === 0 && found.length > 0;
    setText(
      byId("signals-more"),
      found.length === 0 ? "No signal has such a name." : `${count(hidden)} more: narrow them down with the filter.`,
    );
    this.#sorted = signals.size;
    this.#filtered = this.#filter;
    this.#plotFirst(all);
  }

  /** @param {Signal} signal */
  #isFound({ name, of, bus, unit }) {
    if (this.#filter === "") return true;
    const text = `${bus} ${of}.${name} ${unit}`.toLowerCase();
    return this.#filter.split(/[\s*]+/).every((word) => text.includes(word));
  }

  /** @param {Signal[]} all */
  #plotFirst(all) {
    for (const signal of all) if (this.#chosen?.has(signal.key) === true && !signal.isPlotted) this.#plot(signal);
    if (this.#chosen !== undefined || all.length === 0) return;
    const moving = all.filter(({ unit, hasTexts }) => unit !== "" && !hasTexts);
    const first = (moving.length > 0 ? moving : all).slice(0, FIRST_PLOTS - this.#plots.size);
    for (const signal of first) if (!signal.isPlotted) this.#plot(signal);
  }

  /** @param {Signal} signal */
  #rowOf(signal) {
    const { key, name, of, bus, unit, sender, isPlotted } = signal;
    const known = this.#rows.get(key);
    if (known !== undefined) {
      known.isShown = true;
      return known.row;
    }
    const box = element("input", { type: "checkbox", "aria-label": `Plot ${of}.${name}${sender}` });
    box.checked = isPlotted;
    box.addEventListener("change", () => this.#choose(signal, box.checked));
    const value = element("td", { class: "number" });
    const rate = element("td", { class: "number" });
    const from = element("small", {}, `${of}${sender}${bus === "" ? "" : ` · ${bus}`}`);
    const row = element(
      "tr",
      {},
      element("td", {}, box),
      element("th", { scope: "row", class: "broken" }, name, from),
      value,
      element("td", {}, unit),
      rate,
    );
    this.#rows.set(key, { row, box, value, rate, isShown: true });
    return row;
  }

  /** @param {Signal} signal @param {boolean} isWanted */
  #choose(signal, isWanted) {
    if (isWanted) this.#plot(signal);
    else this.#unplot(signal);
    this.#chosen = new Set(
      [...this.#store.signals.values()].filter(({ isPlotted }) => isPlotted).map(({ key }) => key),
    );
    sessionStorage.setItem(STORE, JSON.stringify([...this.#chosen]));
    this.fill();
  }

  /** @param {Signal} signal */
  #plot(signal) {
    if (this.#plots.size >= MAX_PLOTS) return this.#sayPlots();
    signal.isPlotted = true;
    const { key, name, of, unit, hasTexts, sender } = signal;
    const color = `${firstFree([...this.#plots.values()].map(({ place }) => Number(place.dataset.color)))}`;
    const now = element("span", { class: "now" });
    const close = element("button", { type: "button", "aria-label": `Remove the plot of ${of}.${name}${sender}` }, "×");
    close.addEventListener("click", () => this.#choose(signal, false));
    const head = element("div", { class: "head" }, element("h3", {}, name), now, close);
    const plot = new TimePlot({
      label: `${of}.${name}${sender}${unit === "" ? "" : `, ${unit}`}`,
      lines: [{ label: unit === "" ? name : `${name}, ${unit}`, color: `series-${color}`, isStepped: hasTexts }],
      height: HEIGHT,
      format: (value) => axisText(value),
      sync: "signals",
    });
    const place = element("div", { class: "plot", "data-color": color }, head, plot.place);
    byId("plots").append(place);
    this.#plots.set(key, { place, now, plot, hasTexts });
    this.#sayPlots();
  }

  /** @param {Signal} signal */
  #unplot(signal) {
    signal.isPlotted = false;
    const found = this.#plots.get(signal.key);
    found?.plot.remove();
    found?.place.remove();
    this.#plots.delete(signal.key);
    this.#sayPlots();
  }

  #sayPlots() {
    const isFull = this.#plots.size >= MAX_PLOTS;
    byId("plots-none").hidden = this.#plots.size > 0 && !isFull;
    setText(
      byId("plots-none"),
      isFull ? `${MAX_PLOTS} plots are the most: remove one for another.` : "Tick signals below to plot them.",
    );
  }
}

/** @param {Signal} signal @param {number[]} values @param {number} seconds */
function wordsOf(signal, values, seconds) {
  const numbers = values.filter((value) => Number.isFinite(value));
  if (numbers.length === 0) return `no number in the last ${seconds} s`;
  const low = numbers.reduce((a, b) => Math.min(a, b));
  const high = numbers.reduce((a, b) => Math.max(a, b));
  return `${valueOf(signal)} now, between ${numberText(low, signal.decimals)} and ${numberText(high, signal.decimals)} in the last ${seconds} s`;
}

/**
 * The value of now, or of where somebody points.
 * @param {Signal} signal
 * @param {{ t: number, value: number } | undefined} pointed
 */
function labelOf(signal, pointed) {
  const unit = signal.hasTexts ? "" : ` ${signal.unit}`;
  if (pointed === undefined) return `${valueOf(signal)}${unit}`.trim();
  return `${numberText(pointed.value, signal.decimals)}${unit} at ${clock(pointed.t)}`;
}

/** @param {number} value */
function axisText(value) {
  return Math.abs(value) >= 1e6 ? value.toExponential(1) : String(Number(value.toPrecision(5)));
}

/** @param {number[]} taken */
function firstFree(taken) {
  for (let color = 1; color <= COLORS; color++) if (!taken.includes(color)) return color;
  return (taken.length % COLORS) + 1;
}

/** @param {HTMLElement} place */
function isInSight(place) {
  const { top, bottom } = place.getBoundingClientRect();
  return bottom > -200 && top < innerHeight + 200;
}

function chosenBefore() {
  try {
    /** @type {unknown} */
    const kept = JSON.parse(sessionStorage.getItem(STORE) ?? "");
    return Array.isArray(kept) ? new Set(kept.map(String)) : undefined;
  } catch {
    // Nothing was chosen in this tab.
    return undefined;
  }
}
