import { EXIT } from "../agent/core/errors.ts";
import { runChecks } from "./testing/checks.ts";

const failed = await runChecks();
process.exitCode = failed.length > 0 ? EXIT.failed : EXIT.ok;
