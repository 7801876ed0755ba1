import { createHash } from "node:crypto";
import { chmod, constants, copyFile, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import type { ConfigCopy } from "../../agent/core/config-copy.ts";
import { AgentError, errnoOf, messageOf } from "../../agent/core/errors.ts";
import { digestFile } from "./file-digest.ts";
import { adoptVersion, currentVersion, linkVersion, pruneVersions } from "./versions/versions.ts";

const MAIN_COPY = "agent.yaml";
const INDEX = "index.json";
/** Names and digests of a few hundred files. */
const MAX_INDEX_BYTES = 1_048_576;

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const keptFile = z.strictObject({
  from: z.string().startsWith("/"),
  to: z.string().regex(/^(agent\.yaml|agent\.d\/[^/]+|files\/[^/]+)$/),
  sha256: digest,
});
const index = z.strictObject({ main: z.string(), keptAt: z.string(), files: z.array(keptFile).max(2000) });

type KeptFile = z.infer<typeof keptFile>;

/** The configuration's files as they were at one moment: where they are, and what was in them. */
export type ConfigSnapshot = {
  /** SHA-256 over the rest. */
  readonly name: string;
  readonly main: string;
  readonly bytes: number;
  readonly files: readonly KeptFile[];
};

/** What the files are at this moment: `own` are those of the configuration itself, the main one first, `named` those that it names. One that cannot be read is left out. */
export async function snapshotOf(own: readonly string[], named: readonly string[]): Promise<ConfigSnapshot> {
  const places = [
    ...own.map((from, at) => ({ from, to: at === 0 ? MAIN_COPY : `agent.d/${basename(from)}` })),
    ...[...new Set(named)].map((from, at) => ({ from, to: `files/${at}-${basename(from)}` })),
  ];
  const files: KeptFile[] = [];
  let bytes = 0;
  for (const place of places) {
    try {
      const { sizeBytes, sha256 } = await digestFile(place.from);
      bytes += sizeBytes;
      files.push({ ...place, sha256 });
    } catch (thrown) {
      if (errnoOf(thrown) === undefined) throw thrown;
    }
  }
  const [main] = own;
  return { name: nameOf(main, files), main, bytes, files };
}

/**
 * Keeps a copy of what `snapshot` saw as the last known good one in `folder`: whole, synced and linked in one step, so that after a
 * power cut there is the one before or this one. The one before is removed. Does nothing when it is kept already. Throws
 * `output.unwritable`, also when a file has changed since.
 */
export async function keepLastGood(folder: string, snapshot: ConfigSnapshot, keptAt: string): Promise<void> {
  const { name, main, files } = snapshot;
  try {
    if (currentVersion(folder) !== name) {
      const fill = (draft: string): Promise<void> => fillDraft(draft, { main, keptAt, files: [...files] });
      await adoptVersion(folder, name, fill, () => Promise.resolve(undefined));
      linkVersion(folder, name);
    }
    pruneVersions(folder, [name]);
  } catch (thrown) {
    throw new AgentError("output.unwritable", {
      what: `the last known good configuration cannot be kept in ${folder}: ${messageOf(thrown)}`,
      remedy: "make room on the disk, and stateDir writable for the agent's user",
      cause: thrown,
    });
  }
}

/** The copy of the configuration `main` that is kept in `folder`; undefined where there is none that this user may read. Throws `input.malformed` for one that is damaged. */
export async function findLastGood(folder: string, main: string): Promise<ConfigCopy | undefined> {
  const name = nameIn(folder);
  if (name === undefined) return undefined;
  const place = join(folder, name);
  try {
    const text = await readBounded(join(place, INDEX));
    const kept = index.parse(JSON.parse(text));
    if (kept.main !== main) return undefined;
    if (nameOf(main, kept.files) !== name) throw new Error("its index is not the one that was written");
    for (const { to, sha256 } of kept.files) {
      if ((await digestFile(join(place, to))).sha256 !== sha256) throw new Error(`${to} is not what was kept`);
    }
    const named = kept.files.filter(({ to }) => to.startsWith("files/"));
    const files = new Map(named.map(({ from, to }) => [from, join(place, to)]));
    return { main: join(place, MAIN_COPY), keptAt: kept.keptAt, files };
  } catch (thrown) {
    throw new AgentError("input.malformed", {
      what: `the last known good configuration in ${place} cannot be used: ${messageOf(thrown)}`,
      remedy: "correct the configuration itself: causeway config validate",
      cause: thrown,
    });
  }
}

function nameIn(folder: string): string | undefined {
  try {
    return currentVersion(folder);
  } catch (thrown) {
    if (errnoOf(thrown) === undefined) throw thrown;
    return undefined;
  }
}

function nameOf(main: string, files: readonly KeptFile[]): string {
  return createHash("sha256")
    .update(JSON.stringify([main, files]))
    .digest("hex");
}

async function readBounded(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > MAX_INDEX_BYTES) throw new Error(`${INDEX} has ${size} bytes`);
  return await readFile(path, "utf8");
}

/** Its caller puts all of it on the disk before it gets its name. */
async function fillDraft(draft: string, kept: z.infer<typeof index>): Promise<void> {
  for (const folder of [draft, join(draft, "agent.d"), join(draft, "files")]) await mkdir(folder, { mode: 0o700 });
  for (const { from, to, sha256 } of kept.files) {
    const copy = join(draft, to);
    await copyFile(from, copy, constants.COPYFILE_EXCL);
    await chmod(copy, 0o600);
    if ((await digestFile(copy)).sha256 !== sha256) throw new Error(`${from} has changed since it was read`);
  }
  await writeFile(join(draft, INDEX), JSON.stringify(kept), { mode: 0o600 });
}
