import { describe, expect, it } from "vitest";
import type { ArtifactSource, Downloader, FetchedArtifact } from "../../../../agent/ports/update.ts";
import { countedDownloader } from "../../../../agent/vehicle/link/counted-downloader.ts";

const ARTIFACT: FetchedArtifact = {
  name: "agent",
  version: "2",
  sizeBytes: 5000,
  sha256: "0".repeat(64),
  file: "/part",
};

/** What was counted of a download that reports these bytes. */
async function countedOf(source: ArtifactSource, reports: readonly number[]) {
  const inner: Downloader = {
    download: async (_source, _artifact, onProgress) => {
      for (const bytes of reports) onProgress(bytes);
      return { kind: "complete" };
    },
  };
  const spent: number[] = [];
  const told: number[] = [];
  const downloader = countedDownloader(inner, (bytes) => void spent.push(bytes));
  await downloader.download(source, ARTIFACT, (bytes) => void told.push(bytes), AbortSignal.timeout(1000));
  expect(told).toEqual(reports);
  return spent;
}

describe("countedDownloader", () => {
  it("counts what comes, not what was there, and again what comes again", async () => {
    const source: ArtifactSource = { kind: "url", url: "https://example.com/agent" };
    expect(await countedOf(source, [1000, 2348, 2348, 0, 1348])).toEqual([1348 + 78, 1348 + 78]);
  });

  it("counts nothing of the vehicle's own disk", async () => {
    expect(await countedOf({ kind: "file", path: "/media/agent" }, [0, 5000])).toEqual([]);
  });
});
