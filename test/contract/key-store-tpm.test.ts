import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { relabel } from "../bench/tpm/adopted-key.ts";
import { startTpm } from "../bench/tpm/tpm.ts";
import { describeKeyStore } from "./key-store.suite.ts";

describeKeyStore("TPM 2.0 (swtpm)", async () => {
  const folder = await mkdtemp(join(tmpdir(), "causeway-keys-"));
  const tpm = await startTpm({ folder });
  await tpm.keys.delete(tpm.keyLabel);
  return {
    store: tpm.keys,
    relabel: (from, to) => relabel(tpm.storeDir, from, to),
    close: async () => {
      await tpm.stop();
      await rm(folder, { recursive: true });
    },
  };
});
