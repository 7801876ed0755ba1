import type { Picture, Shape } from "./picture.ts";

/** The picture as an SVG document. */
export function svgOf({ title, width, height, shapes }: Picture): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    '<g font-family="sans-serif" font-size="11" stroke-linejoin="round">',
    ...shapes.map(elementOf),
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

function elementOf(shape: Shape): string {
  if (shape.kind === "text") {
    const { at, text, color, anchor } = shape;
    return `<text x="${short(at.x)}" y="${short(at.y)}" fill="${color}" text-anchor="${anchor}">${escaped(text)}</text>`;
  }
  const points = shape.points.map(({ x, y }) => `${short(x)},${short(y)}`).join(" ");
  return `<polyline points="${points}" fill="none" stroke="${shape.color}" stroke-width="${shape.width}"/>`;
}

/** Two decimals: a hundredth of a pixel. */
function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
