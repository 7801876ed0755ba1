import { encode } from "fast-png";
import font from "oled-font-5x7";
import type { Picture, Shape } from "./picture.ts";
import type { Point } from "./thinned-points.ts";

/** Pixels a unit: a screen shows it sharp, and text of 5 x 7 dots is read. */
const SCALE = 2;
const CHANNELS = 3;
const ADVANCE = font.width + 1;
/** What the font does not have, as what looks like it. */
const LIKE: Readonly<Record<string, string>> = {
  µ: "u",
  μ: "u",
  "²": "2",
  "³": "3",
  Ω: "Ohm",
  "·": ".",
  "–": "-",
  "…": "..",
  ß: "ss",
};

/** The picture as a PNG file. */
export function pngOf({ width, height, shapes }: Picture): Uint8Array {
  const canvas = new PixelCanvas(Math.ceil(width * SCALE), Math.ceil(height * SCALE));
  for (const shape of shapes) draw(canvas, shape);
  return encode({ width: canvas.width, height: canvas.height, data: canvas.data, channels: CHANNELS, depth: 8 });
}

function draw(canvas: PixelCanvas, shape: Shape): void {
  const color = rgbOf(shape.color);
  if (shape.kind === "text") {
    drawText(canvas, shape, color);
    return;
  }
  const size = Math.max(1, Math.round(shape.width * SCALE));
  shape.points.forEach((point, index) => {
    const before = shape.points[index - 1];
    if (before !== undefined) canvas.line(scaled(before), scaled(point), size, color);
  });
}

function drawText(canvas: PixelCanvas, { at, text, anchor }: Extract<Shape, { kind: "text" }>, color: Rgb): void {
  const glyphs = Array.from(text, (character) => Array.from(LIKE[character] ?? character)).flat();
  const width = glyphs.length * ADVANCE * SCALE;
  const { x, y } = scaled(at);
  const left = anchor === "start" ? x : anchor === "end" ? x - width : x - Math.round(width / 2);
  glyphs.forEach((character, index) => {
    drawGlyph(canvas, left + index * ADVANCE * SCALE, y - font.height * SCALE, character, color);
  });
}

/** A byte of the font is a column, its lowest bit the topmost dot. */
function drawGlyph(canvas: PixelCanvas, left: number, top: number, character: string, color: Rgb): void {
  const known = font.lookup.indexOf(character);
  const glyph = (known < 0 ? font.lookup.indexOf("?") : known) * font.width;
  for (let column = 0; column < font.width; column++) {
    const bits = font.fontData[glyph + column] ?? 0;
    for (let row = 0; row < font.height; row++) {
      if ((bits & (1 << row)) !== 0) canvas.square(left + column * SCALE, top + row * SCALE, SCALE, color);
    }
  }
}

function scaled({ x, y }: Point): Point {
  return { x: Math.round(x * SCALE), y: Math.round(y * SCALE) };
}

type Rgb = readonly [red: number, green: number, blue: number];

function rgbOf(color: string): Rgb {
  const value = Number.parseInt(color.slice(1), 16);
  return [value >> 16, (value >> 8) & 0xff, value & 0xff];
}

/** White until something is drawn. What is beyond its edges is left out. */
class PixelCanvas {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.data = new Uint8Array(width * height * CHANNELS).fill(0xff);
  }

  square(left: number, top: number, size: number, color: Rgb): void {
    for (let y = Math.max(0, top); y < Math.min(this.height, top + size); y++) {
      for (let x = Math.max(0, left); x < Math.min(this.width, left + size); x++) {
        this.data.set(color, (y * this.width + x) * CHANNELS);
      }
    }
  }

  line(from: Point, to: Point, size: number, color: Rgb): void {
    const steps = Math.max(Math.abs(to.x - from.x), Math.abs(to.y - from.y), 1);
    const half = Math.floor(size / 2);
    for (let step = 0; step <= steps; step++) {
      const x = Math.round(from.x + ((to.x - from.x) * step) / steps);
      const y = Math.round(from.y + ((to.y - from.y) * step) / steps);
      this.square(x - half, y - half, size, color);
    }
  }
}
