/** What the package has: where files of the checkout are in it, and the documents beside README.md. */
export type PackedFiles = {
  readonly copies: readonly (readonly [from: string, to: string])[];
  /** Names in docs/ without their ending. */
  readonly documents: readonly string[];
};

/** Only a checkout has these: its scripts, and the tests and benchmarks that they run. */
const OF_CHECKOUT = /(?<![\w/-])(?:\.\/)?scripts\/[\w-]|\bnpm run\b|(?<![\w/-])test\/[\w-]+\//;
/** Sections about a clone and its bench. */
const SECTIONS = /^## (?:Try it|A day of a van)$[^]*?(?=^## |$(?![^]))/gm;
const SENTENCE_END = /(?<=\.\)?) +(?=[A-Z`([])/;

/**
 * A document of the checkout as the package has it: files that are packed under their names there, links to documents that are not
 * packed as plain text, and without the sections, lines of code, rows and sentences that speak of what only a checkout has.
 */
export function packedDocument(text: string, { copies, documents }: PackedFiles): string {
  const general = text.replaceAll(SECTIONS, "");
  const named = copies.reduce((all, [from, to]) => all.replaceAll(fileName(from), `/${to}`), general);
  const linked = named.replaceAll(/\[([^\]]+)\]\(([^)#:]+)(#[^)]*)?\)/g, (link, words: string, target: string) => {
    const name = /^(?:docs\/)?([\w-]+)\.md$/.exec(target)?.[1];
    return name !== undefined && documents.includes(name) ? link : words;
  });
  return blocksOf(linked)
    .map(withoutCheckout)
    .filter((block) => block !== "")
    .join("\n\n")
    .concat("\n");
}

/** A path, but not as the end of a longer one. */
function fileName(path: string): RegExp {
  return new RegExp(`(?<![\\w/.-])${path.replaceAll(".", "\\.")}(?![\\w/-])`, "g");
}

/** Paragraphs, headings, tables and code, each whole. */
function blocksOf(text: string): readonly string[] {
  const blocks = text.match(/^```[^]*?^```|^ {4}.*$(?:\n+ {4}.*$)*|^.+$(?:\n(?!```| {4}).+$)*/gm) ?? [];
  return blocks.map((block) => block.trimEnd());
}

function withoutCheckout(block: string): string {
  if (!OF_CHECKOUT.test(block)) return block;
  if (/^(?: {4}|```|\||- |\d+\. )/.test(block)) return keptLines(block);
  const sentences = block.replaceAll("\n", " ").split(SENTENCE_END);
  return sentences.filter((sentence) => !OF_CHECKOUT.test(sentence)).join(" ");
}

/** Of code, tables and lists the lines that stay; of an item of a list the sentences. */
function keptLines(block: string): string {
  const kept = block
    .split("\n")
    .map((line) => {
      if (!OF_CHECKOUT.test(line)) return line;
      if (!/^(?:- |\d+\. | {1,3}\S)/.test(line)) return "";
      return line
        .split(SENTENCE_END)
        .filter((sentence) => !OF_CHECKOUT.test(sentence))
        .join(" ");
    })
    .filter((line) => line.trim() !== "");
  return kept.every((line) => line.startsWith("```")) ? "" : kept.join("\n");
}
