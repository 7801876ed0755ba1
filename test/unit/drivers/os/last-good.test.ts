import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { findLastGood, keepLastGood, snapshotOf } from "../../../../drivers/os/last-good.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";

const KEPT_AT = "2026-11-29T08:00:00.000Z";

/** A configuration of three files, and the folder of its copies. */
function vehicle() {
  const folder = temporaryFolder();
  const [main, overlay, dbc] = ["agent.yaml", "agent.d/10-more.yaml", "car.dbc"].map((name) => join(folder, name));
  mkdirSync(join(folder, "agent.d"));
  for (const file of [main, overlay, dbc]) writeFileSync(file, file, { mode: 0o644 });
  const snapshot = () => snapshotOf([main, overlay], [dbc, dbc, join(folder, "gone.pem")]);
  return { main, overlay, dbc, snapshot, copies: join(folder, "state", "last-good") };
}

describe("the last known good configuration", () => {
  it("holds every file as it was, for this user only, and knows where each came from", async () => {
    const { main, dbc, snapshot, copies } = vehicle();
    await keepLastGood(copies, await snapshot(), KEPT_AT);
    const copy = await findLastGood(copies, main);
    expect(copy?.keptAt).toBe(KEPT_AT);
    const { main: copied = "", files = new Map<string, string>() } = copy ?? {};
    const folder = dirname(copied);
    expect(readFileSync(copied, "utf8")).toBe(main);
    expect(readdirSync(join(folder, "agent.d"))).toEqual(["10-more.yaml"]);
    expect([...files.keys()]).toEqual([dbc]);
    expect(readFileSync(files.get(dbc) ?? "", "utf8")).toBe(dbc);
    for (const file of [copied, join(folder, "index.json"), files.get(dbc) ?? ""]) {
      expect(statSync(file).mode & 0o777).toBe(0o600);
    }
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it("is written once, and the one before goes when another comes", async () => {
    const { dbc, snapshot, copies } = vehicle();
    await keepLastGood(copies, await snapshot(), KEPT_AT);
    const before = readdirSync(copies);
    await keepLastGood(copies, await snapshot(), "2027-01-01T00:00:00.000Z");
    expect(readdirSync(copies)).toEqual(before);
    writeFileSync(dbc, "another");
    await keepLastGood(copies, await snapshot(), KEPT_AT);
    expect(readdirSync(copies)).toHaveLength(2);
    expect(readdirSync(copies)).not.toEqual(before);
  });

  it("does not take a file that has changed since the agent read it, and keeps the copy before", async () => {
    const { main, dbc, snapshot, copies } = vehicle();
    await keepLastGood(copies, await snapshot(), KEPT_AT);
    writeFileSync(dbc, "read");
    const read = await snapshot();
    writeFileSync(dbc, "never read");
    await expect(keepLastGood(copies, read, KEPT_AT)).rejects.toThrow(/car\.dbc has changed since it was read/);
    const { files } = (await findLastGood(copies, main)) ?? {};
    expect(readFileSync(files?.get(dbc) ?? "", "utf8")).toBe(dbc);
    expect(readdirSync(copies)).toHaveLength(2);
  });

  it.each(["agent.yaml", "agent.d/10-more.yaml", "files/0-car.dbc", "index.json"])(
    "is not used when its %s is damaged",
    async (name) => {
      const { main, snapshot, copies } = vehicle();
      await keepLastGood(copies, await snapshot(), KEPT_AT);
      const file = join(copies, "current", name);
      const bytes = readFileSync(file);
      bytes[bytes.length >> 1] ^= 1;
      writeFileSync(file, bytes);
      await expect(findLastGood(copies, main)).rejects.toThrow(/last known good configuration in .* cannot be used/);
    },
  );

  it("belongs to one configuration, and is none where nothing was kept", async () => {
    const { main, overlay, snapshot, copies } = vehicle();
    expect(await findLastGood(copies, main)).toBeUndefined();
    await keepLastGood(copies, await snapshot(), KEPT_AT);
    expect(await findLastGood(copies, overlay)).toBeUndefined();
    rmSync(copies, { recursive: true });
    expect(await findLastGood(copies, main)).toBeUndefined();
  });
});
