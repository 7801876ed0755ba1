import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AgentError } from "../../../../agent/core/errors.ts";
import { ecuCatalogue } from "../../../../config/ecus.ts";
import { loadYamlFile } from "../../../../config/load.ts";
import { mutateText } from "../campaign-mutations.ts";
import type { FuzzTarget } from "./fuzz-target.ts";

const EXAMPLE = join(import.meta.dirname, "../../../../config/ecus.example.yaml");

/** The catalogue of control units, as its owner may have written it: it loads, or is refused with a place. */
const catalogue: FuzzTarget = {
  name: "ecu catalogue",
  oneOf: 200,
  start: (dice) => {
    const text = readFileSync(EXAMPLE, "utf8");
    const folder = mkdtempSync(join(tmpdir(), "causeway-fuzz-"));
    const file = join(folder, "ecus.yaml");
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
    let [read, refused] = [0, 0];
    const place = /ecus\.yaml:\d+:\d+/;
    return {
      offer: async () => {
        const mutated = mutateText(text, dice);
        writeFileSync(file, mutated);
        try {
          await loadYamlFile(file, ecuCatalogue);
          read += 1;
        } catch (cause) {
          refused += 1;
          if (cause instanceof AgentError && place.test(cause.message)) return;
          throw new Error(mutated.slice(0, 3000), { cause });
        }
      },
      counts: () => ({ read, refused }),
    };
  },
};

/** Everything that reads a file. */
export const FILE_TARGETS: readonly FuzzTarget[] = [catalogue];
