import { createHash } from "node:crypto";
import { type HeldFile, type HeldFiles, type HeldSource, ShortFile } from "../../../agent/ports/object-store.ts";

/** Held files in memory. `disk`: files of the machine by path. */
export class FakeHeldFiles implements HeldFiles {
  readonly disk: Map<string, Uint8Array>;
  readonly held: Map<string, Uint8Array>;
  /** Ids in the order in which they were released. */
  readonly released: string[] = [];

  constructor(disk = new Map<string, Uint8Array>(), held = new Map<string, Uint8Array>()) {
    this.disk = disk;
    this.held = held;
  }

  async hold(id: string, source: HeldSource, maxBytes: number): Promise<HeldFile | "too-large"> {
    const content = source.kind === "bytes" ? source.content : read(this.disk, source.path);
    if (content.length > maxBytes) return "too-large";
    this.held.set(id, content.slice());
    return { sizeBytes: content.length, sha256: createHash("sha256").update(content).digest("hex") };
  }

  pathOf(id: string): string {
    return id;
  }

  async digestOf(id: string, offset: number, bytes: number): Promise<string> {
    const part = read(this.held, id).subarray(offset, offset + bytes);
    if (part.length < bytes) throw new ShortFile();
    return createHash("sha256").update(part).digest("hex");
  }

  async release(id: string): Promise<void> {
    this.held.delete(id);
    this.released.push(id);
  }

  async keepOnly(ids: ReadonlySet<string>): Promise<void> {
    for (const id of this.held.keys()) if (!ids.has(id)) this.held.delete(id);
  }
}

function read(from: ReadonlyMap<string, Uint8Array>, name: string): Uint8Array {
  const content = from.get(name);
  if (content === undefined) {
    throw Object.assign(new Error(`ENOENT: no such file, open '${name}'`), { code: "ENOENT" });
  }
  return content;
}
