import { z } from "zod";

/** Bytes of desired and reported together, metadata not counted; also of a request. */
const MAX_STATE_BYTES = 8192;
/** Levels below `state` that a document may have. */
const MAX_LEVELS = 6;
const MAX_TOKEN_BYTES = 64;

const tree = z.record(z.string(), z.json());
type Tree = z.infer<typeof tree>;
type Section = "desired" | "reported";
const SECTIONS: readonly Section[] = ["desired", "reported"];

/** Why an update is refused, as the service says it. */
export type ShadowRejection = { readonly code: number; readonly message: string };

/** What an accepted update makes the service publish. */
export type ShadowUpdate = {
  readonly accepted: Tree;
  /** Undefined where desired and reported agree. */
  readonly delta: Tree | undefined;
  readonly documents: Tree;
};

/** One shadow as AWS IoT keeps it: two trees, the time of each leaf, and a version that every accepted update raises. */
export class ShadowDocument {
  version: number;
  state: { desired?: Tree; reported?: Tree } = {};
  #metadata: { desired?: Tree; reported?: Tree } = {};

  /** A shadow that is made again goes on with the version it had. */
  constructor(version = 0) {
    this.version = version;
  }

  /** The body of get/accepted. */
  shown(timestamp: number): Tree {
    const delta = differenceOf(this.state.desired ?? {}, this.state.reported ?? {});
    const state = { ...this.state, ...(delta === undefined ? {} : { delta }) };
    return { state, metadata: { ...this.#metadata }, version: this.version, timestamp };
  }

  update(request: unknown, timestamp: number): ShadowUpdate | ShadowRejection {
    const read = readUpdate(request);
    if ("code" in read) return read;
    const { sections, version, clientToken } = read;
    if (version !== undefined && version !== this.version) return { code: 409, message: "Version conflict" };
    const next = { ...this.state };
    const metadata = { ...this.#metadata };
    for (const section of SECTIONS) {
      const given = sections[section];
      if (given === undefined) continue;
      setSection(next, section, given === null ? undefined : mergeTrees(next[section] ?? {}, given));
      const times = given === null ? undefined : mergeTrees(metadata[section] ?? {}, timesOf(given, timestamp));
      setSection(metadata, section, times);
    }
    if (bytesOf(next) > MAX_STATE_BYTES) {
      return { code: 413, message: "The payload exceeds the maximum size allowed" };
    }
    const previous = { state: { ...this.state }, metadata: { ...this.#metadata }, version: this.version };
    this.state = next;
    this.#metadata = metadata;
    this.version += 1;
    const token = clientToken === undefined ? {} : { clientToken };
    const facts = { version: this.version, timestamp, ...token };
    const given = Object.fromEntries(
      SECTIONS.flatMap((one) => (one in sections ? [[one, sections[one] ?? null]] : [])),
    );
    const difference = differenceOf(next.desired ?? {}, next.reported ?? {});
    const times = metadata.desired ?? {};
    return {
      accepted: { state: given, metadata: timesOf(given, timestamp), ...facts },
      delta: difference === undefined ? undefined : { state: difference, metadata: pick(times, difference), ...facts },
      documents: {
        previous,
        current: { state: { ...next }, metadata: { ...metadata }, version: this.version },
        timestamp,
        ...token,
      },
    };
  }
}

type ReadUpdate = {
  readonly sections: { readonly desired?: Tree | null; readonly reported?: Tree | null };
  readonly version: number | undefined;
  readonly clientToken: string | undefined;
};

function readUpdate(request: unknown): ReadUpdate | ShadowRejection {
  const read = tree.safeParse(request);
  if (!read.success) return { code: 400, message: "Invalid JSON" };
  const { state, version, clientToken } = read.data;
  if (state === undefined) return { code: 400, message: "Missing required node: state" };
  const sections = tree.safeParse(state);
  if (!sections.success) return { code: 400, message: "State node must be an object" };
  for (const section of SECTIONS) {
    const given = sections.data[section];
    if (given === undefined || given === null) continue;
    const title = section === "desired" ? "Desired" : "Reported";
    if (!tree.safeParse(given).success) return { code: 400, message: `${title} node must be an object` };
  }
  if (levelsOf(sections.data) > MAX_LEVELS) {
    const message = `JSON contains too many levels of nesting; maximum is ${MAX_LEVELS}`;
    return { code: 400, message };
  }
  const asked = z.int().min(0).optional().safeParse(version);
  if (!asked.success) return { code: 400, message: "Invalid version" };
  const token = z.string().optional().safeParse(clientToken);
  if (!token.success || Buffer.byteLength(token.data ?? "") > MAX_TOKEN_BYTES) {
    return { code: 400, message: "Invalid clientToken" };
  }
  const parts = z.object({ desired: tree.nullish(), reported: tree.nullish() }).parse(sections.data);
  const given = {
    ...(parts.desired === undefined ? {} : { desired: parts.desired }),
    ...(parts.reported === undefined ? {} : { reported: parts.reported }),
  };
  return { sections: given, version: asked.data, clientToken: token.data };
}

function setSection(into: { desired?: Tree; reported?: Tree }, section: Section, value: Tree | undefined): void {
  if (value === undefined) delete into[section];
  else into[section] = value;
}

/** Objects are merged, null takes a key away, lists and scalars are replaced; an object that is empty then is not there. */
export function mergeTrees(under: Tree, over: Tree): Tree | undefined {
  const merged: Tree = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const [below, above] = [tree.safeParse(merged[key]), tree.safeParse(value)];
    const next = above.success && value !== null ? mergeTrees(below.success ? below.data : {}, above.data) : value;
    if (next === null || next === undefined) delete merged[key];
    else merged[key] = next;
  }
  return Object.keys(merged).length === 0 ? undefined : merged;
}

/** What of `desired` is missing in `reported` or different there; undefined for nothing. */
export function differenceOf(desired: Tree, reported: Tree): Tree | undefined {
  const found = Object.entries(desired).flatMap(([key, value]) => {
    const [wished, known] = [tree.safeParse(value), tree.safeParse(reported[key])];
    if (!wished.success) return JSON.stringify(value) === JSON.stringify(reported[key]) ? [] : [[key, value] as const];
    const below = differenceOf(wished.data, known.success ? known.data : {});
    return below === undefined ? [] : [[key, below] as const];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

function timesOf(given: Tree, timestamp: number): Tree {
  return Object.fromEntries(
    Object.entries(given).map(([key, value]) => {
      const below = tree.safeParse(value);
      if (below.success) return [key, timesOf(below.data, timestamp)];
      return [key, value === null ? null : { timestamp }];
    }),
  );
}

/** The leaves of `times` that `shape` has. */
function pick(times: Tree, shape: Tree): Tree {
  return Object.fromEntries(
    Object.entries(shape).map(([key, value]) => {
      const [below, inner] = [tree.safeParse(value), tree.safeParse(times[key])];
      return [key, below.success && inner.success ? pick(inner.data, below.data) : (times[key] ?? null)];
    }),
  );
}

function levelsOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(levelsOf));
}

function bytesOf(state: object): number {
  return Buffer.byteLength(JSON.stringify(state));
}
