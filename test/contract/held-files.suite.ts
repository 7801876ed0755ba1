import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type HeldFiles, ShortFile } from "../../agent/ports/object-store.ts";

/** Held files under test. */
export type HeldFilesHarness = {
  readonly files: HeldFiles;
  /** Writes a file of this machine; gives its path. */
  readonly write: (name: string, content: Uint8Array) => string;
  /** Removes it. */
  readonly remove: (path: string) => void;
  /** The bytes at a path that `pathOf` gave. */
  readonly read: (path: string) => Uint8Array;
  /** The same files after a restart. */
  readonly reopen: () => HeldFiles;
  readonly close: () => void;
};

const BYTES = Uint8Array.from({ length: 1000 }, (_, at) => (at * 31 + 7) % 256);
const MORE = 1e6;

const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Those of which bytes are held. */
async function heldOf(files: HeldFiles, ids: readonly string[]): Promise<readonly string[]> {
  const isHeld = await Promise.all(
    ids.map((id) =>
      files.digestOf(id, 0, 0).then(
        () => true,
        () => false,
      ),
    ),
  );
  return ids.filter((_, at) => isHeld[at]);
}

/** The promises of the HeldFiles port. */
export function heldFilesContract(name: string, open: () => HeldFilesHarness): void {
  describe(`held files: ${name}`, () => {
    let harness: HeldFilesHarness;

    beforeEach(() => {
      harness = open();
    });
    afterEach(() => harness.close());

    it.each([true, false])("keeps the bytes of a file that goes away (mayChange %s)", async (mayChange) => {
      const { files, write, remove, read } = harness;
      const path = write("a.log", BYTES);
      const held = await files.hold("u-1", { kind: "file", path, mayChange }, MORE);
      expect(held).toEqual({ sizeBytes: 1000, sha256: sha256Of(BYTES) });
      remove(path);
      expect(Buffer.from(read(files.pathOf("u-1"))).equals(BYTES)).toBe(true);
    });

    it("keeps what a file had that is written to later", async () => {
      const { files, write } = harness;
      const path = write("a.dbc", BYTES);
      await files.hold("u-1", { kind: "file", path, mayChange: true }, MORE);
      write("a.dbc", Uint8Array.of(1, 2, 3));
      expect(await files.digestOf("u-1", 0, 1000)).toBe(sha256Of(BYTES));
    });

    it("keeps bytes of memory, also none", async () => {
      const { files } = harness;
      expect(await files.hold("u-1", { kind: "bytes", content: BYTES }, 1000)).toMatchObject({ sizeBytes: 1000 });
      const none = await files.hold("u-2", { kind: "bytes", content: new Uint8Array() }, MORE);
      expect(none).toEqual({ sizeBytes: 0, sha256: sha256Of(new Uint8Array()) });
      expect(await files.digestOf("u-2", 0, 0)).toBe(sha256Of(new Uint8Array()));
    });

    it("holds nothing that is too large or not there", async () => {
      const { files, write } = harness;
      expect(await files.hold("u-1", { kind: "bytes", content: BYTES }, 999)).toBe("too-large");
      const path = write("a.log", BYTES);
      expect(await files.hold("u-2", { kind: "file", path, mayChange: false }, 999)).toBe("too-large");
      await expect(files.hold("u-3", { kind: "file", path: `${path}.gone`, mayChange: false }, MORE)).rejects.toThrow(
        "ENOENT",
      );
      expect(await heldOf(files, ["u-1", "u-2", "u-3"])).toEqual([]);
    });

    it("tells the digest of each part, and of none that is not whole", async () => {
      const { files } = harness;
      await files.hold("u-1", { kind: "bytes", content: BYTES }, MORE);
      for (const [offset, bytes] of [
        [0, 1000],
        [0, 1],
        [333, 333],
        [999, 1],
        [1000, 0],
      ] as const) {
        expect(await files.digestOf("u-1", offset, bytes)).toBe(sha256Of(BYTES.subarray(offset, offset + bytes)));
      }
      await expect(files.digestOf("u-1", 999, 2)).rejects.toThrow(ShortFile);
      await expect(files.digestOf("u-2", 0, 1)).rejects.toMatchObject({ code: "ENOENT" });
    });

    it("releases one, once or twice, and keeps the others over a restart", async () => {
      const { files, reopen } = harness;
      for (const id of ["u-1", "u-2", "u-3"]) await files.hold(id, { kind: "bytes", content: BYTES }, MORE);
      await files.release("u-1");
      await files.release("u-1");
      const again = reopen();
      await again.keepOnly(new Set(["u-2", "u-9"]));
      expect(await heldOf(again, ["u-1", "u-2", "u-3"])).toEqual(["u-2"]);
    });
  });
}
