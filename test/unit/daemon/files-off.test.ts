import { describe, expect, it } from "vitest";
import { loadedBy } from "../../fakes/core/loaded-files.ts";

describe("an agent without the section files", () => {
  it("loads nothing of uploads", () => {
    const loaded = loadedBy("agent/cli/verbs/run.ts");
    expect(loaded.has("agent/daemon/side-lines.ts")).toBe(true);
    const found = [...loaded].filter((path) => /^(agent\/files|drivers\/os\/upload)\/|compose-files/.test(path));
    expect(found).toEqual([]);
  });

  it("loads nothing of credentials and buckets where it has presigned URLs alone", () => {
    const loaded = loadedBy("agent/daemon/compose-files.ts");
    expect([...loaded].filter((path) => /^drivers\/aws\/credentials\/|compose-buckets/.test(path))).toEqual([]);
  });

  it("would load them where it is asked to", () => {
    const loaded = loadedBy("agent/daemon/compose-files.ts");
    expect(["agent/files/uploader.ts", "drivers/os/upload/https-store.ts"].every((path) => loaded.has(path))).toBe(
      true,
    );
  });
});
