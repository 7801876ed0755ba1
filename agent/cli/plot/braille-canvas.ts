/** First of the 256 braille patterns; its bits are dots (Unicode, U+2800). */
const BRAILLE = 0x2800;
/** Bit of each dot by its row and column in the character. */
const DOTS = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
];

/** Lines of dots on a terminal: two dots a column and four a row, of braille characters, or one "*" a character where it has only ASCII. */
export class BrailleCanvas {
  /** Dots from left to right, and from the top down. */
  readonly width: number;
  readonly height: number;
  readonly #columns: number;
  readonly #cells: Uint8Array;
  readonly #isAscii: boolean;

  constructor(columns: number, rows: number, isAscii: boolean) {
    this.#columns = columns;
    this.#isAscii = isAscii;
    this.width = columns * (isAscii ? 1 : 2);
    this.height = rows * (isAscii ? 1 : 4);
    this.#cells = new Uint8Array(columns * rows);
  }

  dot(x: number, y: number): void {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return;
    if (this.#isAscii) this.#cells[y * this.#columns + x] = 1;
    else this.#cells[(y >> 2) * this.#columns + (x >> 1)] |= DOTS[y & 3]?.[x & 1] ?? 0;
  }

  /** A line between two dots (Bresenham). */
  line(fromX: number, fromY: number, toX: number, toY: number): void {
    const [dx, dy] = [Math.abs(toX - fromX), -Math.abs(toY - fromY)];
    const [stepX, stepY] = [Math.sign(toX - fromX), Math.sign(toY - fromY)];
    let [x, y, error] = [fromX, fromY, dx + dy];
    for (;;) {
      this.dot(x, y);
      if (x === toX && y === toY) return;
      const twice = 2 * error;
      if (twice >= dy) {
        error += dy;
        x += stepX;
      }
      if (twice <= dx) {
        error += dx;
        y += stepY;
      }
    }
  }

  /** Its rows from the top down. A cell without a dot is a space. */
  rows(): readonly string[] {
    const rows: string[] = [];
    for (let at = 0; at < this.#cells.length; at += this.#columns) {
      const cells = Array.from(this.#cells.subarray(at, at + this.#columns), (bits) => this.#character(bits));
      rows.push(cells.join(""));
    }
    return rows;
  }

  #character(bits: number): string {
    if (bits === 0) return " ";
    return this.#isAscii ? "*" : String.fromCharCode(BRAILLE + bits);
  }
}
