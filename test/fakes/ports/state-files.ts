import { AgentError } from "../../../agent/core/errors.ts";
import type { StateFiles } from "../../../agent/ports/state-files.ts";

/** Files in memory, with what a test does to them. */
export type FakeStateFiles = StateFiles & {
  readonly texts: Map<string, string>;
  /** Writes that still go well; the next one fails, and all after it. */
  writesLeft: number;
};

export function fakeStateFiles(): FakeStateFiles {
  const texts = new Map<string, string>();
  const files: FakeStateFiles = {
    texts,
    writesLeft: Number.POSITIVE_INFINITY,
    read: (name) => texts.get(name),
    replace: (name, text) => {
      if (files.writesLeft === 0) {
        throw new AgentError("output.unwritable", { what: `${name} cannot be written: no space left`, remedy: "none" });
      }
      files.writesLeft -= 1;
      texts.set(name, text);
    },
    setAside: (name) => {
      texts.set(`${name}.damaged`, texts.get(name) ?? "");
      texts.delete(name);
      return `${name}.damaged`;
    },
  };
  return files;
}
