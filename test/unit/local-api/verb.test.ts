import { describe, expect, it } from "vitest";
import { z } from "zod";
import { servedOn, streamVerb, verb } from "../../../agent/local-api/verb.ts";

const look = verb({
  name: "look",
  socket: "view",
  request: z.object({ limit: z.int().default(50) }),
  answer: z.object({ seen: z.int() }),
});
const count = streamVerb({ name: "count", socket: "view", request: z.object({}), each: z.object({ n: z.int() }) });
const change = verb({ name: "change", socket: "admin", request: z.object({}), answer: z.object({}) });

const served = [
  look.answeredBy(({ limit }) => ({ seen: limit })),
  count.answeredBy(async function* () {
    yield { n: 1 };
  }),
  change.answeredBy(() => ({})),
];
const ask = (socket: "view" | "admin", request: { readonly verb: string; readonly limit?: unknown }): unknown =>
  servedOn(socket, served)[request.verb]?.(request, new AbortController().signal);

describe("servedOn", () => {
  it("answers on view.sock what only looks, and everything on admin.sock", () => {
    expect(Object.keys(servedOn("view", served))).toEqual(["look", "count"]);
    expect(Object.keys(servedOn("admin", served))).toEqual(["look", "count", "change"]);
  });
});

describe("a verb that is answered", () => {
  it("is held to its schemas by the compiler", () => {
    // @ts-expect-error the answer has a field of another type
    look.answeredBy(() => ({ seen: "all" }));
    // @ts-expect-error the answer has no field that the schema wants
    look.answeredBy(async () => ({}));
    // @ts-expect-error the request has a field of another type
    look.answeredBy(({ limit }: { readonly limit: string }) => ({ seen: limit.length }));
    expect(look.answeredBy(() => ({ seen: 1 })).name).toBe("look");
  });

  it("gives its handler the request as its schema reads it", () => {
    expect(ask("view", { verb: "look" })).toEqual({ seen: 50 });
    expect(ask("admin", { verb: "look", limit: 3 })).toEqual({ seen: 3 });
  });

  it("throws what the schema says of a request that does not fit, and does not ask its handler", () => {
    expect(() => ask("view", { verb: "look", limit: "all" })).toThrow(z.ZodError);
  });
});
