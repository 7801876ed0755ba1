import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { AgentError } from "../../../../agent/core/errors.ts";
import type { IdentityFiles } from "../../../../agent/ports/identity-files.ts";
import { openIdentityFiles } from "../../../../drivers/os/identity-files.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";

const counted = z.strictObject({ n: z.int() });

describe("the identity folder", () => {
  let folder: string;
  let files: IdentityFiles<{ n: number }>;
  const at = (name: string): string => join(folder, name);
  const codeOf = (act: () => unknown): string | undefined => {
    try {
      act();
    } catch (error) {
      return error instanceof AgentError ? error.code : String(error);
    }
    return undefined;
  };

  beforeEach(() => {
    folder = join(temporaryFolder(), "identity");
    files = openIdentityFiles({ folder, parse: (value) => counted.parse(value) });
  });

  it("is empty before the first write, and private after it", () => {
    expect(files.read()).toEqual({ kind: "none" });
    files.write({ n: 1 });
    expect(files.read()).toEqual({ kind: "current", state: { n: 1 } });
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(at("identity.json")).mode & 0o777).toBe(0o600);
    expect(statSync(files.writeCertificate("a.pem", "PEM")).mode & 0o777).toBe(0o600);
  });

  it.each([
    ["empty", ""],
    ["cut", '{"n":'],
    ["of another kind", '{"n":"two"}'],
    ["too long", `{"n":2${" ".repeat(70_000)}}`],
  ])("takes the last known good state when the present one is %s, and says so", (_, text) => {
    files.write({ n: 1 });
    files.write({ n: 2 });
    writeFileSync(at("identity.json"), text);
    const reading = files.read();
    expect(reading).toMatchObject({ kind: "last", state: { n: 1 } });
    files.write({ n: 3 });
    expect(files.read()).toEqual({ kind: "current", state: { n: 3 } });
    rmSync(at("identity.json"));
    expect(files.read()).toMatchObject({ kind: "last", state: { n: 1 } });
  });

  it("refuses when no state can be used", () => {
    files.write({ n: 1 });
    writeFileSync(at("identity.json"), "");
    expect(codeOf(() => files.read())).toBe("identity.state-damaged");
  });

  it("refuses a file or folder that others can write, and a link", () => {
    files.write({ n: 1 });
    chmodSync(at("identity.json"), 0o640);
    expect(codeOf(() => files.read())).toBe("identity.store-exposed");
    rmSync(at("identity.json"));
    writeFileSync(join(folder, "..", "elsewhere.json"), '{"n":9}', { mode: 0o600 });
    symlinkSync(join(folder, "..", "elsewhere.json"), at("identity.json"));
    expect(() => files.read()).toThrow("is a symbolic link");
    rmSync(at("identity.json"));
    mkdirSync(at("identity.json"), { mode: 0o700 });
    expect(() => files.read()).toThrow("is not a regular file");
    rmSync(at("identity.json"), { recursive: true });
    chmodSync(folder, 0o770);
    expect(() => files.read()).toThrow("0770");
    chmodSync(folder, 0o700);
    chmodSync(join(folder, ".."), 0o777);
    expect(() => files.read()).toThrow("can be written by other users");
  });

  it("removes its own files only, and destroys any", () => {
    const own = files.writeCertificate("b.pem", "PEM");
    const claim = join(folder, "..", "claim.key");
    writeFileSync(claim, "secret");
    files.remove(own);
    files.remove(claim);
    expect([existsSync(own), readFileSync(claim, "utf8")]).toEqual([false, "secret"]);
    const link = join(folder, "..", "hard-link");
    // A second name shows what is left of the bytes.
    linkSync(claim, link);
    files.destroy(claim);
    files.destroy(claim);
    expect(existsSync(claim)).toBe(false);
    expect([...readFileSync(link)]).toEqual([0, 0, 0, 0, 0, 0]);
  });
});
