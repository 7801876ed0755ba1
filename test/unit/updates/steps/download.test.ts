import { describe, expect, it } from "vitest";
import { download } from "../../../../agent/updates/steps/download.ts";
import { FakeStepContext, twoArtifacts } from "../../../fakes/updates/step-context.ts";

const { signal } = new AbortController();
const METERED = { kind: "closed", waitingFor: "another link" } as const;

describe("download", () => {
  it("counts the bytes of all artifacts together", async () => {
    const context = new FakeStepContext();
    expect(await download(twoArtifacts(), context, signal)).toEqual({ kind: "finished", effect: "at-once" });
    expect(context.progress).toEqual({ bytes: 10, totalBytes: 10, waitingFor: undefined });
  });

  it("asks no link for what lies on the vehicle's own disk", async () => {
    const context = new FakeStepContext();
    context.checks = { ...context.checks, link: async () => METERED };
    expect(await download(twoArtifacts("file"), context, signal)).toMatchObject({ kind: "finished" });
  });

  it("gives the update up for an artifact that no source is given for", async () => {
    const context = new FakeStepContext();
    const record = twoArtifacts();
    const request = { ...record.request, sources: {} };
    expect(await download({ ...record, request }, context, signal)).toEqual({
      kind: "failed",
      reason: "download-failed",
      detail: "first: no source is given",
    });
  });

  it("goes on with a fresh source when one is refused, and gives up when there is none", async () => {
    const context = new FakeStepContext();
    const urls: string[] = [];
    context.downloader = {
      download: async (source) => {
        if (source.kind === "url") urls.push(source.url);
        return urls.length === 1 ? { kind: "denied", detail: "403" } : { kind: "complete" };
      },
    };
    context.checks = { ...context.checks, renew: async () => ({ kind: "url", url: "https://example.com/fresh" }) };
    expect(await download(twoArtifacts(), context, signal)).toMatchObject({ kind: "finished" });
    expect(urls).toEqual(["https://example.com/first", "https://example.com/fresh", "https://example.com/second"]);
    context.downloader = { download: async () => ({ kind: "denied", detail: "403" }) };
    context.checks = { ...context.checks, renew: async () => undefined };
    expect(await download(twoArtifacts(), context, signal)).toMatchObject({ reason: "download-failed", detail: "403" });
  });
});
