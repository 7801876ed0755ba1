import { element, fillRows } from "./dom.js";
import { clock } from "./format.js";

/** Colours of the style sheet, read again when the scheme changes. @type {Record<string, string>} */
const palette = {};
const NAMES = ["ink", "soft", "line", "bad", "good", ...[1, 2, 3, 4, 5, 6].map((n) => `series-${n}`)];

export function readPalette() {
  const style = getComputedStyle(document.documentElement);
  for (const name of NAMES) palette[name] = style.getPropertyValue(`--${name}`).trim();
}

/** Rows of the table beside a plot. */
const TABLE_ROWS = 10;

/**
 * A line of a plot. `color`: a name of the palette.
 * @typedef {{ label: string, color: string, isStepped?: boolean, isFilled?: boolean }} Line
 * Parts of its time axis that are marked.
 * @typedef {{ from: number, to: number }} Band
 * @typedef {{ label: string, lines: Line[], height: number, format: (value: number) => string, yRange?: (low: number, high: number) => [number, number], sync?: string }} PlotParts
 */

/** Lines over time, with what they show in words for those who do not see them, and as a table for all. */
export class TimePlot {
  /** Goes into the page. */
  place = element("div");
  /** @type {uPlot | undefined} */
  #plot;
  #parts;
  #canvas = element("div", { role: "img" });
  #details = element("details");
  #body = element("tbody");
  /** @type {[number, number]} */
  #range = [0, 1];
  /** @type {Band[]} */
  #bands = [];
  /** @type {uPlot.AlignedData} */
  #data = [[]];
  #saidAt = 0;
  #observer;

  /** @param {PlotParts} parts */
  constructor(parts) {
    this.#parts = parts;
    this.#canvas.setAttribute("aria-label", parts.label);
    const heads = ["Time", ...parts.lines.map(({ label }) => label)];
    const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)));
    const caption = element("caption", { class: "unseen" }, parts.label);
    const table = element("table", {}, caption, element("thead", {}, head), this.#body);
    this.#details.append(element("summary", {}, "As a table"), table);
    this.#details.addEventListener("toggle", () => this.#fillTable());
    this.place.append(this.#canvas, this.#details);
    this.#observer = new ResizeObserver(() => this.#resize());
    this.#observer.observe(this.#canvas);
  }

  /**
   * @param {uPlot.AlignedData} data
   * @param {[number, number]} range of the time axis, s
   * @param {{ bands?: Band[], words: () => string }} more
   */
  draw(data, range, { bands = [], words }) {
    this.#range = range;
    this.#bands = bands;
    this.#data = data;
    this.#plot ??= this.#make();
    this.#plot?.setData(data);
    // What a reader's voice would say changes seldom enough to be said whole.
    if (performance.now() - this.#saidAt < 2000) return;
    this.#saidAt = performance.now();
    this.#canvas.setAttribute("aria-label", `${this.#parts.label}: ${words()}`);
    this.#fillTable();
  }

  /** Where somebody points with a mouse, in this plot or in one that moves along. */
  get pointed() {
    const index = this.#plot?.cursor.idx;
    if (index === null || index === undefined) return undefined;
    const [times, values] = this.#data;
    const value = values?.[index];
    return typeof value === "number" ? { t: times[index], value } : undefined;
  }

  remove() {
    this.#observer.disconnect();
    this.#plot?.destroy();
    this.place.remove();
  }

  #resize() {
    const width = this.#canvas.clientWidth;
    if (width > 0 && this.#plot !== undefined && Math.abs(this.#plot.width - width) >= 1) {
      this.#plot.setSize({ width, height: this.#parts.height });
    }
  }

  #make() {
    const width = this.#canvas.clientWidth;
    if (width === 0) return undefined;
    const { height, lines, format, yRange, sync } = this.#parts;
    const axis = {
      stroke: () => palette.soft,
      grid: { stroke: () => palette.line, width: 1 },
      ticks: { show: false },
      font: "12px system-ui, sans-serif",
    };
    return new uPlot(
      {
        width,
        height,
        legend: { show: false },
        padding: [8, 8, 0, 0],
        cursor: { y: false, drag: { x: false, y: false }, ...(sync === undefined ? {} : { sync: { key: sync } }) },
        scales: {
          x: { time: true, range: () => this.#range },
          y: { range: (_plot, low, high) => (yRange ?? spread)(low ?? 0, high ?? 1) },
        },
        axes: [
          { ...axis, size: 24, values: (_plot, splits) => splits.map((t) => clock(t)), space: 80 },
          { ...axis, size: 64, values: (_plot, splits) => splits.map(format), space: 22 },
        ],
        series: [{}, ...lines.map(seriesOf)],
        hooks: { drawAxes: [(plot) => this.#drawBands(plot)] },
      },
      this.#data,
      this.#canvas,
    );
  }

  /** @param {uPlot} plot */
  #drawBands(plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.fillStyle = palette.bad;
    for (const { from, to } of this.#bands) {
      const left = Math.max(bbox.left, plot.valToPos(from, "x", true));
      const right = Math.min(bbox.left + bbox.width, plot.valToPos(to, "x", true));
      if (right < bbox.left || left > bbox.left + bbox.width) continue;
      ctx.globalAlpha = 0.18;
      ctx.fillRect(left, bbox.top, Math.max(3, right - left), bbox.height);
      ctx.globalAlpha = 1;
      ctx.fillRect(left, bbox.top, Math.max(3, right - left), 4);
    }
    ctx.restore();
  }

  #fillTable() {
    if (!this.#details.open) return;
    const [times, ...lines] = this.#data;
    const [from, to] = this.#range;
    const rows = [];
    for (let row = 0; row < TABLE_ROWS; row++) {
      const at = to - ((to - from) * row) / TABLE_ROWS;
      const index = lastBefore(times, at);
      if (index < 0) break;
      rows.push([clock(times[index]), ...lines.map((line) => this.#cell(line[index]))]);
    }
    fillRows(this.#body, rows);
  }

  /** @param {number | null | undefined} value */
  #cell(value) {
    return value === null || value === undefined || Number.isNaN(value) ? "-" : this.#parts.format(value);
  }
}

/** The key to the colours of a plot. @param {{ label: string, color: string }[]} lines */
export function keyOf(lines) {
  return element(
    "p",
    { class: "key" },
    ...lines.map(({ label, color }) => element("span", { "data-color": color }, label)),
  );
}

/** @param {Line} line @returns {uPlot.Series} */
function seriesOf({ label, color, isStepped = false, isFilled = false }) {
  const stepped = isStepped ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
  return {
    label,
    stroke: () => palette[color],
    width: 1.5,
    points: { show: false },
    spanGaps: false,
    ...(stepped === undefined ? {} : { paths: stepped }),
    ...(isFilled ? { fill: () => `${palette[color]}33` } : {}),
  };
}

/** Room above and below. @param {number} low @param {number} high @returns {[number, number]} */
function spread(low, high) {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  const room = high > low ? (high - low) * 0.08 : Math.max(1, Math.abs(high) * 0.05);
  return [low - room, high + room];
}

/** @param {ArrayLike<number>} times @param {number} at */
function lastBefore(times, at) {
  let index = times.length - 1;
  while (index >= 0 && times[index] > at) index -= 1;
  return index;
}
