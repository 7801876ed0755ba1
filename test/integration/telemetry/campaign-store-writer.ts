// Child process of campaign-store-kill.test.ts: saves one version after the other until it is killed, and says each on stdout, a pipe,
// once the save has returned.
import { writeSync } from "node:fs";
import { CampaignStore } from "../../../agent/telemetry/campaigns/arrival/campaign-store.ts";
import { campaignDocument } from "../../../config/campaign.ts";
import { createStateFiles } from "../../../drivers/os/state-files.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

const [folder = "", first = "", size = ""] = process.argv.slice(2);
const store = new CampaignStore({ files: createStateFiles(folder), log: new MemoryLog() });
const collect = [{ signals: "*", mode: "every", ms: 0 }];
for (let version = Number(first); ; version++) {
  const documents = Array.from({ length: Number(size) }, (_, at) =>
    campaignDocument.parse({ schemaVersion: 1, id: `c${at}`, version, collect }),
  );
  store.save("cloud", { documents, forced: [], newest: [], isListGone: false });
  writeSync(1, `${version}\n`);
}
