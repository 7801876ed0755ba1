import { wrapLines } from "../text.ts";

/** Of the lines that go on behind a backslash. */
const CONTINUED = "     ";

/**
 * Text of --help that its verb has written, in `columns`: prose flows, what is indented keeps its lines, and a command that is too long goes on behind a
 * backslash as in a shell.
 */
export function helpText(text: string, columns: number): string {
  const out: string[] = [];
  let prose: string[] = [];
  const flow = (): void => {
    if (prose.length > 0) out.push(...wrapLines(prose.join(" "), columns, 0));
    prose = [];
  };
  for (const line of text.split("\n").map((one) => one.trimEnd())) {
    if (line !== "" && !line.startsWith(" ")) {
      prose.push(line);
      continue;
    }
    flow();
    out.push(...(line.length > columns ? foldedLine(line, columns) : [line]));
  }
  flow();
  return out.join("\n");
}

/** A command in lines that fit; it is broken between words, a word in quotes being one. What is behind "# " comes on a line of its own. */
export function foldedLine(line: string, columns: number): readonly string[] {
  if (line.length <= columns) return [line];
  const indent = /^ */.exec(line)?.[0] ?? "";
  const remark = /^(.*\S) +(# .*)$/.exec(line);
  if (remark !== null) return [`${indent}${remark[2]}`, ...foldedLine(remark[1], columns)];
  const words = line.trim().match(/(?:'[^']*'|"[^"]*"|\S)+/g) ?? [];
  const lines = [indent.slice(0, -1)];
  for (const word of words) {
    const last = lines.at(-1) ?? "";
    if (last.trim() === "" || last.length + word.length + 3 <= columns) lines[lines.length - 1] = `${last} ${word}`;
    else lines.splice(-1, 1, `${last} \\`, `${CONTINUED}${word}`);
  }
  return lines;
}
