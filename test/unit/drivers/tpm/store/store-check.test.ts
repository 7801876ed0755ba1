import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { AgentError } from "../../../../../agent/core/errors.ts";
import { checkStore, hasStore } from "../../../../../drivers/tpm/store/store-check.ts";
import { temporaryFolder } from "../../../../fakes/core/folder.ts";

const isRoot = process.geteuid?.() === 0;

/** A good store two folders below a folder of the test's own. */
function makeStore() {
  const above = join(temporaryFolder(), "identity");
  const store = join(above, "store");
  const database = join(store, "tpm2_pkcs11.sqlite3");
  mkdirSync(store, { recursive: true, mode: 0o700 });
  writeFileSync(database, "", { mode: 0o600 });
  return { above, store, database };
}

function faultOf(store: string): AgentError {
  try {
    checkStore(store);
  } catch (error) {
    if (error instanceof AgentError) return error;
    throw error;
  }
  throw new Error("the store was taken for a good one");
}

describe("checkStore", () => {
  it("takes a folder of mode 0700 with files of mode 0600", () => {
    const { store } = makeStore();
    expect(() => checkStore(store)).not.toThrow();
    expect(hasStore(store)).toBe(true);
  });

  it.each([
    [0o640, "0640"],
    [0o604, "0604"],
    [0o660, "0660"],
  ])("refuses a file of mode %o, naming path, mode and remedy", (mode, text) => {
    const { store, database } = makeStore();
    chmodSync(database, mode);
    const { code, message, remedy } = faultOf(store);
    expect(code).toBe("identity.store-exposed");
    expect(message).toBe(`${database} has mode ${text}`);
    expect(remedy).toContain(`chmod 600 ${database}`);
  });

  it("refuses another file that others may read, not only the database", () => {
    const { store } = makeStore();
    writeFileSync(join(store, "copy"), "", { mode: 0o644 });
    expect(faultOf(store).message).toContain(join(store, "copy"));
  });

  it("refuses a folder that others may enter", () => {
    const { store } = makeStore();
    chmodSync(store, 0o750);
    expect(faultOf(store)).toMatchObject({
      code: "identity.store-exposed",
      message: `the token store ${store} has mode 0750`,
      remedy: `chmod 700 ${store}`,
    });
  });

  it("refuses a folder above in which others could exchange the store, unless it is sticky", () => {
    const { above, store } = makeStore();
    chmodSync(above, 0o770);
    expect(faultOf(store)).toMatchObject({ code: "identity.store-exposed", remedy: `chmod go-w ${above}` });
    chmodSync(above, 0o1777);
    expect(() => checkStore(store)).not.toThrow();
  });

  it("refuses a link in place of a file, of the store and of a folder above it", () => {
    const { above, store, database } = makeStore();
    symlinkSync(database, join(store, "link"));
    expect(faultOf(store).message).toContain("link is a symbolic link");
    const elsewhere = temporaryFolder();
    symlinkSync(store, join(elsewhere, "store"));
    expect(faultOf(join(elsewhere, "store"))).toMatchObject({ code: "identity.store-exposed" });
    symlinkSync(above, join(elsewhere, "identity"));
    expect(faultOf(join(elsewhere, "identity", "store")).message).toContain(join(elsewhere, "identity"));
  });

  it("refuses what is no file", () => {
    const { store } = makeStore();
    mkdirSync(join(store, "folder"), { mode: 0o700 });
    expect(faultOf(store).message).toContain("folder is not a regular file");
  });

  it("says that there is no store", () => {
    const { above } = makeStore();
    expect(faultOf(join(above, "none"))).toMatchObject({ code: "identity.token-missing" });
    expect(hasStore(join(above, "none"))).toBe(false);
  });

  it.skipIf(!isRoot)("refuses what belongs to another user [needs root to give files away]", () => {
    const own = makeStore();
    chownSync(own.database, 1, 1);
    expect(faultOf(own.store).message).toBe(`${own.database} belongs to user id 1, not to 0`);
    const other = makeStore();
    chownSync(other.above, 1, 1);
    expect(faultOf(other.store)).toMatchObject({ code: "identity.store-exposed", remedy: `chown root ${other.above}` });
  });
});
