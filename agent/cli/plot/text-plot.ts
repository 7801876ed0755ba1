import type pico from "picocolors";
import { printable } from "../../core/plain-text.ts";
import { cutLine, visibleWidth, wrapLines } from "../text.ts";
import { timeTicks } from "./axis-ticks.ts";
import { BrailleCanvas } from "./braille-canvas.ts";
import { footOf, headingOf, type Plot, type PlotSeries, type PlotTime, partOf, textOfPlace } from "./plot-series.ts";
import { thinned } from "./thinned-points.ts";

/** How it is drawn: in so many columns, each panel of numbers so many rows high. */
export type TextPlotStyle = {
  readonly columns: number;
  readonly rows: number;
  /** Without characters beyond ASCII. */
  readonly isAscii: boolean;
  readonly colors: ReturnType<typeof pico.createColors>;
};

type Painter = (text: string) => string;
type Frame = { readonly labels: number; readonly columns: number; readonly isAscii: boolean };

const LEAST_CURVE_COLUMNS = 8;
const TICK_COLUMNS = 11;

/** The plot for a terminal: a panel a signal, one below the other over one time axis. No line is wider than `style.columns`. */
export function textPlot(plot: Plot, style: TextPlotStyle): readonly string[] {
  const { colors, isAscii, columns } = style;
  const painters = [colors.cyan, colors.yellow, colors.green, colors.magenta, colors.blue, colors.red];
  const widest = plot.series.flatMap(labelsOf).reduce((most, label) => Math.max(most, visibleWidth(label)), 0);
  const labels = Math.min(widest, Math.max(0, Math.floor(columns / 3)), Math.max(0, columns - LEAST_CURVE_COLUMNS - 2));
  const frame = { labels, columns: Math.max(1, columns - labels - 2), isAscii };
  const panels = plot.series.map((series, index) => {
    const paint = painters[index % painters.length] ?? String;
    const curve =
      series.levels === undefined
        ? numberRows(series, plot.time, frame, style.rows)
        : levelRows(series, plot.time, frame);
    return [
      ...wrapLines(headingOf(series), columns, 2).map((line) => cutLine(paint(line), columns)),
      ...curve.map(({ label, cells }) => axisLine(label, cells, frame, paint)),
    ];
  });
  const foot = wrapLines(footOf(plot), columns, 2);
  return [...panels.flatMap((panel) => panel), ...timeAxis(plot.time, frame), ...foot];
}

type Row = { readonly label: string; readonly cells: string };

function labelsOf(series: PlotSeries): readonly string[] {
  if (series.levels !== undefined) return series.levels.map(({ text }) => printable(text));
  return [textOfPlace(series, series.minimum), textOfPlace(series, series.maximum)];
}

/** Lines from value to value; the labels are the least and the greatest value. */
function numberRows(series: PlotSeries, time: PlotTime, frame: Frame, rows: number): readonly Row[] {
  const { minimum, maximum } = series;
  const canvas = new BrailleCanvas(frame.columns, rows, frame.isAscii);
  const range = maximum - minimum;
  const yOf = (y: number): number => Math.round((1 - partOf(series, y)) * (canvas.height - 1));
  let before: readonly [number, number] | undefined;
  for (const { x, y } of thinned(series.points, canvas.width)) {
    const here = Number.isFinite(y) ? ([placeOf(x, time, canvas.width), yOf(y)] as const) : undefined;
    if (here !== undefined) canvas.line(...(before ?? here), ...here);
    before = here;
  }
  return canvas.rows().map((cells, row) => {
    if (range === 0) return { label: row === Math.floor((rows - 1) / 2) ? textOfPlace(series, maximum) : "", cells };
    const y = row === 0 ? maximum : row === rows - 1 ? minimum : undefined;
    return { label: y === undefined ? "" : textOfPlace(series, y), cells };
  });
}

/** A row a text, the one of the greatest raw value at the top: a bar for as long as it holds. */
function levelRows({ levels = [], points }: PlotSeries, time: PlotTime, frame: Frame): readonly Row[] {
  const bar = frame.isAscii ? "=" : "━";
  const rows = levels.map(() => new Set<number>());
  points.forEach(({ x, y }, index) => {
    const until = points[index + 1]?.x ?? x;
    for (let at = placeOf(x, time, frame.columns); at <= placeOf(until, time, frame.columns); at++) rows[y]?.add(at);
  });
  return levels.toReversed().map(({ y, text }) => ({
    label: printable(text),
    cells: Array.from({ length: frame.columns }, (_, at) => (rows[y]?.has(at) === true ? bar : " ")).join(""),
  }));
}

function axisLine(label: string, cells: string, { labels, isAscii }: Frame, paint: Painter): string {
  const cut = cutLine(label, labels);
  const tick = label === "" ? (isAscii ? "|" : "│") : isAscii ? "+" : "┤";
  const curve = cells.trimEnd();
  return `${" ".repeat(Math.max(0, labels - visibleWidth(cut)))}${cut} ${tick}${curve === "" ? "" : paint(curve)}`;
}

/** The axis with its ticks, and what is written below them. */
function timeAxis(time: PlotTime, { labels, columns, isAscii }: Frame): readonly string[] {
  const [corner, dash, mark] = isAscii ? ["+", "-", "+"] : ["└", "─", "┬"];
  const axis = Array.from({ length: columns }, () => dash);
  const below = Array.from({ length: columns }, () => " ");
  let free = 0;
  for (const { at, text } of ticksOf(time, Math.floor(columns / TICK_COLUMNS))) {
    const place = placeOf(at, time, columns);
    axis[place] = mark;
    const start = Math.min(Math.max(0, place - Math.floor(text.length / 2)), columns - text.length);
    if (start < free) continue;
    below.splice(start, text.length, ...text.split(""));
    free = start + text.length + 1;
  }
  const indent = " ".repeat(labels + 1);
  return [`${indent}${corner}${axis.join("")}`, `${indent} ${below.join("").trimEnd()}`];
}

function ticksOf({ from, to }: PlotTime, most: number) {
  return timeTicks(from, to, Math.max(1, most));
}

function placeOf(x: number, { from, to }: PlotTime, width: number): number {
  return to > from ? Math.round(((x - from) / (to - from)) * (width - 1)) : 0;
}
