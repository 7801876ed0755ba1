import { describe, expect, it } from "vitest";
import { ScrapeAnswers } from "../../../agent/metrics/scrape-answers.ts";
import type { LocalHttpRequest } from "../../../agent/ports/local-http.ts";

function asked(isPort: boolean, text = async (format: string): Promise<string> => `in ${format}\n`) {
  const answers = new ScrapeAnswers({ isPort, text });
  const ask = (request: Partial<LocalHttpRequest> = {}) =>
    answers.answer({ method: "GET", path: "/metrics", host: "127.0.0.1:9464", accept: undefined, ...request });
  return { answers, ask };
}

describe("ScrapeAnswers", () => {
  it("answers in the format that is asked for", async () => {
    const { answers, ask } = asked(true);
    expect(await ask()).toEqual({
      status: 200,
      contentType: "text/plain; version=0.0.4; charset=utf-8",
      body: "in prometheus\n",
    });
    expect(await ask({ accept: "application/openmetrics-text; version=1.0.0" })).toEqual({
      status: 200,
      contentType: "application/openmetrics-text; version=1.0.0; charset=utf-8",
      body: "in openmetrics\n",
    });
    expect(answers.counters()).toEqual({ answered: 2, refused: 0, failed: 0 });
  });

  it("refuses other names of this machine, methods and paths, and counts it", async () => {
    const { answers, ask } = asked(true);
    expect((await ask({ host: "evil.example.com" })).status).toBe(403);
    expect((await ask({ host: undefined })).status).toBe(403);
    expect((await ask({ host: "LOCALHOST" })).status).toBe(200);
    expect((await ask({ method: "POST" })).status).toBe(405);
    expect((await ask({ path: "/" })).status).toBe(404);
    expect(answers.counters()).toEqual({ answered: 1, refused: 4, failed: 0 });
  });

  it("asks for no name on a socket, which no browser reaches", async () => {
    expect((await asked(false).ask({ host: "anything" })).status).toBe(200);
  });

  it("says no more than that the metrics cannot be read", async () => {
    const { answers, ask } = asked(true, async () => {
      throw new Error("secret");
    });
    expect(await ask()).toEqual({ status: 500, contentType: "text/plain", body: "the metrics cannot be read\n" });
    expect(answers.counters().failed).toBe(1);
  });
});
