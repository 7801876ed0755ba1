import { chownSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ownerOf } from "../../../../drivers/os/service-user.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";

const NOBODY = 65_534;

describe("ownerOf", () => {
  it("goes by the state, and not by a link in it that its user has made", () => {
    const state = temporaryFolder();
    const user = process.geteuid?.() === 0 ? NOBODY : process.geteuid?.();
    if (user === NOBODY) chownSync(state, NOBODY, NOBODY);
    symlinkSync("/", join(state, "identity"));
    symlinkSync("loop", join(state, "loop"));
    expect(ownerOf([state, join(state, "identity")])).toBe(user);
    expect(ownerOf([state, join(state, "loop")])).toBe(user);
  });

  it.skipIf(process.geteuid?.() !== 0)("goes by the folder in it where the state is root's", () => {
    const state = temporaryFolder();
    const identity = join(state, "identity");
    expect(ownerOf([state, identity])).toBe(0);
    mkdirSync(identity);
    chownSync(identity, NOBODY, NOBODY);
    expect(ownerOf([state, identity])).toBe(NOBODY);
    expect(ownerOf([join(state, "none")])).toBeUndefined();
  });
});
