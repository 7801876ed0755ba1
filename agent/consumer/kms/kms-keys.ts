import { KMSClient } from "@aws-sdk/client-kms";
import type { KeyUnwrapper } from "../../telemetry/record/read/key-unwrapper.ts";
import { kmsUnwrapper } from "./kms-unwrapper.ts";

/** Of one request: an answer that comes later counts for none, and the record is read again. */
const REQUEST_TIMEOUT_MS = 10_000;

/** AWS KMS by the default credentials of the AWS SDK; `region` as it finds it when undefined. */
export function kmsKeys(region: string | undefined, keyArns: readonly string[]): KeyUnwrapper {
  const requestHandler = { requestTimeout: REQUEST_TIMEOUT_MS, throwOnRequestTimeout: true };
  return kmsUnwrapper({ client: new KMSClient({ ...(region !== undefined && { region }), requestHandler }), keyArns });
}
