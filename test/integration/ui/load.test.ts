import { describe, expect, it } from "vitest";
import { measurePage } from "../../bench/page/page-load.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { keepPicture } from "../../fakes/ui/shown-page.ts";

/** scripts/bench-ui.ts does it for a minute. */
const SECONDS = 20;

describe("the page of a running agent under load", () => {
  it("misses no second of 200 signals at 20 Hz, as it counts itself", async () => {
    const load = await measurePage(temporaryFolder(), SECONDS, (page) => keepPicture(page, "load"));
    expect(load).toMatchObject({ signals: 200, emptySeconds: 0, missedEvents: 0, missedSeconds: 0, complaints: [] });
  }, 240_000);
});
