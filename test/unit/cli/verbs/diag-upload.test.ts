import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { UploadOrder } from "../../../../agent/files/upload-orders.ts";
import type { UploadPlace, UploadPlan } from "../../../../agent/files/upload-plan.ts";
import { fileHandlers } from "../../../../agent/local-api/files-handlers.ts";
import { servedOn } from "../../../../agent/local-api/verb.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { bytesOf, runCli } from "../../../fakes/daemon/cli-runner.ts";
import { serveView } from "../../../fakes/daemon/view-socket.ts";

const URL = "https://b.example.com/k?X-Amz-Signature=canary";
const PLAN: UploadPlan = {
  id: "u-1",
  kind: "bundle",
  name: "support.json.gz",
  sizeBytes: 2500,
  sha256: "0f".repeat(32),
  reason: "",
  state: "waiting",
  etags: [],
  idleMs: 0,
};

async function daemon(refusal?: string) {
  const log = new MemoryLog();
  const orders: UploadOrder[] = [];
  const wanted: string[] = [];
  const handlers = fileHandlers(
    {
      orders: {
        problemWith: (place: UploadPlace) => {
          if (place.kind === "bucket")
            return place.bucket === "logs" ? undefined : `files.buckets has no ${place.bucket}`;
          return place.kind === "whole" && place.url.includes("elsewhere") ? "url leads to elsewhere" : undefined;
        },
        order: async (order) => {
          orders.push(order);
          if (refusal !== undefined) return { kind: "refused", what: refusal };
          return { kind: "ordered", plan: order.place === undefined ? PLAN : { ...PLAN, state: "sending" } };
        },
      },
      wantPlace: ({ id }, why) => void wanted.push(`${id}: ${why}`),
    },
    log,
  );
  const config = await serveView(servedOn("admin", handlers), "admin");
  const run = (args: readonly string[], stdin = "") => runCli(["--config", config, ...args], { stdin: bytesOf(stdin) });
  return { run, orders, wanted, log };
}

describe("causeway diag collect --upload", () => {
  it("orders a bundle, and has the cloud asked for a place", async () => {
    const { run, orders, wanted, log } = await daemon();
    const { stdout, stderr } = await run(["diag", "collect", "--upload", "--reason", "case 7"]);
    expect(orders).toEqual([{ kind: "bundle", name: undefined, lines: undefined, place: undefined, reason: "case 7" }]);
    expect(wanted).toEqual(["u-1: somebody at the vehicle has asked for it"]);
    expect(stdout).toBe(`support.json.gz  2.5 kB  sha256 ${PLAN.sha256}  upload u-1, waiting\n`);
    expect(stderr).toContain("waits until the cloud names a place");
    expect(log.entries.map(({ event }) => event)).toEqual(["admin.upload-ordered"]);
  });

  it("takes the URL from a file or stdin, and tells it nobody", async () => {
    const { run, orders, wanted, log } = await daemon();
    const file = join(temporaryFolder(), "url");
    writeFileSync(file, `${URL}\n`);
    const outputs = [
      await run(["diag", "collect", "--upload", "--url-file", file]),
      await run(["--json", "diag", "collect", "--upload", "--url-file", "-"], URL),
    ];
    expect(orders.map(({ place }) => place)).toEqual([
      { kind: "whole", url: URL },
      { kind: "whole", url: URL },
    ]);
    expect(wanted).toEqual([]);
    expect(JSON.parse(outputs[1]?.stdout ?? "")).toMatchObject({ schemaVersion: 1, kind: "ordered", state: "sending" });
    expect(JSON.stringify([outputs, log.entries])).not.toContain("canary");
  });

  it("sends it to a bucket of the configuration", async () => {
    const { run, orders, wanted } = await daemon();
    const { stdout } = await run(["diag", "collect", "--upload", "--bucket", "logs"]);
    expect([orders.map(({ place }) => place), wanted]).toEqual([[{ kind: "bucket", bucket: "logs" }], []]);
    expect(stdout).toContain("upload u-1, sending");
    await expect(run(["diag", "collect", "--upload", "--bucket", "x"])).rejects.toThrow("files.buckets has no x");
    await expect(run(["diag", "collect", "--upload", "--bucket", "logs", "--url-file", "-"])).rejects.toThrow(
      "cannot be used with",
    );
  });

  it("uploads it also where only a place is named, and writes no file beside", async () => {
    const { run, orders } = await daemon();
    expect((await run(["diag", "collect", "--bucket", "logs", "--reason", "case 7"])).stdout).toContain("upload u-1");
    expect((await run(["diag", "collect", "--url-file", "-"], URL)).stdout).toContain("upload u-1");
    expect(orders.map(({ place }) => place)).toEqual([
      { kind: "bucket", bucket: "logs" },
      { kind: "whole", url: URL },
    ]);
    const output = ["-o", join(temporaryFolder(), "bundle.json.gz")];
    for (const place of [["--upload"], ["--bucket", "logs"], ["--url-file", "-"]]) {
      await expect(run(["diag", "collect", ...place, ...output], URL)).rejects.toThrow("cannot be used with");
    }
    await expect(run(["diag", "collect", "--reason", "case 7", ...output])).rejects.toThrow("--reason goes with");
    expect([orders.length, existsSync(output[1] ?? "")]).toEqual([2, false]);
  });

  it.each([
    ["no URL at all", "\n"],
    ["one that is too long", `https://b.example.com/?canary=${"x".repeat(9000)}`],
  ])("takes no file with %s", async (_, text) => {
    const { run, orders } = await daemon();
    const failed = await run(["diag", "collect", "--upload", "--url-file", "-"], text).catch(
      (thrown: unknown) => thrown,
    );
    expect(failed).toMatchObject({ code: "input.malformed" });
    expect(String(failed)).not.toContain("canary");
    expect(orders).toEqual([]);
  });

  it("says why not", async () => {
    const full = await daemon("16 uploads wait already (files.maxUploads)");
    await expect(full.run(["diag", "collect", "--upload"])).rejects.toThrow("16 uploads wait already");
    const other = await daemon();
    const url = "https://elsewhere.example.com/?canary";
    const failed = await other.run(["diag", "collect", "--upload", "--url-file", "-"], url).catch(String);
    expect(failed).toContain("url leads to elsewhere");
    expect(failed).not.toContain("canary");
    expect(other.orders).toEqual([]);
    const config = await serveView(servedOn("admin", fileHandlers(undefined, new MemoryLog())), "admin");
    await expect(runCli(["--config", config, "diag", "collect", "--upload"])).rejects.toThrow("no section files");
  });
});
