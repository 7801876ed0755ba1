import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ConfigSlot } from "../../../../../agent/ports/update.ts";
import { createConfigSlot } from "../../../../../drivers/os/versions/file-set.ts";
import { temporaryFolder } from "../../../../fakes/core/folder.ts";

const RUNNING = "a".repeat(64);

describe("createConfigSlot", () => {
  /** A slot with settings in force, and where they are. */
  function slotWith(text: string | undefined): { readonly slot: ConfigSlot; readonly file: string } {
    const folder = join(temporaryFolder(), "settings");
    const file = join(folder, RUNNING, "agent.d", "settings.yaml");
    mkdirSync(join(folder, RUNNING, "agent.d"), { recursive: true });
    if (text !== undefined) writeFileSync(file, text);
    return { slot: createConfigSlot({ folder, running: RUNNING, check: async () => undefined }), file };
  }

  it.each([
    ["are damaged", '{"collect": {"batch'],
    ["are no settings", "[]"],
    ["are gone", undefined],
  ])("gives none where those in force %s", (_name, text) => {
    expect(slotWith(text).slot.settings()).toEqual({});
  });

  it("gives none while the system cannot read those in force, and gives them then", () => {
    const { slot, file } = slotWith(undefined);
    // A read of a folder fails whoever reads: EISDIR.
    mkdirSync(file);
    expect(slot.settings()).toEqual({});
    rmSync(file, { recursive: true });
    writeFileSync(file, '{"log": {"level": "warn"}}');
    expect(slot.settings()).toEqual({ log: { level: "warn" } });
  });
});
