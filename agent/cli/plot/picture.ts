import { printable } from "../../core/plain-text.ts";
import { timeTicks, valueTicks } from "./axis-ticks.ts";
import { footOf, headingOf, type Plot, type PlotSeries, type PlotTime, partOf, textOfPlace } from "./plot-series.ts";
import { type Point, thinned } from "./thinned-points.ts";

/** A part of a picture. Places are in units from its upper left corner. */
export type Shape =
  | { readonly kind: "line"; readonly points: readonly Point[]; readonly color: string; readonly width: number }
  | {
      readonly kind: "text";
      readonly at: Point;
      readonly text: string;
      readonly color: string;
      readonly anchor: "start" | "middle" | "end";
    };

/** A picture, whatever the format of its file. */
export type Picture = {
  readonly title: string;
  readonly width: number;
  readonly height: number;
  readonly shapes: readonly Shape[];
};

/** Height of a line of text, and the widest that a character is. */
export const TEXT_HEIGHT = 12;
const CHARACTER_WIDTH = 6.2;

const WIDTH = 960;
const RIGHT = 20;
const MOST_LABEL_CHARACTERS = 24;
const NUMBERS_HEIGHT = 140;
const LEVEL_HEIGHT = 20;
const HEAD = 30;
const GAP = 14;
const INK = "#222222";
const GRID = "#dddddd";
/** Told apart by people who do not see all colours (Okabe and Ito, Color Universal Design). */
const COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

/** The box of a curve: where the axes begin and end. */
type Box = { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number };

/** The plot as a picture: a panel a signal, one below the other over one time axis. */
export function pictureOf(plot: Plot): Picture {
  const labels = plot.series.flatMap((series) => axisTexts(series).map(({ text }) => text.length));
  const left = 16 + Math.min(MOST_LABEL_CHARACTERS, Math.max(4, ...labels)) * CHARACTER_WIDTH;
  const boxes: Box[] = [];
  let top = HEAD;
  for (const { levels } of plot.series) {
    const bottom = top + (levels === undefined ? NUMBERS_HEIGHT : Math.max(2, levels.length) * LEVEL_HEIGHT);
    boxes.push({ left, top, right: WIDTH - RIGHT, bottom });
    top = bottom + HEAD + GAP;
  }
  const bottom = boxes.at(-1)?.bottom ?? top;
  const panels = plot.series.flatMap((series, index) => {
    const box = boxes[index];
    return box === undefined ? [] : panel(series, plot.time, box, COLORS[index % COLORS.length] ?? INK);
  });
  // Behind the curves.
  const shapes = [...timeTexts(plot, { left, top: HEAD, right: WIDTH - RIGHT, bottom }), ...panels];
  return { title: plot.title, width: WIDTH, height: bottom + HEAD + GAP + TEXT_HEIGHT, shapes };
}

function panel(series: PlotSeries, time: PlotTime, box: Box, color: string): readonly Shape[] {
  const { left, top, right, bottom } = box;
  const yOf = scaleOf(series, box);
  const grid = axisTexts(series).flatMap(({ at, text }): readonly Shape[] => [
    lineOf(
      [
        { x: left, y: yOf(at) },
        { x: right, y: yOf(at) },
      ],
      GRID,
      1,
    ),
    textAt({ x: left - 6, y: yOf(at) + 4 }, shortened(text), "end"),
  ]);
  const frame = lineOf(
    [
      { x: left, y: top },
      { x: left, y: bottom },
      { x: right, y: bottom },
    ],
    INK,
    1,
  );
  return [
    ...grid,
    frame,
    { kind: "text", at: { x: left, y: top - 8 }, text: headingOf(series), color, anchor: "start" },
    ...curves(series, time, box, yOf).map((points) => lineOf(points, color, 1.5)),
  ];
}

/** The curve in pieces between which there is no number; from value to value, or in steps from text to text. */
function curves(series: PlotSeries, time: PlotTime, { left, right }: Box, yOf: (y: number) => number) {
  const pieces: Point[][] = [];
  let piece: Point[] | undefined;
  const span = time.to > time.from ? (right - left) / (time.to - time.from) : 0;
  for (const { x, y } of thinned(series.points, right - left)) {
    if (!Number.isFinite(y)) {
      piece = undefined;
      continue;
    }
    const here = { x: left + (x - time.from) * span, y: yOf(y) };
    const before = piece?.at(-1);
    if (piece === undefined) pieces.push((piece = [here]));
    else if (series.levels !== undefined && before !== undefined) piece.push({ x: here.x, y: before.y }, here);
    else piece.push(here);
  }
  // A value alone is a dot.
  return pieces.map((points) =>
    points.length > 1
      ? points
      : points.flatMap(({ x, y }) => [
          { x: x - 1, y },
          { x: x + 1, y },
        ]),
  );
}

function scaleOf(series: PlotSeries, { top, bottom }: Box): (y: number) => number {
  const { levels } = series;
  if (levels !== undefined) {
    const height = (bottom - top) / Math.max(1, levels.length);
    return (y) => bottom - (y + 0.5) * height;
  }
  return (y) => bottom - partOf(series, y) * (bottom - top);
}

function axisTexts(series: PlotSeries): readonly { readonly at: number; readonly text: string }[] {
  const { levels, minimum, maximum } = series;
  if (levels !== undefined) return levels.map(({ y, text }) => ({ at: y, text: printable(text) }));
  if (minimum === maximum) return [{ at: minimum, text: textOfPlace(series, minimum) }];
  return valueTicks(minimum, maximum, 5);
}

function timeTexts(plot: Plot, { left, top, right, bottom }: Box): readonly Shape[] {
  const { from, to } = plot.time;
  const ticks = timeTicks(from, to, 8).flatMap(({ at, text }): readonly Shape[] => {
    const x = to > from ? left + ((at - from) / (to - from)) * (right - left) : left;
    return [
      lineOf(
        [
          { x, y: top },
          { x, y: bottom + 4 },
        ],
        GRID,
        1,
      ),
      textAt({ x, y: bottom + 4 + TEXT_HEIGHT }, text, "middle"),
    ];
  });
  return [...ticks, textAt({ x: left, y: bottom + 8 + 2 * TEXT_HEIGHT + 4 }, footOf(plot), "start")];
}

function shortened(text: string): string {
  return text.length > MOST_LABEL_CHARACTERS ? `${text.slice(0, MOST_LABEL_CHARACTERS - 2)}..` : text;
}

function lineOf(points: readonly Point[], color: string, width: number): Shape {
  return { kind: "line", points, color, width };
}

function textAt(at: Point, text: string, anchor: "start" | "middle" | "end"): Shape {
  return { kind: "text", at, text, color: INK, anchor };
}
